package simulator_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/simulator"
)

// BenchmarkMail measures messages through driver, TLS and the sink.
func BenchmarkMail(b *testing.B) {
	s, err := simulator.Start(simulator.Options{Keep: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	d := mailer(b, s, "smtp", nil)
	defer func() { _ = d.Close() }()
	request := letter("kim@example.kr")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := d.Do(b.Context(), providers.Call[providers.Email]{ID: uuid.New(), Attempt: 1, Request: request}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
