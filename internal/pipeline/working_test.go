package pipeline

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gangwon-portal/gangway/internal/command"
)

// TestWorkingMeasuresProgress: a worker that has nothing to do works, one whose
// commands take no step any more does not, whoever else is alive in it.
func TestWorkingMeasuresProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(nil, nil, nil, Options{Observer: nobody{}})
		time.Sleep(time.Hour)
		if !p.Working() {
			t.Error("an idle worker counts as stuck")
		}
		p.began(command.EmailSend)
		time.Sleep(stuckAfter - time.Second)
		if !p.Working() {
			t.Error("a slow command counts as stuck")
		}
		p.began(command.EmailSend)
		time.Sleep(stuckAfter - time.Second)
		if !p.Working() {
			t.Error("the next command is progress")
		}
		time.Sleep(2 * time.Second)
		if p.Working() {
			t.Error("two commands stand still for minutes, and the worker counts as working")
		}
		p.ended(command.EmailSend)
		if !p.Working() {
			t.Error("a command that ends is progress")
		}
	})
}

// nobody observes nothing.
type nobody struct{ Observer }

func (nobody) Began(command.Kind) {}
func (nobody) Ended(command.Kind) {}
