package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"go.uber.org/zap"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Problem is an RFC 9457 problem document with a reason of the one failure
// vocabulary as its code.
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail is a sentence about this one.
	Detail string       `json:"detail,omitzero"`
	Code   fault.Reason `json:"code"`
	// Field is the mistaken field of the body or parameter of the query.
	Field     string `json:"field,omitzero"`
	RequestID string `json:"request_id,omitzero"`
	TraceID   string `json:"trace_id,omitzero"`

	retryAfter time.Duration
}

// problemOf says of an error what its caller may know: the sentence of a
// classified one, never its cause.
func (a *API) problemOf(err error) Problem {
	if problem, ok := errors.AsType[statusError](err); ok {
		return Problem(problem)
	}
	reason := a.options.Reason(err)
	found := fault.As(err)
	p := Problem{Status: reason.Rule().HTTP, Code: reason, Field: found.Field, Detail: found.Message, retryAfter: found.RetryAfter}
	if reason == fault.Internal || p.Detail == "" {
		p.Detail = sentence(reason)
	}
	if p.Field != "" {
		p.Detail = p.Field + ": " + p.Detail
	}
	return p
}

func sentence(reason fault.Reason) string {
	switch reason {
	case fault.Unavailable, fault.CircuitOpen:
		return "A part that this needs does not answer at the moment. Try again later."
	case fault.Timeout, fault.Cancelled:
		return "No answer was ready in time. Try again later."
	case fault.Internal:
		return "The request could not be answered. The log has the cause under the request id."
	default:
		return "The request was not carried out: " + string(reason) + "."
	}
}

// statusError is a problem with a status that its reason alone would not give.
type statusError Problem

// Error implements error.
func (e statusError) Error() string { return e.Detail }

func conflict(detail string) error {
	return statusError{Status: http.StatusConflict, Code: fault.Refused, Detail: detail}
}

// fail answers an error and logs what the caller does not see.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	problem := a.problemOf(err)
	if problem.Status >= http.StatusInternalServerError {
		id := identity(r.Context())
		a.options.Log.Error("request not answered", zap.String("method", r.Method), zap.String("path", r.URL.Path),
			zap.String("reason", string(problem.Code)), zap.String("request_id", id.request), zap.String("trace_id", id.trace), zap.Error(err))
	}
	writeProblem(w, r, problem)
}

func writeProblem(w http.ResponseWriter, r *http.Request, p Problem) {
	id := identity(r.Context())
	p.RequestID, p.TraceID = id.request, id.trace
	if p.Title == "" {
		p.Title = http.StatusText(p.Status)
	}
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((p.retryAfter+time.Second-1)/time.Second)))
	}
	text, err := json.Marshal(p)
	if err != nil { // only text that is not UTF-8 can do this
		p.Detail = ""
		text, _ = json.Marshal(Problem{Title: p.Title, Status: p.Status, Code: p.Code})
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_, _ = w.Write(text) // the client may be gone
}
