package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// ids name one request in logs and problems.
type ids struct {
	request     string
	trace       string // 32 hexadecimal digits
	traceParent string // to be handed on
	traceState  string
}

type idsKey struct{}

// traced gives a request its ids, and the answer's headers the request's id.
func traced(ctx context.Context, w http.ResponseWriter, r *http.Request) context.Context {
	if _, known := ctx.Value(idsKey{}).(ids); known {
		return ctx
	}
	id := ids{request: r.Header.Get("X-Request-Id"), traceParent: r.Header.Get("traceparent"), traceState: r.Header.Get("tracestate")}
	if !validRequestID(id.request) {
		id.request = uuid.NewString()
	}
	if !validTraceParent(id.traceParent) {
		id.traceParent, id.traceState = newTraceParent(), ""
	}
	id.trace = strings.Split(id.traceParent, "-")[1]
	w.Header().Set("X-Request-Id", id.request)
	return context.WithValue(ctx, idsKey{}, id)
}

func identity(ctx context.Context) ids {
	id, _ := ctx.Value(idsKey{}).(ids)
	return id
}

func validRequestID(text string) bool {
	return text != "" && len(text) <= 64 && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

func validTraceParent(text string) bool {
	parts := strings.Split(text, "-")
	return len(parts) == 4 && parts[0] == "00" && hexadecimal(parts[1], 32) && hexadecimal(parts[2], 16) && len(parts[3]) == 2
}

// hexadecimal reports whether text has so many digits, not all zero.
func hexadecimal(text string, digits int) bool {
	return len(text) == digits && strings.Trim(text, "0123456789abcdef") == "" && strings.Trim(text, "0") != ""
}

// newTraceParent begins a trace: every command has one.
func newTraceParent() string {
	var id [24]byte
	_, _ = rand.Read(id[:]) // never fails
	return "00-" + hex.EncodeToString(id[:16]) + "-" + hex.EncodeToString(id[16:]) + "-01"
}
