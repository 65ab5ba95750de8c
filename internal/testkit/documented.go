package testkit

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Documented is a command line that a document shows.
type Documented struct {
	Where string   // file:line
	Words []string // after the program's name
}

// DocumentedCommands lists what the documents show of a program of ours: in blocks
// of code, and in the text between backticks.
func DocumentedCommands(t testing.TB, program string) (found []Documented) {
	t.Helper()
	root := Root(t)
	var files []string
	for _, pattern := range []string{"README.md", "CONTRIBUTING.md", "docs/*.md", "deploy/README.md", "deploy/systemd/*", "docker-compose.yml", "Dockerfile"} {
		matches, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, matches...)
	}
	inText := regexp.MustCompile("`(" + program + " [^`]+)`")
	// Where a command begins: a line, a pipe, variables set for it, or a container.
	inCode := regexp.MustCompile(`(?:^|[|;] |[A-Z_]+=\S+ |ExecStart=|exec worker-\d )(?:/usr/local/)?(?:bin/)?(` + program + ` [a-z-].*)$`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code := filepath.Ext(file) != ".md"
		for i, line := range strings.Split(string(text), "\n") {
			line = strings.TrimPrefix(strings.TrimSpace(line), "#   ")
			if strings.HasPrefix(line, "```") {
				code = !code
				continue
			}
			for _, shown := range append(inText.FindAllStringSubmatch(line, -1), codeIn(inCode, line, code)...) {
				name, _ := filepath.Rel(root, file)
				found = append(found, Documented{fmt.Sprintf("%s:%d", name, i+1), words(shown[1])[1:]})
			}
		}
	}
	return found
}

func codeIn(pattern *regexp.Regexp, line string, code bool) [][]string {
	if !code {
		return nil
	}
	return pattern.FindAllStringSubmatch(line, -1)
}

// words divides a command line as a shell does, up to what no longer belongs to it.
func words(line string) (all []string) {
	for _, word := range regexp.MustCompile(`"[^"]*"|'[^']*'|\S+`).FindAllString(line, -1) {
		if strings.ContainsAny(word[:1], "<>#&;…\\") || strings.Contains(word, "|") || word == "--" {
			break
		}
		all = append(all, strings.Trim(word, `"'`))
	}
	return all
}
