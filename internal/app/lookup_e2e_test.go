package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// quick lets look-ups that fail come to their end within a second.
var quick = []string{
	"RETRY_BUSINESS_BASE=5ms", "RETRY_ADDRESS_BASE=5ms", "PROVIDERS_NICEDNB_TIMEOUT=3s", "PROVIDERS_NTS_TIMEOUT=3s",
	"PROVIDERS_JUSO_TIMEOUT=3s", "PROVIDERS_KAKAO_TIMEOUT=3s",
}

func (o *office) verify(number, more string) uuid.UUID {
	o.t.Helper()
	return o.publish("business.verify", fmt.Sprintf(`{"registration_number":%q%s}`, number, more))
}

func (o *office) find(keyword, more string) uuid.UUID {
	o.t.Helper()
	return o.publish("address.search", fmt.Sprintf(`{"keyword":%q%s}`, keyword, more))
}

// company waits for a verification to be completed and returns its result.
func (o *office) company(id uuid.UUID) (delivery.Row, providers.BusinessResult) {
	o.t.Helper()
	row := o.await(id, delivery.Completed, delivery.ManualReview, delivery.DeadLettered, delivery.Rejected, delivery.Failed)
	var result providers.BusinessResult
	if row.Status != delivery.Completed {
		o.t.Fatalf("%s ended as %s: %s", row.Recipient, row.Status, row.ErrorMessage)
	}
	o.check(json.Unmarshal(row.Result, &result))
	return row, result
}

func (o *office) addresses(id uuid.UUID) (delivery.Row, providers.AddressResult) {
	o.t.Helper()
	row := o.await(id, delivery.Completed)
	var result providers.AddressResult
	o.check(json.Unmarshal(row.Result, &result))
	return row, result
}

// fail makes every call of some providers an error.
func (o *office) fail(names ...string) {
	for _, name := range names {
		o.sim.SetFault(name, simulator.Fault{Outcome: simulator.Error, Rate: 1, Until: time.Now().Add(time.Hour)})
	}
}

func (o *office) mend(names ...string) {
	for _, name := range names {
		o.sim.SetFault(name, simulator.Fault{})
	}
}

// told waits for the one message that a stream is to hold on a subject.
func (o *office) told(stream, subject string) *jetstream.RawStreamMsg {
	o.t.Helper()
	var found []*jetstream.RawStreamMsg
	testkit.Eventually(o.t, 10*time.Second, func() bool {
		found = o.messages(stream, subject)
		return len(found) > 0
	}, "nothing on %s", subject)
	if len(found) > 1 {
		o.t.Errorf("%d messages on %s, want one", len(found), subject)
	}
	return found[0]
}

