package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// DevEnvName is the file in a data directory in which a running development
// stack says where it is.
const DevEnvName = "dev.env"

// maxDevEnv bounds what is read of the file, in bytes.
const maxDevEnv = 64 << 10

// ReadDevEnv reads dir/dev.env. A file that is not there means that no
// development stack runs: zero endpoints and no error.
func ReadDevEnv(dir string) (Endpoints, error) {
	path := filepath.Join(dir, DevEnvName)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Endpoints{}, nil
	}
	if err != nil {
		return Endpoints{}, fmt.Errorf("read %s: %w", path, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxDevEnv {
		return Endpoints{}, fault.New(fault.Invalid, "settings", "%s is not the file of a development stack: remove it", path)
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Endpoints{}, nil // the stack stopped between the two calls
	}
	if err != nil {
		return Endpoints{}, fmt.Errorf("read %s: %w", path, err)
	}
	endpoints, err := ParseDevEnv(string(text))
	if err != nil {
		return Endpoints{}, fault.New(fault.Invalid, "settings", "%s: %v", path, err)
	}
	return endpoints, nil
}

// WriteDevEnv writes dir/dev.env with mode 0600: it holds the admin token. The
// file appears whole or not at all, because a publisher may read at any time.
func WriteDevEnv(dir string, endpoints Endpoints) error {
	text, err := FormatDevEnv(endpoints)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, DevEnvName+".*") // created with mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", DevEnvName, err)
	}
	_, err = file.WriteString(text)
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(dir, DevEnvName))
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return fmt.Errorf("write %s: %w", DevEnvName, err)
	}
	return nil
}

// RemoveDevEnv removes dir/dev.env; one that is not there is no error.
func RemoveDevEnv(dir string) error {
	err := os.Remove(filepath.Join(dir, DevEnvName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", DevEnvName, err)
	}
	return nil
}

// ParseDevEnv reads lines of NAME=value. Blank lines, comments and names that
// this version does not know are passed over, so that an older publisher reads
// a newer stack's file.
func ParseDevEnv(text string) (Endpoints, error) {
	var endpoints Endpoints
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, found := strings.Cut(line, "=")
		if !found {
			// The line itself is not repeated: it may be half of a token.
			return Endpoints{}, fmt.Errorf("line %d is not NAME=value", number)
		}
		for _, field := range devFields(&endpoints) {
			if field.name == strings.TrimSpace(name) {
				*field.value = strings.TrimSpace(value)
			}
		}
	}
	return endpoints, nil
}

// FormatDevEnv is the reverse of [ParseDevEnv]: every name, one a line, in the
// order of the public contract.
func FormatDevEnv(endpoints Endpoints) (string, error) {
	var text strings.Builder
	for _, field := range devFields(&endpoints) {
		if *field.value != strings.TrimSpace(*field.value) || strings.ContainsAny(*field.value, "\r\n\x00") {
			return "", fmt.Errorf("write %s: the value of %s has a line break or space around it", DevEnvName, field.name)
		}
		text.WriteString(field.name + "=" + *field.value + "\n")
	}
	return text.String(), nil
}

type devField struct {
	name  string
	value *string
}

func devFields(e *Endpoints) []devField {
	return []devField{
		{"GANGWAY_NATS_URL", &e.NATSURL},
		{"GANGWAY_POSTGRES_URL", &e.PostgresURL},
		{"GANGWAY_HTTP_ADDR", &e.HTTPAddr},
		{"GANGWAY_ADMIN_ADDR", &e.AdminAddr},
		{"GANGWAY_ADMIN_TOKEN", &e.AdminToken},
	}
}
