package handlers

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// Which failure of a queued look-up steps down the ladder instead of waiting.
func TestExhausted(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   *fault.Error
		last  bool
		asked time.Duration // ago
		want  bool
	}{
		{"another round follows", &fault.Error{Reason: fault.Unavailable}, false, 0, false},
		{"no round follows", &fault.Error{Reason: fault.Unavailable}, true, 0, true},
		{"time-out", &fault.Error{Reason: fault.Timeout}, false, 0, false},
		{"an open breaker holds nothing back", &fault.Error{Reason: fault.CircuitOpen}, false, 0, true},
		{"a quota comes back tomorrow", &fault.Error{Reason: fault.QuotaExhausted, RetryAfter: 8 * time.Hour}, false, 0, true},
		{"a moment of peace", &fault.Error{Reason: fault.RateLimited, RetryAfter: time.Second}, false, 0, false},
		{"an hour of peace", &fault.Error{Reason: fault.RateLimited, RetryAfter: time.Hour}, false, 0, true},
		{"moments without end", &fault.Error{Reason: fault.RateLimited, RetryAfter: time.Second}, false, 3 * time.Minute, true},
		{"a mistake of the command", &fault.Error{Reason: fault.Invalid}, true, 0, false},
		{"refused", &fault.Error{Reason: fault.Refused}, true, 0, false},
		{"taken over", &fault.Error{Reason: fault.Cancelled}, true, 0, false},
	} {
		cmd := &command.Command{RequestedAt: time.Now().Add(-c.asked), Payload: &command.Business{}}
		if got := exhausted(cmd, delivery.Run{Last: c.last}, c.err); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestContradicts(t *testing.T) {
	entered := providers.BusinessResult{
		Outcome: providers.BusinessActive,
		Company: command.Company{Name: "주식회사 강원상사", Representative: "김 민수", Status: "active"},
	}
	for _, c := range []struct {
		name    string
		outcome providers.BusinessOutcome
		company command.Company
		want    []string
	}{
		{"the same, written otherwise", "active", command.Company{Name: "(주)강원상사", Representative: "이영희, 김민수", Status: "active"}, nil},
		{"knows less", "found", command.Company{}, nil},
		{"not listed in one register", "not_found", command.Company{}, nil},
		{"closed", "closed", command.Company{Status: "closed"}, []string{"status"}},
		{"another name and person", "active", command.Company{Name: "춘천상사", Representative: "이영희", Status: "active"}, []string{"name", "representative"}},
		{"a name in another script", "active", command.Company{Representative: "金民洙"}, nil},
		{"part of a name", "active", command.Company{Representative: "김민수진"}, []string{"representative"}},
		{"not registered", "not_registered", command.Company{}, []string{"outcome"}},
	} {
		if got := contradicts(entered, providers.BusinessResult{Outcome: c.outcome, Company: c.company}); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestEnteredResult(t *testing.T) {
	asked := func(person string) delivery.Row {
		v := &verification{request: providers.Company{RegistrationNumber: "2208162517", Representative: person}}
		row := delivery.Row{}
		row.Recipient, row.Result = "220-81-62517", v.review(nil).Result
		return row
	}
	for _, c := range []struct {
		name    string
		row     delivery.Row
		company command.Company
		outcome providers.BusinessOutcome
		wrong   string
	}{
		{"a company", asked(""), command.Company{Name: "강원상사"}, providers.BusinessFound, ""},
		{"its status", asked(""), command.Company{Name: "강원상사", Status: "suspended"}, providers.BusinessSuspended, ""},
		{"the person", asked("홍길동"), command.Company{Name: "강원상사", Representative: "홍 길동"}, providers.BusinessMatch, ""},
		{"one of two who were entered", asked("성춘향"), command.Company{Name: "강원상사", Representative: "홍길동, 성춘향(成春香)"}, providers.BusinessMatch, ""},
		{"perhaps one of those left out", asked("성춘향"), command.Company{Name: "강원상사", Representative: "홍길동 외 1명"}, providers.BusinessFound, ""},
		{"another person", asked("홍길동"), command.Company{Name: "강원상사", Representative: "김민수", Status: "active"}, providers.BusinessMismatch, ""},
		{"nobody", asked("홍길동"), command.Company{Name: "강원상사"}, "", "company.representative"},
		{"another number", asked(""), command.Company{Name: "강원상사", RegistrationNumber: "1248100998"}, "", "company.registration_number"},
	} {
		value, err := enteredResult(c.row, c.company)
		if c.wrong != "" {
			if fault.Of(err) != fault.Invalid || fault.As(err).Field != c.wrong {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		var result providers.BusinessResult
		if err != nil || json.Unmarshal(value, &result) != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if result.Outcome != c.outcome || result.Source != "manual" || result.Company.RegistrationNumber != "2208162517" || result.AsOf.IsZero() {
			t.Errorf("%s: %+v", c.name, result)
		}
	}
}

func TestEnteredCompany(t *testing.T) {
	got, err := enteredCompany(command.Company{Name: "  강원\n상사 ", RegistrationNumber: "220-81-62517", OpenedOn: "1999-02-28"})
	if err != nil || got.Name != "강원 상사" || got.RegistrationNumber != "2208162517" {
		t.Errorf("%+v, %v", got, err)
	}
	for field, company := range map[string]command.Company{
		"company.name":                {Name: strings.Repeat("가", 100)},
		"company.opened_on":           {Name: "x", OpenedOn: "1999-02-30"},
		"company.closed_on":           {Name: "x", ClosedOn: "yesterday"},
		"company.postal_code":         {Name: "x", PostalCode: strings.Repeat("1", 11)},
		"company.registration_number": {Name: "x", RegistrationNumber: "12"},
	} {
		if _, err := enteredCompany(company); fault.As(err) == nil || fault.As(err).Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