func TestBusinessVerify(t *testing.T) {
	o := newOffice(t, quick...)
	for _, c := range []struct {
		name, number, more string
		outcome            providers.BusinessOutcome
		source             string
		named              bool // the company's name is known
		calls              []string
	}{
		{"active", "124-81-00998", "", "active", "nicednb", true, []string{"nicednb ok", "nts ok"}},
		{"not registered", "101-81-90008", "", "not_registered", "nts", false, []string{"nicednb ok", "nts ok"}},
		{"closed", "101-81-90009", "", "closed", "nicednb", true, []string{"nicednb ok", "nts ok"}},
		{"suspended", "1018190010", "", "suspended", "nicednb", true, []string{"nicednb ok", "nts ok"}},
		{"throttled once", "101-81-90003", "", "active", "nicednb", true, nil},
		{"slow", "101-81-90007", "", "active", "nicednb", true, []string{"nicednb ok", "nts ok"}},
		{"representative", "124-81-00998", `,"representative":"홍 길동"`, "match", "nicednb", true, []string{"nicednb ok"}},
		{"not the representative", "124-81-00998", `,"representative":"김민수","opened_on":"1969-01-13"`, "mismatch", "nicednb", true, []string{"nicednb ok"}},
		{"one register alone", "220-81-62517", `,"provider":"nts"`, "active", "nts", false, []string{"nts ok"}},
		{"the other alone", "211-86-08983", `,"provider":"nicednb"`, "found", "nicednb", true, []string{"nicednb ok"}},
	} {
		id := o.verify(c.number, c.more)
		row, result := o.company(id)
		if result.Outcome != c.outcome || result.Source != c.source || (result.Company.Name != "") != c.named || result.Stale || result.AsOf.IsZero() {
			t.Errorf("%s: %+v", c.name, result)
		}
		if calls := o.calls(id); c.calls != nil && !slices.Equal(calls, c.calls) || row.Attempts != len(calls) {
			t.Errorf("%s: %d attempts, calls %v, want %v", c.name, row.Attempts, calls, c.calls)
		}
	}
	// The same question again is answered from the cache: no provider, no attempt.
	id := o.verify("124 81 00998", "")
	row, result := o.company(id)
	if result.Source != "cache" || result.Outcome != "active" || result.Company.Name == "" || row.Attempts != 0 || len(o.calls(id)) != 0 || row.Provider != "" {
		t.Errorf("asked again: %+v by %d attempts", result, row.Attempts)
	}
	rejected := o.await(o.verify("000-00-00000", ""), delivery.Rejected)
	if rejected.Reason != fault.Invalid || !strings.Contains(rejected.ErrorMessage, "registration_number") {
		t.Errorf("%+v", rejected)
	}
	// A check digit that does not fit warns and refuses nothing.
	if _, result := o.company(o.verify("123-45-67890", "")); result.Warning == "" || result.Outcome != "active" {
		t.Errorf("%+v", result)
	}
	if n := len(o.messages(broker.StreamEvents, "event.provider.failover")); n != 1 {
		t.Errorf("%d failover events; only the throttled register is passed over", n)
	}
}

func TestAddressSearch(t *testing.T) {
	o := newOffice(t, quick...)
	row, result := o.addresses(o.find("강원특별자치도청", ""))
	if result.Total != 1 || result.Source != "juso" || result.Items[0].PostalCode != "24266" || row.Provider != "juso" {
		t.Errorf("%+v", result)
	}
	if _, result = o.addresses(o.find(" 강원특별자치도청  ", "")); result.Source != "cache" {
		t.Errorf("asked again: %+v", result)
	}
	if _, result = o.addresses(o.find("원주 [중앙로] = 1", `,"provider":"juso"`)); result.Source != "juso" {
		t.Errorf("a keyword with signs: %+v", result)
	}
	if _, result = o.addresses(o.find("모의없음", "")); result.Total != 0 || result.Items == nil {
		t.Errorf("nothing: %+v", result)
	}
	if _, result = o.addresses(o.find("춘천 중앙로", `,"page":2,"size":5,"english":true`)); len(result.Items) != 5 || result.Page != 2 || result.Items[0].EnglishAddress == "" {
		t.Errorf("a page: %+v", result)
	}
	short := o.await(o.find("강", ""), delivery.Rejected)
	if short.Reason != fault.Invalid || short.ErrorCode != "E0008" {
		t.Errorf("%+v", short)
	}
	o.told(broker.StreamDeadLetters, "deadletter.address.search."+short.ID.String())
	failed := o.await(o.find("모의오류", ""), delivery.DeadLettered)
	if failed.Reason != fault.Unavailable || failed.Attempts != 8 {
		t.Errorf("%+v", failed)
	}
	o.told(broker.StreamDeadLetters, "deadletter.address.search."+failed.ID.String())
	// Kakao answers where juso fails; both say the same of the address.
	o.fail("juso")
	if row, result = o.addresses(o.find("강릉시청", "")); result.Source != "kakao" || result.Items[0].PostalCode != "25522" || result.Items[0].Latitude == 0 {
		t.Errorf("%+v by %v", result, o.calls(row.ID))
	}
}

