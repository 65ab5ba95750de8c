package templates

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"
	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/css"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
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

// inline moves the style sheets of doc into the elements, because several mail
// programs drop <style>. What an element cannot carry (@media, :hover) stays in the
// head, marked important so that it wins over the inlined.
func inline(doc *html.Node) error {
	var rules []rule
	var kept strings.Builder
	var home *html.Node // the first <style>; what is kept goes there
	var spent []*html.Node
	for node := range doc.Descendants() {
		if node.DataAtom != atom.Style || node.FirstChild == nil {
			continue
		}
		found, err := parseSheet(node.FirstChild.Data, &kept)
		if err != nil {
			return err
		}
		rules = append(rules, found...)
		if home == nil {
			home = node
			continue
		}
		spent = append(spent, node)
	}
	if home == nil {
		return nil
	}
	for _, node := range spent {
		node.Parent.RemoveChild(node)
	}
	home.FirstChild.Data = kept.String()
	if kept.Len() == 0 {
		home.Parent.RemoveChild(home)
	}
	// Later rules of the same weight win, so the order must be kept: stable.
	slices.SortStableFunc(rules, func(a, b rule) int {
		x, y := a.selector.Specificity(), b.selector.Specificity()
		return slices.Compare(x[:], y[:])
	})
	for node := range doc.Descendants() {
		if node.Type == html.ElementNode {
			dress(node, rules)
		}
	}
	return nil
}

// dress gives one element the declarations that apply to it. Its own style
// attribute comes after the ordinary ones and before the important ones.
func dress(node *html.Node, rules []rule) {
	var ordinary, important []declaration
	put := func(to []declaration, d declaration) []declaration {
		to = slices.DeleteFunc(to, func(have declaration) bool { return have.property == d.property })
		return append(to, d)
	}
	for _, r := range rules {
		if !r.selector.Match(node) {
			continue
		}
		for _, d := range r.declarations {
			if d.important {
				important = put(important, d)
			} else {
				ordinary = put(ordinary, d)
			}
		}
	}
	if len(ordinary)+len(important) == 0 {
		return
	}
	var style []string
	for _, d := range ordinary {
		style = append(style, d.property+":"+d.value)
	}
	at := slices.IndexFunc(node.Attr, func(a html.Attribute) bool { return a.Key == "style" })
	if at >= 0 {
		style = append(style, strings.Trim(node.Attr[at].Val, "; "))
	}
	for _, d := range important {
		style = append(style, d.property+":"+d.value)
	}
	value := strings.Join(style, ";")
	if at >= 0 {
		node.Attr[at].Val = value
		return
	}
	node.Attr = append(node.Attr, html.Attribute{Key: "style", Val: value})
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

// ruleset makes rules of what can be inlined and keeps the rest.
func ruleset(selectors string, declarations []declaration, depth int, kept *strings.Builder) ([]rule, error) {
	var rules []rule
	var rest []string
	if depth > 0 {
		rest = []string{selectors}
	} else if group, err := cascadia.ParseGroup(selectors); err == nil {
		for _, selector := range group {
			rules = append(rules, rule{selector, declarations})
		}
	} else {
		// One pseudo-class that only a browser knows must not cost its neighbours.
		for _, one := range strings.Split(selectors, ",") {
			selector, err := cascadia.Parse(one)
			switch {
			case err == nil:
				rules = append(rules, rule{selector, declarations})
			case strings.Contains(one, ":"):
				rest = append(rest, one)
			default:
				return nil, fmt.Errorf("has a mistake in its <style>: selector %q: %v", one, err)
			}
		}
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
