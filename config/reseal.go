package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// sealedValue finds sealed values in a text of any form: YAML, variables of an
// environment file, a file that holds one secret.
var sealedValue = regexp.MustCompile(regexp.QuoteMeta(sealedPrefix) + `[A-Za-z0-9+/]+=*`)

// SecretsKey returns the identities in GANGWAY_SECRETS_KEY and the file of
// GANGWAY_SECRETS_KEY_FILE. The environment is NAME=value; nil takes the process's.
func SecretsKey(environment []string) (Secret, error) {
	l := &loader{environ: environ(environment)}
	l.secrets = references{environ: l.environ}
	key := l.secretsKey()
	return key, l.problems.orNil()
}

// Reseal opens every sealed value of a text with keys and seals it anew for
// recipients. All else stays as it is. One that does not open is an error: a text
// that is half re-sealed would need both keys for ever.
func Reseal(text []byte, keys Secret, recipients ...string) (resealed []byte, values int, err error) {
	var errs []error
	line := func(at int) int { return 1 + strings.Count(string(text[:at]), "\n") }
	var out []byte
	end := 0
	for _, at := range sealedValue.FindAllIndex(text, -1) {
		values++
		out, end = append(out, text[end:at[0]]...), at[1]
		secret, err := Unseal(string(text[at[0]:at[1]]), keys)
		if err != nil {
			errs = append(errs, fmt.Errorf("line %d: %s", line(at[0]), strings.TrimPrefix(err.Error(), "config: ")))
			continue
		}
		sealed, err := Seal(secret, recipients...)
		if err != nil {
			return nil, 0, err
		}
		out = append(out, sealed...)
	}
	return append(out, text[end:]...), values, errors.Join(errs...)
}

// ResealFile is [Reseal] of a file in place. A reader finds the old file or the
// new one, never a part; on an error the old one stands.
func ResealFile(path string, keys Secret, recipients ...string) (values int, err error) {
	path, err = filepath.EvalSymlinks(path) // a link stays one
	if err != nil {
		return 0, fmt.Errorf("config: rotate: %w", err)
	}
	text, err := readBounded(path, maxFile)
	if err != nil {
		return 0, fmt.Errorf("config: rotate: %w", err)
	}
	resealed, values, err := Reseal(text, keys, recipients...)
	if err != nil {
		return 0, fmt.Errorf("config: rotate: %s: %w", path, err)
	}
	if values == 0 {
		return 0, nil
	}
	if err := replaceFile(path, resealed); err != nil {
		return 0, fmt.Errorf("config: rotate: %w", err)
	}
	return values, nil
}

// replaceFile puts a file in the place of another, with its permissions, and
// returns when that would survive a loss of power.
func replaceFile(path string, text []byte) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(next.Name())
		}
	}()
	_, err = next.Write(text)
	err = errors.Join(err, next.Chmod(info.Mode().Perm()), next.Sync(), next.Close())
	if err == nil {
		err = os.Rename(next.Name(), path)
	}
	if err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// ReadSecret reads one secret from r, without the line break at its end.
func ReadSecret(r io.Reader) (Secret, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSecret+1))
	switch {
	case err != nil:
		return Secret{}, fmt.Errorf("config: read secret: %w", err)
	case len(text) > maxSecret:
		return Secret{}, fmt.Errorf("config: secret is larger than %d bytes", maxSecret)
	}
	secret := NewSecret(strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"))
	if secret.IsZero() {
		return Secret{}, errors.New("config: secret is empty")
	}
	return secret, nil
}
