package webhook

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// answer is what a sender hears: a bare status, or a problem document.
type answer struct {
	status int
	code   fault.Reason
	detail string
	err    error // for the log
}

func refuse(status int, code fault.Reason, detail string) answer {
	return answer{status: status, code: code, detail: detail, err: fmt.Errorf("webhook: %s", detail)}
}

func unavailable(detail string) answer {
	return refuse(http.StatusServiceUnavailable, fault.Unavailable, detail)
}

func full() answer { return unavailable("Too many webhooks at once. Send it again later.") }

func tooLarge(limit int64) answer {
	return refuse(http.StatusRequestEntityTooLarge, fault.Invalid, "The body is larger than "+strconv.FormatInt(limit, 10)+" bytes.")
}

// because adds what the log is to say.
func (a answer) because(err error) answer {
	a.err = err
	return a
}

// write answers. Senders read nothing but the status; people read the rest.
func (a answer) write(w http.ResponseWriter) {
	if a.detail == "" {
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(a.status)
		return
	}
	if a.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "2")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(a.status)
	_ = json.MarshalWrite(w, struct {
		Title  string       `json:"title"`
		Status int          `json:"status"`
		Detail string       `json:"detail"`
		Code   fault.Reason `json:"code"`
	}{http.StatusText(a.status), a.status, a.detail, a.code})
}
