package app

import (
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/providers"
)

// lookupSamples shows verifications and address searches with each outcome that a
// number or keyword asks for.
func lookupSamples() []sample {
	company := func(shows, number, more string, ends ...delivery.Status) sample {
		return sample{shows: shows, subject: "business.verify", ends: ends, body: fmt.Sprintf(`{"registration_number":%q%s}`, number, more)}
	}
	search := func(shows, keyword, more string, ends ...delivery.Status) sample {
		return sample{shows: shows, subject: "address.search", ends: ends, body: fmt.Sprintf(`{"keyword":%q%s}`, keyword, more)}
	}
	return []sample{
		company("a company", "124-81-00998", "", delivery.Completed),
		company("a representative", "124-81-00998", `,"representative":"홍길동","opened_on":"1969-01-13"`, delivery.Completed),
		company("somebody else", "124-81-00998", `,"representative":"김민수"`, delivery.Completed),
		company("not registered", "101-81-90008", "", delivery.Completed),
		company("closed", "101-81-90009", "", delivery.Completed),
		company("suspended", "101-81-90010", "", delivery.Completed),
		company("registers throttle once", "101-81-90003", "", delivery.Completed),
		company("every register fails: a person is asked", "101-81-90004", "", delivery.ManualReview),
		company("no registration number", "000-00-00000", "", delivery.Rejected),
		search("an address", "강원특별자치도청", "", delivery.Completed),
		search("a street, second page, in English", "춘천 중앙로", `,"page":2,"size":5,"english":true`, delivery.Completed),
		search("no such address", "모의없음", "", delivery.Completed),
		search("address services throttle once", "모의제한", "", delivery.Completed),
		search("address services fail", "모의오류", "", delivery.DeadLettered),
		search("a keyword that is too short", "강", "", delivery.Rejected),
	}
}

// foundBy says in a few words what a look-up came to.
func foundBy(row delivery.Row) string {
	if row.Status != delivery.Completed {
		return ""
	}
	var company providers.BusinessResult
	if row.Kind == command.BusinessVerify && json.Unmarshal(row.Result, &company) == nil {
		return fmt.Sprintf("%s %s (%s)", company.Outcome, company.Company.Name, company.Source)
	}
	var found providers.AddressResult
	if row.Kind == command.AddressSearch && json.Unmarshal(row.Result, &found) == nil {
		return fmt.Sprintf("%d found (%s)", found.Total, found.Source)
	}
	return ""
}
