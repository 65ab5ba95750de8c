package config

import (
	"cmp"
	"fmt"
)

// Overrides are what an operator tells every worker of a fleet at once: a document
// like a configuration file, with keys that take effect without a restart.
type Overrides struct {
	// Version counts the changes; 0 when there never was one.
	Version int
	// Text is YAML; "" overrides nothing.
	Text string
	// File is where Text stands before it is pushed: what mistakes are shown in.
	File string
}

func (l *loader) overrides() {
	o := l.options.Overrides
	origin := Origin{Source: FromFleet, Name: cmp.Or(o.File, fmt.Sprintf("version %d", o.Version))}
	found, err := leaves([]byte(o.Text), &l.problems, "overrides")
	if err != nil {
		l.problems.add("overrides", "", "%v", err)
	}
	for _, leaf := range found {
		origin.Line = leaf.line
		if at, known := l.table.find(leaf.path); known && !at.key.Reload() {
			l.problems.add(leaf.path, "", "needs a restart: it belongs into the file of each worker (%s)", origin)
			continue
		}
		l.put(leaf.path, leaf.raw, origin, "")
	}
}
