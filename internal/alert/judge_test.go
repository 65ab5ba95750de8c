package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// shelf keeps alerts as the table does.
type shelf struct {
	alerts map[Key]Alert
	lost   bool // another worker is faster
	quiet  []Silence
}

func (s *shelf) Silences(context.Context) ([]Silence, error) { return s.quiet, nil }

func (s *shelf) OpenAlerts(context.Context) (open []Alert, err error) {
	for _, a := range s.alerts {
		open = append(open, a)
	}
	return open, nil
}

func (s *shelf) ChangeAlerts(_ context.Context, changes []Change) ([]Change, error) {
	if s.lost {
		return nil, nil
	}
	for _, c := range changes {
		s.alerts[c.Alert.Key] = c.Alert
		if !c.Alert.ResolvedAt.IsZero() {
			delete(s.alerts, c.Alert.Key)
		}
	}
	return changes, nil
}

// timeline runs a monitor over one reading after another, a second each, and
// returns what was told: "3 raised warning".
func timeline(t *testing.T, patience Patience, store *shelf, levels string) (told []string) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		look := func(context.Context) ([]Reading, error) {
			i := int(time.Since(began) / time.Second)
			r := Reading{Key: Key{BreakerOpen, "ses"}, Severity: Warning, Message: "open"}
			switch levels[min(i, len(levels)-1)] {
			case 'b':
				r.Level = Bad
			case 'B':
				r.Level, r.Severity = Bad, Critical
			case '?':
				r.Level = Doubtful
			case '-': // not mentioned at all
				return nil, nil
			case 'x':
				return nil, errors.New("the database is away")
			}
			return []Reading{r}, nil
		}
		m := NewMonitor(Options{
			Probes: []Probe{{Alerts: []Name{BreakerOpen}, Look: look}}, Store: store,
			Interval: func() time.Duration { return time.Second }, Patience: func() Patience { return patience },
			Told: func(c Change) {
				if c.Silent {
					return
				}
				told = append(told, fmt.Sprintf("%d %s %s", int(time.Since(began)/time.Second), c.What, c.Alert.Severity))
			},
			Trouble: func(string, error) {},
		})
		ctx, stop := context.WithTimeout(t.Context(), time.Duration(len(levels))*time.Second-time.Millisecond)
		defer stop()
		if err := m.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return told
}

// TestRaisedOnceResolvedOnce follows one condition second by second: g good, b
// bad, B grave, ? between the limits, - not mentioned, x not known.
func TestRaisedOnceResolvedOnce(t *testing.T) {
	at := Patience{}
	slow := Patience{For: 2 * time.Second, Keep: 3 * time.Second}
	for _, c := range []struct {
		name     string
		patience Patience
		levels   string
		want     string
	}{
		{"at once", at, "gbbbg", "1 raised warning, 4 resolved warning"},
		{"only when it lasts", slow, "bbgbbbbgggg", "5 raised warning, 10 resolved warning"},
		{"a doubt raises nothing", at, "????", ""},
		{"a doubt resolves nothing", at, "b????g", "0 raised warning, 5 resolved warning"},
		{"what wavers is one alert", slow, "bbbgbgbgggg", "2 raised warning, 10 resolved warning"},
		{"a doubt is not fine", slow, "bbbgg?gggg", "2 raised warning, 9 resolved warning"},
		{"gone from the readings is fine", at, "b-", "0 raised warning, 1 resolved warning"},
		{"not known is not fine", at, "bxxxg", "0 raised warning, 4 resolved warning"},
		{"worse", at, "bbBBg", "0 raised warning, 2 worsened critical, 4 resolved critical"},
		{"better is not told", at, "BBbbg", "0 raised critical, 4 resolved warning"},
		{"reminders", Patience{Repeat: 3 * time.Second}, "bbbbbbbg", "0 raised warning, 3 reminded warning, 6 reminded warning, 7 resolved warning"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if told := strings.Join(timeline(t, c.patience, &shelf{alerts: map[Key]Alert{}}, c.levels), ", "); told != c.want {
				t.Errorf("told: %s\nwant: %s", told, c.want)
			}
		})
	}
}

// TestNextWorkerGoesOn takes over from a worker that died while an alert fired.
func TestNextWorkerGoesOn(t *testing.T) {
	store := &shelf{alerts: map[Key]Alert{}}
	first := timeline(t, Patience{}, store, "bb")
	second := timeline(t, Patience{}, store, "bbg")
	if !slices.Equal(first, []string{"0 raised warning"}) || !slices.Equal(second, []string{"2 resolved warning"}) {
		t.Errorf("%v, then %v", first, second)
	}
	store.lost = true
	if told := timeline(t, Patience{}, store, "bbb"); len(told) > 0 {
		t.Errorf("told although another worker was faster: %v", told)
	}
}

// TestForgottenRulesEnd: a row of a rule that is gone does not fire for ever.
func TestForgottenRulesEnd(t *testing.T) {
	key := Key{"Retired", "ses"}
	store := &shelf{alerts: map[Key]Alert{key: {Key: key, Severity: Warning, Since: time.Unix(0, 0), RaisedAt: time.Unix(0, 0), Version: 1}}}
	if told := timeline(t, Patience{}, store, "gg"); !slices.Equal(told, []string{"0 resolved warning"}) {
		t.Errorf("%v", told)
	}
}

// TestSilence keeps people from being told until it ends; what still fires then
// is told at once.
func TestSilence(t *testing.T) {
	began := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when the clock of synctest begins
	silence := func(k Key) *shelf {
		return &shelf{alerts: map[Key]Alert{}, quiet: []Silence{{Key: k, Until: began.Add(2500 * time.Millisecond)}}}
	}
	for _, c := range []struct {
		about  Key
		levels string
		want   []string
	}{
		{Key{BreakerOpen, "ses"}, "bbbbbg", []string{"3 reminded warning", "5 resolved warning"}},
		{Key{"", ""}, "bbbbbg", []string{"3 reminded warning", "5 resolved warning"}},
		{Key{BreakerOpen, ""}, "bg", nil},
		{Key{"", "ses"}, "bbBBg", []string{"3 reminded critical", "4 resolved critical"}},
		{Key{BreakerOpen, "sns"}, "bg", []string{"0 raised warning", "1 resolved warning"}},
		{Key{OutboxStuck, ""}, "bg", []string{"0 raised warning", "1 resolved warning"}},
	} {
		if told := timeline(t, Patience{}, silence(c.about), c.levels); !slices.Equal(told, c.want) {
			t.Errorf("%v silenced: %q, want %q", c.about, told, c.want)
		}
	}
}
