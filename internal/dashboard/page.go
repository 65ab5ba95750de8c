// Package dashboard is the page that operators look at: its files, embedded, and
// the stream that keeps it up to date. What the page shows and does beyond that
// stream is the admin API's. It knows nothing of ours; what it streams is handed
// in by whoever wires it.
package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// files are the page as it is served; nothing builds it. page/uplot holds uPlot
// (MIT licence), which draws the charts.
//
//go:embed page
var files embed.FS

// policy lets the page load what this server has and nothing else. A sandboxed
// frame shows mails in mock mode.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// kinds are the media types of what page holds.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// file is one file of the page, ready to be sent.
type file struct {
	kind, tag   string
	plain, gzip []byte
}

// Serve registers the page at / and its files under /dashboard/. They hold no
// data and are open to anybody.
func Serve(mux *http.ServeMux) error {
	return fs.WalkDir(files, "page", func(name string, entry fs.DirEntry, err error) error {
		kind, served := kinds[path.Ext(name)]
		if err != nil || entry.IsDir() || !served {
			return err
		}
		text, err := files.ReadFile(name)
		if err != nil {
			return fmt.Errorf("dashboard: %w", err)
		}
		pattern := "GET /dashboard/" + strings.TrimPrefix(name, "page/")
		if path.Base(name) == "index.html" {
			pattern = "GET /{$}"
		}
		mux.Handle(pattern, newFile(kind, text))
		return nil
	})
}

func newFile(kind string, text []byte) *file {
	sum := sha256.Sum256(text)
	var packed bytes.Buffer
	zipper := gzip.NewWriter(&packed)
	_, _ = zipper.Write(text) // into memory
	_ = zipper.Close()
	return &file{kind: kind, tag: `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, plain: text, gzip: packed.Bytes()}
}

// ServeHTTP implements [http.Handler]. A browser asks each time and is mostly told
// 304: a newer worker brings a newer page.
func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("Cache-Control", "no-cache")
	header.Set("ETag", f.tag)
	header.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("If-None-Match"), f.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	text := f.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Encoding", "gzip")
		text = f.gzip
	}
	header.Set("Content-Type", f.kind)
	header.Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write(text) // the client may be gone
}
