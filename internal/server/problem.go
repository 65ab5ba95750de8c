package server

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
)

// Problem is an RFC 9457 problem document with the code of the contract's one
// failure vocabulary.
type Problem struct {
	// Type is a URI of the sort of problem; "" means about:blank.
	Type string `json:"type,omitzero"`
	// Title is the same for every problem of a status; "" takes the status's text.
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail is a sentence about this one, safe for end users.
	Detail string `json:"detail,omitzero"`
	// Code is a reason: "invalid", "unavailable", "internal", …
	Code string `json:"code"`
}

// WriteProblem answers with a problem document.
func WriteProblem(w http.ResponseWriter, problem Problem) {
	if problem.Title == "" {
		problem.Title = http.StatusText(problem.Status)
	}
	text, err := json.Marshal(problem)
	if err != nil { // only text that is not UTF-8 can do this
		text = []byte(`{"title":"Internal Server Error","status":500,"code":"internal"}`)
		problem.Status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(problem.Status)
	_, _ = w.Write(text) // the client may be gone
}

// LimitBody bounds the body of every request. One that says beforehand that it
// is larger is answered 413 unread; reading on past the limit is an error, for
// which [BodyProblem] has the answer.
func LimitBody(limit int64, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > limit {
			WriteProblem(w, BodyProblem(&http.MaxBytesError{Limit: limit}))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		next.ServeHTTP(w, r)
	})
}

// ReadBody reads a body of at most limit bytes. On failure it has answered and
// returns false.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, bool) {
	if r.ContentLength > limit {
		WriteProblem(w, BodyProblem(&http.MaxBytesError{Limit: limit}))
		return nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		WriteProblem(w, BodyProblem(err))
		return nil, false
	}
	return body, true
}

// BodyProblem is the answer to a body that could not be read: 413 when it is too
// large, else 400.
func BodyProblem(err error) Problem {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return Problem{
			Status: http.StatusRequestEntityTooLarge, Code: "invalid",
			Detail: "The body is larger than " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes.",
		}
	}
	return Problem{Status: http.StatusBadRequest, Code: "invalid", Detail: "The body could not be read."}
}
