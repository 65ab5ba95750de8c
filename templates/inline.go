package templates

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

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
