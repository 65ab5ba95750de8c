package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Error is a classified failure. Its text is safe to store and to show to an
// operator: drivers put neither secrets nor personal data into it.
type Error struct {
	Reason Reason
	// Op names what was being done: "smtp: data", "command: decode".
	Op string
	// Field is the JSON path of the mistake when Reason is [Invalid]: "to[0]".
	Field string
	// Code is the provider's own word for it: "550 5.1.1", "NOAG1001".
	Code string
	// Message is one sentence for a person.
	Message string
	// RetryAfter is how long the provider asked us to wait; zero when it did not say.
	RetryAfter time.Duration
	// Err is the cause; it is logged, never shown to end users.
	Err error
}

// New returns an error with a reason, what was being done, and one sentence.
func New(reason Reason, op, format string, args ...any) *Error {
	return &Error{Reason: reason, Op: op, Message: fmt.Sprintf(format, args...)}
}

// Wrap classifies err. It returns nil when err is nil.
func Wrap(reason Reason, op string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Reason: reason, Op: op, Err: err}
}

// InvalidField reports a mistake in one field of a command. The message names
// the value where that is not personal data.
func InvalidField(field, format string, args ...any) *Error {
	return &Error{Reason: Invalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Error joins what is known: op, field, message, code, cause.
func (e *Error) Error() string {
	parts := make([]string, 0, 4)
	if e.Op != "" {
		parts = append(parts, e.Op)
	}
	if e.Field != "" {
		parts = append(parts, e.Field)
	}
	switch {
	case e.Message != "" && e.Code != "":
		parts = append(parts, e.Message+" ("+e.Code+")")
	case e.Message != "":
		parts = append(parts, e.Message)
	case e.Code != "":
		parts = append(parts, e.Code)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	if len(parts) == 0 {
		return string(e.Reason)
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Of returns the reason of err: its own when it carries one, [Cancelled] for a
// cancelled context, [Timeout] for a deadline, else [Internal].
func Of(err error) Reason {
	if err == nil {
		return None
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	switch {
	case errors.Is(err, context.Canceled):
		return Cancelled
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	default:
		return Internal
	}
}

// As returns err as a classified error; an unclassified one is wrapped with the
// reason that [Of] gives. It returns nil when err is nil.
func As(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Reason: Of(err), Err: err}
}
