package alert

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Notice is what a person has still to be told.
type Notice struct {
	ID int64
	Key
	AlertID  uuid.UUID
	What     What
	Severity Severity
	Message  string
	At       time.Time
}

// Silence keeps people from being told of alerts: of one rule or of every one
// (""), about one thing or about whatever ("").
type Silence struct {
	Key
	Until     time.Time
	By, Note  string
	CreatedAt time.Time
}

func (s Silence) covers(k Key) bool {
	return (s.Alert == "" || s.Alert == k.Alert) && (s.Subject == "" || s.Subject == k.Subject)
}

// silenced is until when nobody is told of a key; zero for not at all.
func silenced(silences []Silence, k Key, now time.Time) (until time.Time) {
	for _, s := range silences {
		if s.covers(k) && s.Until.After(now) && s.Until.After(until) {
			until = s.Until
		}
	}
	return until
}

// String is the key for people: "BreakerOpen ses", "all" when it stands for every one.
func (k Key) String() string {
	return strings.TrimSpace(cmp.Or(string(k.Alert), "all") + " " + k.Subject)
}

// word is how a notice begins.
func (n Notice) word() string {
	switch n.What {
	case Resolved:
		return "RESOLVED"
	case Reminded:
		return "STILL " + strings.ToUpper(string(n.Severity))
	default:
		return strings.ToUpper(string(n.Severity))
	}
}

// headline sums notices up in one line.
func headline(notices []Notice) string {
	if len(notices) == 1 {
		return notices[0].word() + " " + notices[0].String()
	}
	firing, over, first := 0, 0, ""
	for _, n := range notices {
		if n.What == Resolved {
			over++
			continue
		}
		if firing++; first == "" {
			first = n.String()
		}
	}
	switch {
	case firing == 0:
		return fmt.Sprintf("%d alerts are resolved", over)
	case over == 0:
		return fmt.Sprintf("%d alerts: %s and more", firing, first)
	default:
		return fmt.Sprintf("%d %s, %d resolved: %s", firing, plural(firing, "alert"), over, first)
	}
}

// Mail is the subject and text of one e-mail about notices. It needs no template:
// a folder of templates that is broken must not keep anybody from being told.
func Mail(notices []Notice) (subject, text string) {
	var b strings.Builder
	for _, n := range notices {
		fmt.Fprintf(&b, "%s  %s\n%s\n%s\n\n", n.word(), n.Key, n.Message, stamp(n.At))
	}
	b.WriteString("publisher alerts lists what fires; publisher alerts silence keeps it quiet for a while.\n")
	return "[Gangway] " + headline(notices), b.String()
}
