package app

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// demoSamples lists one command for each behaviour that the demo shows. What the
// simulator does with each is told by the recipient: see the contract's table.
func demoSamples() []sample {
	mail := func(shows, local string, ends ...delivery.Status) sample {
		return sample{
			shows: shows, subject: "email.send", ends: ends,
			body: fmt.Sprintf(`{"to":["%s@example.kr"],"subject":"[강원 비즈니스 포털] 접수 안내","text":"신청이 접수되었습니다.","metadata":{"case":"2026-0042"}}`, local),
		}
	}
	urgent := mail("an urgent mail", "mayor", delivery.Delivered)
	urgent.subject = "email.send.high"
	samples := []sample{
		mail("a mail", "kim.minsu", delivery.Delivered),
		urgent,
		{
			shows: "a mail with HTML and a file", subject: "email.send", ends: []delivery.Status{delivery.Delivered},
			body: `{"to":["lee@example.kr"],"cc":["park@example.kr"],"subject":"승인 안내","text":"승인되었습니다.","html":"<p>승인되었습니다.</p>",` +
				`"attachments":[{"filename":"승인서.txt","content_type":"text/plain","content":"7Iq57J24"}]}`,
		},
		mail("a mail that bounces", "bounce", delivery.Bounced),
		mail("a mail reported as spam", "complaint", delivery.Complained),
		mail("cut off before the answer, confirmed by its webhook", "drop", delivery.Delivered),
		mail("refused by the provider", "reject", delivery.Failed),
		mail("throttled once", "throttle", delivery.Delivered),
		mail("a slow provider", "slow", delivery.Delivered),
		mail("a provider that always fails", "error", delivery.DeadLettered),
		{shows: "not JSON", subject: "email.send", body: `garbage`, ends: []delivery.Status{delivery.Rejected}},
		{shows: "an unknown field", subject: "email.send", body: `{"to":["kim@example.kr"],"subjct":"x","text":"y"}`, ends: []delivery.Status{delivery.Rejected}},
	}
	samples = append(samples, messageSamples()...)
	samples = append(samples, lookupSamples()...)
	for i := range samples {
		samples[i].id = uuid.Must(uuid.NewV7())
	}
	return samples
}
