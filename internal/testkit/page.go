package testkit

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// stepTime bounds one step in a browser.
const stepTime = 20 * time.Second

// NoComplaints fails the test for what the browser complains about while it shows
// a page: anything that the content security policy stops, and every error of a
// script.
func NoComplaints(t testing.TB, page context.Context) {
	t.Helper()
	var mu sync.Mutex
	var list []string
	messages := chromedp.Console(page)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Type == chromedp.ConsoleException || strings.Contains(m.Text, "Content Security Policy") {
				mu.Lock()
				list = append(list, m.Text)
				mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, text := range list {
			t.Errorf("the browser complains: %s", text)
		}
	})
}

// Do does what a person would, one step after the other.
func Do(t testing.TB, page context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	for i, step := range steps {
		limited, stop := context.WithTimeout(page, stepTime)
		err := chromedp.Do(limited, step)
		stop()
		if err != nil {
			pictureOfFailure(t, page)
			t.Fatalf("step %d: %v", i+1, err)
		}
	}
}

// Value evaluates an expression of the page.
func Value[T any](t testing.TB, page context.Context, expression string) T {
	t.Helper()
	limited, stop := context.WithTimeout(page, stepTime)
	defer stop()
	got, err := chromedp.Run(limited, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return got
}

// Until waits for an expression of the page to become true.
func Until(t testing.TB, page context.Context, expression string) {
	t.Helper()
	limited, stop := context.WithTimeout(page, stepTime)
	defer stop()
	if _, err := chromedp.Run(limited, chromedp.Poll[bool](expression)); err != nil {
		pictureOfFailure(t, page)
		t.Fatalf("never true: %s: %v", expression, err)
	}
}

func pictureOfFailure(t testing.TB, page context.Context) {
	t.Helper()
	Picture(t, page, "failed-"+strings.ReplaceAll(t.Name(), "/", "-"))
}

// Picture keeps a screenshot in the folder GANGWAY_SCREENSHOTS, where somebody
// wants to look at it.
func Picture(t testing.TB, page context.Context, name string) {
	t.Helper()
	folder := os.Getenv("GANGWAY_SCREENSHOTS")
	if folder == "" {
		return
	}
	image, err := chromedp.Run(page, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), image, 0o600); err != nil {
		t.Fatal(err)
	}
}