// Fresh, then stale, then the configured default, then a person.
func TestFallbackLadder(t *testing.T) {
	o := newOffice(t, append(slices.Clone(quick),
		"CACHE_NICEDNB_TTL=1ms", "CACHE_NTS_TTL=1ms", "CACHE_JUSO_TTL=1ms", "CACHE_KAKAO_TTL=1ms", // stale by the next question
		"PROVIDERS_NICEDNB_BREAKER_FAILURES=1000", "PROVIDERS_NTS_BREAKER_FAILURES=1000",
		"PROVIDERS_JUSO_BREAKER_FAILURES=3", "PROVIDERS_KAKAO_BREAKER_FAILURES=3",
		`FALLBACK_ADDRESS_SEARCH_DEFAULT={"total":0,"items":[]}`,
	)...)
	_, before := o.company(o.verify("124-81-00998", ""))
	_, found := o.addresses(o.find("원주시청", ""))
	o.fail("nicednb", "nts", "juso", "kakao")
	id := o.verify("124-81-00998", "")
	_, after := o.company(id)
	if !after.Stale || after.Source != "cache" || after.Outcome != "active" || after.Company.Name != before.Company.Name || !after.AsOf.Equal(before.AsOf) {
		t.Errorf("stale is %+v, was %+v", after, before)
	}
	if n := len(o.calls(id)); n != 8 {
		t.Errorf("%d calls: every round comes before what is stale", n)
	}
	_, again := o.addresses(o.find("원주시청", ""))
	if !again.Stale || again.Source != "cache" || again.Total != found.Total {
		t.Errorf("stale is %+v", again)
	}
	// Both breakers of addresses are open by now: nothing is called, nothing waits.
	started := time.Now()
	kept, again := o.addresses(o.find("원주시청", ""))
	if !again.Stale || again.Source != "cache" || again.Total != found.Total || kept.Attempts != 0 {
		t.Errorf("with open breakers: stale is %+v after %d attempts", again, kept.Attempts)
	}
	row, configured := o.addresses(o.find("속초시청", ""))
	if configured.Source != "default" || configured.Stale || configured.Items == nil || configured.AsOf.IsZero() || row.Attempts != 0 {
		t.Errorf("the default is %+v after %d attempts", configured, row.Attempts)
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("an open breaker held a look-up back for %s", took)
	}
	review := o.await(o.verify("120-81-47521", ""), delivery.ManualReview)
	if review.Reason != fault.Unavailable || !strings.Contains(string(review.Result), `"registration_number": "1208147521"`) {
		t.Errorf("%+v %s", review, review.Result)
	}
	o.told(broker.StreamEvents, "event.business.verify.manual_review")
	if n := len(o.messages(broker.StreamDeadLetters, "deadletter.business.verify")); n != 0 {
		t.Errorf("%d dead letters for what a person finishes", n)
	}
}

// The register that decides fails: a queued command asks it again, and what the
// other register found stands when it stays away.
func TestCompletionOfWhatWasFound(t *testing.T) {
	o := newOffice(t, append(slices.Clone(quick), "PROVIDERS_NTS_BREAKER_FAILURES=1000")...)
	o.fail("nts")
	id := o.verify("124-81-00998", "")
	_, result := o.company(id)
	if result.Outcome != "found" || result.Source != "cache" || result.Company.Name == "" {
		t.Errorf("%+v", result)
	}
	if calls := o.calls(id); !slices.Equal(calls, []string{"nicednb ok", "nts failed unavailable", "nts failed unavailable", "nts failed unavailable", "nts failed unavailable"}) {
		t.Errorf("calls %v: the first answer is kept, only the rest is asked for again", calls)
	}
	o.mend("nts")
	if _, result = o.company(o.verify("124-81-00998", "")); result.Outcome != "active" {
		t.Errorf("%+v", result)
	}
	// The other way round the deciding register answers alone.
	o.fail("nicednb")
	if _, result = o.company(o.verify("120-81-47521", "")); result.Outcome != "active" || result.Source != "nts" {
		t.Errorf("%+v", result)
	}
}

func TestBusinessWithoutTheDecidingRegister(t *testing.T) {
	o := newOffice(t, append(slices.Clone(quick), "ROUTES_BUSINESS=nicednb", "ROUTES_ADDRESS=kakao")...)
	if _, result := o.company(o.verify("124-81-00998", "")); result.Outcome != "found" {
		t.Errorf("%+v", result)
	}
	if _, result := o.company(o.verify("101-81-90008", "")); result.Outcome != "not_found" {
		t.Errorf("%+v", result)
	}
	row := o.await(o.verify("124-81-00998", `,"provider":"nts"`), delivery.Rejected)
	if row.Reason != fault.Invalid || row.Kind != command.BusinessVerify {
		t.Errorf("%+v", row)
	}
}
