package api

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Businesses verifies companies for somebody who waits.
type Businesses interface {
	// Verify answers a business.verify. Where nobody can be asked and nothing is
	// kept, the command is left to a person and the row that waits is returned in
	// place of a result.
	Verify(ctx context.Context, cmd *command.Command) (result jsontext.Value, waiting delivery.View, err error)
	// Explain says of a failure what the person who asked may know, in a language
	// of acceptLanguage.
	Explain(err error, acceptLanguage string) error
}

// businesses registers the verifications that are waited for.
func (a *API) businesses() {
	if a.parts.Businesses == nil {
		return
	}
	a.serve("GET /api/v1/businesses/{registration_number}", a.verifyCompany)
	a.serve("GET /api/v1/businesses/{registration_number}/representatives", a.verifyRepresentative)
}

func (a *API) verifyCompany(r *http.Request) (answer, error) {
	if err := queryOf(r).done(); err != nil {
		return answer{}, err
	}
	return a.verify(r, command.Business{})
}

func (a *API) verifyRepresentative(r *http.Request) (answer, error) {
	q := queryOf(r)
	asked := command.Business{Representative: q.text("name"), OpenedOn: q.text("opened_on")}
	if err := q.done(); err != nil {
		return answer{}, err
	}
	if asked.Representative == "" {
		return answer{}, a.parts.Businesses.Explain(fault.InvalidField("name", "is missing"), r.Header.Get("Accept-Language"))
	}
	return a.verify(r, asked)
}

// verify answers a question about the company of the path, and says why it cannot
// in the language of whoever asks.
func (a *API) verify(r *http.Request, asked command.Business) (answer, error) {
	out, err := a.ask(r, asked)
	if err != nil {
		err = a.parts.Businesses.Explain(err, r.Header.Get("Accept-Language"))
	}
	return out, err
}

// questionsDay is the place whose days tell questions apart: the portal's.
var questionsDay = time.FixedZone("KST", 9*60*60)

// ask gives the same question of one day one id, so that somebody who asks again
// and again while nobody can be asked gives a person one task, and then gets what
// the person found out.
func (a *API) ask(r *http.Request, asked command.Business) (answer, error) {
	digits, err := command.RegistrationNumber(r.PathValue("registration_number"))
	if err != nil {
		return answer{}, err
	}
	asked.RegistrationNumber = digits
	body, err := json.Marshal(&asked)
	if err != nil {
		return answer{}, fault.InvalidField("name", "is not text")
	}
	id := identity(r.Context())
	cmd, err := command.Decode(command.BusinessVerify, command.Normal, body, command.Source{
		MsgID:       "businesses/" + digits + "/" + asked.Representative + "/" + asked.OpenedOn + "/" + time.Now().In(questionsDay).Format(time.DateOnly),
		TraceParent: id.traceParent, TraceState: id.traceState, Timestamp: time.Now(),
	})
	if err != nil {
		return answer{}, err
	}
	result, waiting, err := a.parts.Businesses.Verify(r.Context(), cmd)
	switch {
	case err != nil:
		return answer{}, err
	case result != nil:
		return answer{body: result}, nil
	default:
		return answer{status: http.StatusAccepted, body: accepted{ID: waiting.ID, Status: waiting.Status}}, nil
	}
}
