package templates

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/andybalholm/cascadia"
	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/css"
)

// rule is one selector with its declarations.
type rule struct {
	selector     cascadia.Sel
	declarations []declaration
}

type declaration struct {
	property, value string
	important       bool
}

// parseSheet reads one style sheet; what cannot be inlined is appended to kept.
func parseSheet(sheet string, kept *strings.Builder) ([]rule, error) {
	var rules []rule
	var selectors strings.Builder
	var declarations []declaration
	depth := 0 // of at-rules: their content is kept
	parser := css.NewParser(parse.NewInputString(sheet), false)
	for {
		grammar, _, data := parser.Next()
		switch grammar {
		case css.ErrorGrammar:
			if errors.Is(parser.Err(), io.EOF) && !parser.HasParseError() {
				return rules, nil
			}
			return nil, fmt.Errorf("has a mistake in its <style>: %s", firstLine(parser.Err()))
		case css.AtRuleGrammar:
			if string(data) == "@import" {
				return nil, errors.New("has @import in its <style>; mail must not load anything")
			}
			kept.WriteString(string(data) + written(parser.Values()) + ";\n")
		case css.BeginAtRuleGrammar:
			depth++
			kept.WriteString(string(data) + " " + strings.TrimSpace(written(parser.Values())) + "{\n")
		case css.EndAtRuleGrammar:
			depth--
			kept.WriteString("}\n")
		case css.QualifiedRuleGrammar:
			selectors.WriteString(written(parser.Values()) + ",")
		case css.BeginRulesetGrammar:
			selectors.WriteString(written(parser.Values()))
		case css.DeclarationGrammar, css.CustomPropertyGrammar:
			declarations = append(declarations, declared(string(data), written(parser.Values())))
		case css.EndRulesetGrammar:
			found, err := ruleset(selectors.String(), declarations, depth, kept)
			if err != nil {
				return nil, err
			}
			rules = append(rules, found...)
			selectors.Reset()
			declarations = nil
		}
	}
}

// ruleset makes rules of what can be inlined and keeps the rest: everything inside
// an at-rule, and states of a link that only a browser knows.
func ruleset(selectors string, declarations []declaration, depth int, kept *strings.Builder) ([]rule, error) {
	var rules []rule
	var rest []string
	for _, one := range separate(selectors) {
		if depth > 0 || strings.Contains(one, "::") || state.MatchString(one) {
			rest = append(rest, one)
			continue
		}
		selector, err := cascadia.Parse(one)
		if err != nil {
			return nil, fmt.Errorf("has a mistake in its <style>: selector %q: %w", one, err)
		}
		rules = append(rules, rule{selector, declarations})
	}
	if len(rest) > 0 {
		kept.WriteString(strings.Join(rest, ",") + "{")
		for _, d := range declarations {
			kept.WriteString(d.property + ":" + d.value + " !important;")
		}
		kept.WriteString("}\n")
	}
	return rules, nil
}

// state matches pseudo-classes that cascadia accepts and that never apply to a
// document at rest.
var state = regexp.MustCompile(`:(hover|active|focus|visited|target)`)

// separate splits a selector list at its commas, not at those of :not(a, b).
func separate(selectors string) []string {
	var list []string
	depth, from := 0, 0
	for i, r := range selectors {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			list = append(list, strings.TrimSpace(selectors[from:i]))
			from = i + 1
		}
	}
	return append(list, strings.TrimSpace(selectors[from:]))
}

func declared(property, value string) declaration {
	value = strings.TrimSpace(value)
	bare, important := strings.CutSuffix(value, "!important")
	return declaration{property: strings.ToLower(property), value: strings.TrimSpace(bare), important: important}
}

func written(values []css.Token) string {
	var b strings.Builder
	for _, token := range values {
		b.Write(token.Data)
	}
	return b.String()
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
