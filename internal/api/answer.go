package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// answer is what an operation has to say.
type answer struct {
	status int // 200 when zero
	body   any // becomes JSON; nil for no body
	text   []byte
	kind   string // media type of text
	policy string // Content-Security-Policy of a page; "" for the strict default
}

// list is a page of a list. Next is the cursor of the next page, null on the last.
type list[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next"`
}

func listOf[T any](items []T, next string) answer {
	l := list[T]{Items: items}
	if next != "" {
		l.Next = &next
	}
	return answer{body: l}
}

// worthZipping is the size from which compressing pays.
const worthZipping = 1400

// write sends the answer. What is read has an ETag of its content, so that a
// dashboard that asks again and again is told 304.
func (a answer) write(w http.ResponseWriter, r *http.Request) error {
	status, text, kind := a.status, a.text, a.kind
	if status == 0 {
		status = http.StatusOK
	}
	if a.body != nil {
		var err error
		if text, err = json.Marshal(a.body, json.Deterministic(true)); err != nil {
			return fmt.Errorf("api: encode: %w", err)
		}
		kind = "application/json"
	}
	header := w.Header()
	if text == nil {
		w.WriteHeader(status)
		return nil
	}
	header.Set("Content-Type", kind)
	if a.policy != "" {
		header.Set("Content-Security-Policy", a.policy)
		header.Del("X-Frame-Options") // the policy says it
	}
	header.Add("Vary", "Accept-Encoding, Authorization, Cookie")
	if r.Method == http.MethodGet && status == http.StatusOK {
		tag := etag(text)
		header.Set("ETag", tag)
		header.Set("Cache-Control", "private, no-cache")
		if matches(r.Header.Get("If-None-Match"), tag) {
			header.Del("Content-Type")
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	if len(text) >= worthZipping && takesGzip(r) {
		header.Set("Content-Encoding", "gzip")
		text = zipped(text)
	}
	header.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client may be gone
	return nil
}

// etag is weak: the same content may travel zipped or not.
func etag(text []byte) string {
	sum := sha256.Sum256(text)
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

func matches(given, tag string) bool {
	for one := range strings.SplitSeq(given, ",") {
		if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

func takesGzip(r *http.Request) bool {
	for one := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.ReplaceAll(one, " ", ""), ";")
		quality, err := strconv.ParseFloat(strings.TrimPrefix(weight, "q="), 64)
		if (name == "gzip" || name == "*") && (err != nil || quality > 0) {
			return true
		}
	}
	return false
}

func zipped(text []byte) []byte {
	var out bytes.Buffer
	zipper := gzip.NewWriter(&out)
	_, _ = zipper.Write(text) // into memory
	_ = zipper.Close()
	return out.Bytes()
}
