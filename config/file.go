package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds a configuration file, in bytes.
const maxFile = 1 << 20

// leaf is one value of a file: where it stands and its text as it was written.
// Reading the text, not YAML's idea of its type, keeps the leading zero of a
// phone number.
type leaf struct {
	path string
	raw  raw
	line int
}

// leaves reads a YAML document into its values. Mistakes of form are problems
// with the key and line; a document that is no YAML is one error.
func leaves(text []byte, problems *Problems, file string) ([]leaf, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("holds more than one YAML document; put everything into one")
	}
	walk := yamlWalk{file: file, problems: problems}
	walk.visit(document.Content[0], nil, 0)
	return walk.found, nil
}

type yamlWalk struct {
	file     string
	problems *Problems
	found    []leaf
	visits   int
}

func (w *yamlWalk) visit(node *yaml.Node, parts []string, depth int) {
	path := strings.Join(parts, ".")
	// Aliases of aliases can make a small file endless.
	if w.visits++; w.visits > 100_000 {
		return
	}
	switch node.Kind {
	case yaml.AliasNode:
		// An alias may not lead back into itself; the depth of real keys is small.
		if depth < 16 {
			w.visit(node.Alias, parts, depth+1)
		} else {
			w.problem(path, node, "aliases are nested too deep")
		}
	case yaml.MappingNode:
		w.mapping(node, parts, depth)
	case yaml.SequenceNode:
		if path == "" {
			w.problem(w.file, node, "the file holds a list; keys are expected")
			return
		}
		items := make([]string, 0, len(node.Content))
		for _, item := range node.Content {
			if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
				w.problem(path, item, "a list holds plain values only")
				return
			}
			items = append(items, item.Value)
		}
		w.found = append(w.found, leaf{path, raw{list: items, isList: true}, node.Line})
	case yaml.ScalarNode:
		switch {
		case node.Tag == "!!null": // nothing is said: the default stands
		case path == "":
			w.problem(path, node, "the file holds a single value; keys are expected")
		default:
			w.found = append(w.found, leaf{path, raw{text: node.Value}, node.Line})
		}
	default: // a document stands at the top alone, and is taken apart there
	}
}

func (w *yamlWalk) mapping(node *yaml.Node, parts []string, depth int) {
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		key := strings.ToLower(name.Value)
		next := append(parts[:len(parts):len(parts)], key)
		switch first, twice := seen[key]; {
		case name.Kind != yaml.ScalarNode || key == "":
			w.problem(strings.Join(parts, "."), name, "a key is a plain word")
		case twice:
			w.problem(strings.Join(next, "."), name, fmt.Sprintf("stands twice, first in line %d", first))
		case depth > 16:
			w.problem(strings.Join(next, "."), name, "is nested too deep")
		default:
			seen[key] = name.Line
			w.visit(value, next, depth+1)
		}
	}
}

func (w *yamlWalk) problem(path string, node *yaml.Node, message string) {
	if path == "" {
		path = w.file
	}
	w.problems.add(path, "", "%s (%s line %d)", message, w.file, node.Line)
}
