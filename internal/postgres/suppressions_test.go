package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/postgres"
)

func openSuppressions(t *testing.T) (*postgres.Suppressions, desk) {
	t.Helper()
	d := fresh(t)
	s := postgres.NewSuppressions(d.pool)
	t.Cleanup(s.Close)
	return s, d
}

func TestSuppressedByCategory(t *testing.T) {
	s, _ := openSuppressions(t)
	past, ahead := time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	for _, add := range []delivery.Suppression{
		{Recipient: "bounced@x.kr", List: delivery.SuppressAll, Reason: delivery.HardBounce},
		{Recipient: "adverts@x.kr", List: delivery.SuppressMarketing, Reason: delivery.Unsubscribed},
		{Recipient: "notices@x.kr", List: delivery.SuppressTransactional, Reason: delivery.Unsubscribed},
		{Recipient: "expired@x.kr", List: delivery.SuppressAll, Reason: delivery.Manual, ExpiresAt: past},
		{Recipient: "+821012345678", List: delivery.SuppressAll, Reason: delivery.Manual, ExpiresAt: ahead},
	} {
		if err := s.Add(t.Context(), add, "operator"); err != nil {
			t.Fatal(err)
		}
	}
	asked := []string{"kim@x.kr", "bounced@x.kr", "adverts@x.kr", "notices@x.kr", "expired@x.kr", "+821012345678"}
	for category, want := range map[string][]string{
		command.Marketing:     {"bounced@x.kr", "adverts@x.kr", "+821012345678"},
		command.Transactional: {"bounced@x.kr", "notices@x.kr", "+821012345678"},
	} {
		got, err := s.Suppressed(t.Context(), category, asked)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", category, got, err, want)
		}
	}
}

func TestSuppressionsAreListedAndRemoved(t *testing.T) {
	s, d := openSuppressions(t)
	for i := range 5 {
		add := delivery.Suppression{Recipient: fmt.Sprintf("user%d@x.kr", i), List: delivery.SuppressAll, Reason: delivery.Manual, Note: "asked"}
		if err := s.Add(t.Context(), add, "operator"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Add(t.Context(), delivery.Suppression{Recipient: "user0@x.kr", List: delivery.SuppressMarketing, Reason: delivery.Unsubscribed}, "operator"); err != nil {
		t.Fatal(err)
	}
	var seen []string
	filter := postgres.SuppressionFilter{Containing: "USER", Limit: 4}
	for {
		page, err := s.List(t.Context(), filter)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range page {
			seen = append(seen, one.Recipient+" "+string(one.List))
		}
		if len(page) < filter.Limit {
			break
		}
		filter.Before = &page[len(page)-1]
	}
	want := []string{"user0@x.kr marketing", "user4@x.kr all", "user3@x.kr all", "user2@x.kr all", "user1@x.kr all", "user0@x.kr all"}
	if !slices.Equal(seen, want) {
		t.Errorf("listed %v, want %v", seen, want)
	}
	for _, c := range []struct {
		recipient string
		list      delivery.SuppressionList
		want      bool
	}{{"user0@x.kr", delivery.SuppressMarketing, true}, {"user0@x.kr", delivery.SuppressMarketing, false}, {"user0@x.kr", "", true}, {"user0@x.kr", "", false}} {
		if found, err := s.Remove(t.Context(), c.recipient, c.list, "operator"); err != nil || found != c.want {
			t.Errorf("remove %s from %q: %t, %v", c.recipient, c.list, found, err)
		}
	}
	var audited int
	err := d.pool.QueryRow(t.Context(), `SELECT count(*) FROM gangway.audit_log WHERE actor = 'operator'
		AND (action, target) IN (('suppression.add', 'user4@x.kr'), ('suppression.remove', 'user0@x.kr'))`).Scan(&audited)
	if err != nil || audited != 3 {
		t.Errorf("%d audit rows, %v; want 3", audited, err)
	}
}

// A provider's report makes a suppression longer, never shorter.
func TestReportedSuppressions(t *testing.T) {
	s, d := openSuppressions(t)
	soon, later := time.Now().Add(time.Hour).Truncate(time.Second), time.Now().Add(48*time.Hour).Truncate(time.Second)
	report := func(expires time.Time) {
		t.Helper()
		err := pgx.BeginFunc(t.Context(), d.pool, func(tx pgx.Tx) error {
			return postgres.SuppressReported(t.Context(), tx, delivery.Suppression{
				Recipient: "kim@x.kr", List: delivery.SuppressAll, Reason: delivery.HardBounce, Provider: "ses", DeliveryID: uuid.New(), ExpiresAt: expires,
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, step := range []struct{ reported, want time.Time }{{soon, soon}, {later, later}, {soon, later}, {time.Time{}, time.Time{}}, {later, time.Time{}}} {
		report(step.reported)
		list, err := s.List(t.Context(), postgres.SuppressionFilter{Limit: 10})
		if err != nil || len(list) != 1 || !list[0].ExpiresAt.Equal(step.want) || list[0].Provider != "ses" || list[0].DeliveryID == uuid.Nil {
			t.Errorf("step %d: %+v, %v; want until %v", i, list, err, step.want)
		}
	}
}

func TestSuppressedIsAskedForManyAtOnce(t *testing.T) {
	s, _ := openSuppressions(t)
	if err := s.Add(t.Context(), delivery.Suppression{Recipient: "7@x.kr", List: delivery.SuppressAll, Reason: delivery.Manual}, "x"); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for i := range 500 {
		wait.Go(func() {
			address := fmt.Sprintf("%d@x.kr", i%50)
			got, err := s.Suppressed(t.Context(), command.Marketing, []string{address})
			if err != nil || (len(got) == 1) != (address == "7@x.kr") {
				t.Errorf("%s: %v, %v", address, got, err)
			}
		})
	}
	wait.Wait()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Suppressed(ended, command.Marketing, []string{"7@x.kr"}); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("after the context ended: %v", err)
	}
	s.Close()
	if _, err := s.Suppressed(t.Context(), command.Marketing, []string{"7@x.kr"}); fault.Of(err) != fault.Cancelled {
		t.Errorf("after close: %v", err)
	}
}
