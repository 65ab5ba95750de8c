package lookup

import (
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// problem is an RFC 9457 document with the code of the one failure vocabulary.
type problem struct {
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail"`
	Code   fault.Reason `json:"code"`
	Field  string       `json:"field,omitzero"`
}

func writeProblem(w http.ResponseWriter, r *http.Request, status int, s sentence) {
	tag := tongue(r.Header.Get("Accept-Language"))
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("Content-Language", tag)
	header.Add("Vary", "Accept-Language")
	w.WriteHeader(status)
	// The client may be gone.
	_ = json.MarshalWrite(w, problem{Title: http.StatusText(status), Status: status, Detail: s.in(tag), Code: s.code, Field: s.field})
}

// crossOrigin lets the pages of allowed origins read the answers. No cookie or
// login is involved, so none is allowed.
func (p *Public) crossOrigin(w http.ResponseWriter, r *http.Request) {
	w.Header().Add("Vary", "Origin")
	if origin := r.Header.Get("Origin"); slices.Contains(p.current.Load().options.Origins, origin) {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
}

func (p *Public) preflight(w http.ResponseWriter, r *http.Request) {
	p.crossOrigin(w, r)
	w.Header().Set("Access-Control-Allow-Methods", "GET, POST")
	w.Header().Set("Access-Control-Allow-Headers", "Content-Type, Accept-Language")
	w.Header().Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}
