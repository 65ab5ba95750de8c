package dashboard

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func get(t *testing.T, handler http.Handler, address string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, address, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// TestPage follows every reference of the page and its files: all of them are
// served, and none leads elsewhere.
func TestPage(t *testing.T) {
	mux := http.NewServeMux()
	if err := Serve(mux); err != nil {
		t.Fatal(err)
	}
	home := get(t, mux, "/", "Accept-Encoding", "gzip")
	if home.Code != http.StatusOK || !strings.Contains(home.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Fatalf("%d %v", home.Code, home.Header())
	}
	unzipped, err := gzip.NewReader(home.Body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unzipped)
	if err != nil || !strings.Contains(string(text), "<title>") {
		t.Fatalf("%s %v", text, err)
	}
	if w := get(t, mux, "/", "If-None-Match", home.Header().Get("ETag")); w.Code != http.StatusNotModified {
		t.Error(w.Code)
	}
	reference := regexp.MustCompile(`(?:src|href)="([^"#]+)"|from "([^"]+)"`)
	served := 0
	err = fs.WalkDir(files, "page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Base(path.Dir(name)) == "uplot" {
			return err
		}
		text, err := files.ReadFile(name)
		for _, found := range reference.FindAllStringSubmatch(string(text), -1) {
			target := found[1]
			if target == "" {
				target = path.Join("/dashboard", found[2])
			}
			if w := get(t, mux, target); w.Code != http.StatusOK || w.Header().Get("Content-Type") == "" {
				t.Errorf("%s refers to %s, which is answered %d", name, target, w.Code)
			}
			served++
		}
		if strings.Contains(string(text), "innerHTML") || strings.Contains(string(text), "http://") && !strings.Contains(string(text), "http://www.w3.org/") {
			t.Errorf("%s makes markup of text, or leads elsewhere", name)
		}
		return err
	})
	if err != nil || served < 10 {
		t.Errorf("%d references, %v", served, err)
	}
	if w := get(t, mux, "/dashboard/uplot/LICENSE"); w.Code != http.StatusNotFound {
		t.Error(w.Code)
	}
}

// events reads a stream of events: name and data in turn.
func events(t *testing.T, url string) (next func() (name, data string), closed func() bool) {
	t.Helper()
	response, err := http.Get(url) // it ends with the server
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	lines := bufio.NewScanner(response.Body)
	next = func() (name, data string) {
		for lines.Scan() {
			line := lines.Text()
			if after, ok := strings.CutPrefix(line, "event: "); ok {
				name = after
			} else if after, ok := strings.CutPrefix(line, "data: "); ok {
				return name, after
			}
		}
		return "", ""
	}
	return next, func() bool {
		for lines.Scan() {
		}
		return lines.Err() == nil
	}
}

func TestLive(t *testing.T) {
	var reads, value atomic.Int64
	var broken atomic.Bool
	draining := make(chan struct{})
	live := NewLive([]Topic{
		{Name: "number", Every: time.Millisecond, Read: func(context.Context) (any, error) {
			if broken.Load() {
				return nil, errors.New("secret detail")
			}
			return map[string]int64{"n": value.Load()}, nil
		}},
		{Name: "slow", Every: time.Hour, Read: func(context.Context) (any, error) { return reads.Add(1), nil }},
	}, LiveOptions{Draining: func(context.Context) <-chan struct{} { return draining }, Watchers: 2})
	server := httptest.NewServer(live)
	t.Cleanup(server.Close)
	next, closed := events(t, server.URL)
	other, _ := events(t, server.URL)
	want := func(next func() (string, string), name, data string) {
		t.Helper()
		if n, d := next(); n != name || d != data {
			t.Errorf("%s %s, want %s %s", n, d, name, data)
		}
	}
	want(next, "number", `{"n":0}`)
	want(next, "slow", `1`)
	want(other, "number", `{"n":0}`)
	want(other, "slow", `1`) // read once for both
	if w := get(t, live, "/"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("a third page: %d", w.Code)
	}
	value.Store(1)
	want(next, "number", `{"n":1}`)
	broken.Store(true)
	want(next, "number", `{"error":"internal"}`)
	broken.Store(false)
	want(next, "number", `{"n":1}`)
	close(draining)
	if !closed() {
		t.Error("the stream outlives its server")
	}
}
