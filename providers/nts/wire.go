package nts

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// person is a question of validate; its members are those that the vendor
// requires.
type person struct {
	Number   string `json:"b_no"`
	OpenedOn string `json:"start_dt"` // YYYYMMDD
	Name     string `json:"p_nm"`
}

type statusRequest struct {
	Numbers []string `json:"b_no"`
}

type validateRequest struct {
	Businesses []person `json:"businesses"`
}

// statusItem is the state of one registration.
type statusItem struct {
	Number   string `json:"b_no"`
	State    string `json:"b_stt"`
	Code     string `json:"b_stt_cd"`
	TaxType  string `json:"tax_type"`
	ClosedOn string `json:"end_dt"` // YYYYMMDD
}

// validItem is the comparison of one question. A mismatch has no status.
type validItem struct {
	Number string      `json:"b_no"`
	Valid  string      `json:"valid"`
	Asked  *person     `json:"request_param"`
	Status *statusItem `json:"status"`
}

// envelope is every answer: the service's own, or the gateway's with a code.
type envelope struct {
	StatusCode string           `json:"status_code"`
	Data       []jsontext.Value `json:"data"`
	Code       *int             `json:"code"`
}

// askStatus asks for the state of up to [MostNumbers] registrations.
func (p *Provider) askStatus(ctx context.Context, numbers []string) map[string]reply[statusItem] {
	return exchangeAll(ctx, numbers, call[string, statusItem]{
		provider: p, op: opStatus, path: p.options.StatusPath,
		body:  func(asked []string) any { return statusRequest{Numbers: asked} },
		about: func(item *statusItem, number string) bool { return item.Number == number },
	})
}

// askValidate compares up to [MostNumbers] persons. One number may be asked with
// several persons at once, so an answer is told by what it repeats of them.
func (p *Provider) askValidate(ctx context.Context, persons []person) map[person]reply[validItem] {
	times := map[string]int{}
	for _, who := range persons {
		times[who.Number]++
	}
	return exchangeAll(ctx, persons, call[person, validItem]{
		provider: p, op: opValidate, path: p.options.ValidatePath,
		body: func(asked []person) any { return validateRequest{Businesses: asked} },
		about: func(item *validItem, who person) bool {
			return item.Number == who.Number && (times[who.Number] == 1 || item.Asked != nil && *item.Asked == who)
		},
	})
}

// call is one of the vendor's two calls.
type call[Q comparable, A any] struct {
	provider *Provider
	op, path string
	body     func(asked []Q) any
	about    func(item *A, question Q) bool
}

// exchangeAll makes the call and gives each question its own reply. When the
// vendor calls a shared request malformed, one question spoils it for the
// others: the halves are asked on their own, until that one is alone.
func exchangeAll[Q comparable, A any](ctx context.Context, questions []Q, c call[Q, A]) map[Q]reply[A] {
	replies, malformed := exchangeOnce(ctx, questions, c)
	if !malformed || len(questions) == 1 {
		return replies
	}
	half := len(questions) / 2
	replies = exchangeAll(ctx, questions[:half], c)
	for question, own := range exchangeAll(ctx, questions[half:], c) {
		replies[question] = own
	}
	return replies
}

func exchangeOnce[Q comparable, A any](ctx context.Context, questions []Q, c call[Q, A]) (_ map[Q]reply[A], malformed bool) {
	ctx, exchange := providers.WithExchange(ctx)
	body, err := json.Marshal(c.body(questions))
	if err != nil {
		return failAll[Q, A](questions, *exchange, fault.New(fault.Internal, c.op, "the request is not UTF-8")), true
	}
	answer, err := c.provider.post(ctx, c.op, c.path, body)
	if err != nil {
		return c.failed(questions, *exchange, err), false
	}
	items, err := read(c.op, answer)
	if err != nil {
		return c.failed(questions, *exchange, err), errors.Is(err, errMalformed)
	}
	replies := make(map[Q]reply[A], len(questions))
	for _, question := range questions {
		replies[question] = c.pick(question, items, *exchange)
	}
	return replies, false
}

// failed gives every question the error of the whole call, and shows each only
// its own part of the request.
func (c call[Q, A]) failed(questions []Q, exchange providers.Exchange, err error) map[Q]reply[A] {
	replies := failAll[Q, A](questions, exchange, err)
	for question, own := range replies {
		own.exchange.Request = c.part(question)
		if len(questions) > 1 && exchange.Status == "200" {
			own.exchange.Response = nil // it may hold answers to others
		}
		replies[question] = own
	}
	return replies
}

// pick finds a question's own item. Order is no help: the vendor may leave out
// or repeat numbers.
func (c call[Q, A]) pick(question Q, items []jsontext.Value, exchange providers.Exchange) reply[A] {
	own := reply[A]{exchange: exchange}
	own.exchange.Request, own.exchange.Response = c.part(question), nil
	for _, value := range items {
		var item A
		if providers.DecodeAnswer(value, &item) == nil && c.about(&item, question) {
			own.answer, own.exchange.Response = item, value
			return own
		}
	}
	e := fault.New(fault.Unavailable, c.op, "the answer says nothing about what was asked")
	e.Code = CodeMissing
	own.err = e
	return own
}

func (c call[Q, A]) part(question Q) []byte {
	body, err := json.Marshal(c.body([]Q{question}))
	if err != nil {
		return nil
	}
	return body
}

// outcome is what the state code means. Not registered is a success with empty
// codes and a sentence where the tax type belongs.
func (s *statusItem) outcome() (providers.BusinessOutcome, error) {
	switch s.Code {
	case "01":
		return providers.BusinessActive, nil
	case "02":
		return providers.BusinessSuspended, nil
	case "03":
		return providers.BusinessClosed, nil
	case "":
		if s.State == "" {
			return providers.BusinessNotRegistered, nil
		}
	}
	return "", errors.New("b_stt_cd is not known")
}

func (v *validItem) outcome() (providers.BusinessOutcome, error) {
	switch v.Valid {
	case "01":
		return providers.BusinessMatch, nil
	case "02":
		return providers.BusinessMismatch, nil
	}
	return "", errors.New("valid is not known")
}

// read judges an answer and returns its items.
func read(op string, answer providers.HTTPAnswer) ([]jsontext.Value, error) {
	var got envelope
	err := providers.DecodeAnswer(answer.Body, &got)
	switch {
	case err == nil && got.Code != nil && *got.Code != 0:
		return nil, gatewayFault(op, *got.Code, answer)
	case err == nil && got.StatusCode != "" && got.StatusCode != "OK":
		return nil, serviceFault(op, got.StatusCode, answer)
	case answer.Status != http.StatusOK:
		return nil, providers.StatusFault(op, answer)
	case err == nil && got.Data == nil:
		err = errors.New("no data")
	}
	if err != nil {
		return nil, &fault.Error{Reason: fault.Unavailable, Op: op, Message: "answer cannot be read", Err: err}
	}
	return got.Data, nil
}
