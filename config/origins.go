package config

import (
	"fmt"
	"strings"
)

// Sources of a value, from the weakest to the strongest.
const (
	FromDefault     = "default"
	FromFile        = "file"
	FromEnvironment = "environment"
	FromFleet       = "fleet"
	FromFlag        = "flag"
)

// Origin says where a value comes from.
type Origin struct {
	Source string
	// Name is the file, the variable or the flag; of a default, what gives it.
	Name string
	// Line of a file, 0 elsewhere.
	Line int
}

// String is for people: "config/dev.yaml line 12", "environment GANGWAY_MOCK".
func (o Origin) String() string {
	switch o.Source {
	case FromFile:
		return fmt.Sprintf("%s line %d", o.Name, o.Line)
	case FromEnvironment:
		return "environment " + o.Name
	case FromFleet:
		return fmt.Sprintf("fleet, %s line %d", o.Name, o.Line)
	case FromFlag:
		return "flag " + o.Name
	default:
		return strings.TrimSpace("default " + o.Name)
	}
}

// Origins say where every value of a loaded configuration comes from.
type Origins struct {
	// Files are those whose change changes the configuration: the file itself and
	// those that secrets were read from.
	Files []string

	places map[string]Origin
}

// Of returns where the value of a path comes from; a default when nothing is
// known of it.
func (o *Origins) Of(path string) Origin {
	if o != nil {
		if origin, ok := o.places[path]; ok {
			return origin
		}
	}
	return Origin{Source: FromDefault}
}
