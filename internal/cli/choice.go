package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// format is how results are printed.
type format string

const (
	tableFormat format = "table"
	jsonFormat  format = "json"
)

// String, Set and Type make format a flag.
func (f *format) String() string { return string(*f) }

// Set implements the flag's check.
func (f *format) Set(text string) error {
	switch format(text) {
	case tableFormat, jsonFormat:
		*f = format(text)
		return nil
	}
	return fmt.Errorf("%q must be table or json", text)
}

// Type names the flag's values.
func (f *format) Type() string { return "FORMAT" }

// oneOf reads words of a closed vocabulary and names it when a word is not of it.
func oneOf[W ~string](flag string, texts []string, known []W) ([]W, error) {
	var words []W
	for _, text := range texts {
		word, err := pick(text, known)
		if err != nil {
			return nil, misused(flag, err)
		}
		words = append(words, word)
	}
	return words, nil
}

func pick[W ~string](text string, known []W) (W, error) {
	for _, word := range known {
		if string(word) == text {
			return word, nil
		}
	}
	return "", fmt.Errorf("%q is not known: give one of %s", text, joined(known))
}

func joined[W ~string](list []W) string { return strings.Join(words(list), ", ") }

func words[W ~string](list []W) []string {
	texts := make([]string, len(list))
	for i, word := range list {
		texts[i] = string(word)
	}
	return texts
}

// offers completes a flag from a closed vocabulary.
func offers[W ~string](cmd *cobra.Command, flag string, list []W) {
	// The error is of a flag that does not exist: a mistake of this package that
	// the test over all commands finds.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words(list), cobra.ShellCompDirectiveNoFileComp))
}

func parseKinds(texts []string) ([]command.Kind, error) { return oneOf("kind", texts, command.Kinds()) }

func parseStatuses(texts []string) ([]delivery.Status, error) {
	return oneOf("status", texts, delivery.Statuses())
}

func parseReasons(texts []string) ([]fault.Reason, error) {
	return oneOf("reason", texts, fault.Reasons())
}

// assignments reads NAME=VALUE words.
func assignments(flag string, texts []string) (map[string]string, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	values := make(map[string]string, len(texts))
	for _, text := range texts {
		name, value, found := strings.Cut(text, "=")
		if !found || name == "" {
			return nil, misused(flag, fmt.Errorf("%q is not NAME=VALUE", text))
		}
		if _, twice := values[name]; twice {
			return nil, misused(flag, fmt.Errorf("%q is given twice", name))
		}
		values[name] = value
	}
	return values, nil
}
