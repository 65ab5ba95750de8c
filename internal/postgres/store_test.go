package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/internal/testkit"
	"github.com/gangwon-portal/gangway/migrations"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// desk is one worker's store over a database of its own.
type desk struct {
	*postgres.Store
	pool   *pgxpool.Pool
	worker uuid.UUID
}

func open(t *testing.T, url string) desk {
	t.Helper()
	pool, err := postgres.Connect(t.Context(), url, 8, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	worker := uuid.New()
	store := postgres.NewStore(pool, postgres.Options{Worker: worker})
	if err := store.Register(t.Context(), "test", time.Minute); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		store.Close()
		pool.Close()
	})
	return desk{Store: store, pool: pool, worker: worker}
}

func fresh(t *testing.T) desk { return open(t, testkit.PostgresMigrated(t, migrations.FS)) }

func email(t *testing.T, id, text string) *command.Command {
	t.Helper()
	body := fmt.Sprintf(`{"id":%q,"to":["kim@example.kr"],"subject":"안녕","text":%q,"metadata":{"case":"42"}}`, id, text)
	cmd, err := command.Decode(command.EmailSend, command.Normal, []byte(body), command.Source{
		Timestamp: time.Now(), TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	})
	if err != nil {
		t.Fatal(err)
	}
	return cmd
}

func (d desk) claim(t *testing.T, cmd *command.Command, change ...func(*delivery.Claim)) (delivery.Claimed, uuid.UUID) {
	t.Helper()
	claim := delivery.Claim{Command: cmd, Token: uuid.New(), Worker: d.worker, Provider: "ses", Status: delivery.Processing}
	for _, c := range change {
		c(&claim)
	}
	claimed, err := d.Claim(t.Context(), claim)
	if err != nil {
		t.Fatal(err)
	}
	return claimed, claim.Token
}

func (d desk) record(t *testing.T, record delivery.Record) delivery.Recorded {
	t.Helper()
	recorded, err := d.Record(t.Context(), &record)
	if err != nil {
		t.Fatal(err)
	}
	return recorded
}

func TestClaimThenRecord(t *testing.T) {
	d := fresh(t)
	cmd := email(t, "order-1", "x")
	claimed, token := d.claim(t, cmd)
	if !claimed.Won || claimed.Row.Version != 1 || claimed.Row.Attempts != 1 || claimed.Row.Status != delivery.Processing {
		t.Fatalf("claim: %+v", claimed)
	}
	started := time.Now()
	recorded := d.record(t, delivery.Record{
		Row: claimed.Row, Token: token, Status: delivery.Sent, Provider: "ses", ProviderMessageID: "m-1",
		Attempts: []delivery.Attempt{{Number: 1, Round: 1, Provider: "ses", Endpoint: "smtp", Outcome: "ok", MessageID: "m-1", Duration: 12 * time.Millisecond, StartedAt: started}},
	})
	if !recorded.Applied || recorded.Row.Version != 2 || recorded.Row.Status != delivery.Sent || recorded.Row.CompletedAt.IsZero() {
		t.Fatalf("record: %+v", recorded)
	}
	view, err := d.Status(t.Context(), cmd.ID)
	if err != nil {
		t.Fatal(err)
	}
	if view.Status != delivery.Sent || view.ProviderMessageID != "m-1" || view.Metadata["case"] != "42" ||
		view.TraceID != "0af7651916cd43dd8448eb211c80319c" || view.Recipient != "kim@example.kr" || view.Attempts != 1 {
		t.Errorf("view: %+v", view)
	}
	attempts, err := d.Attempts(t.Context(), cmd.ID)
	if err != nil || len(attempts) != 1 || attempts[0].MessageID != "m-1" || attempts[0].Duration != 12*time.Millisecond {
		t.Errorf("attempts: %+v, %v", attempts, err)
	}
	// The row composed in memory is the row that was stored.
	rows, err := d.Rows(t.Context(), []uuid.UUID{cmd.ID})
	if err != nil || rows[cmd.ID].Status != recorded.Row.Status || rows[cmd.ID].Version != recorded.Row.Version {
		t.Errorf("stored %+v, composed %+v, %v", rows[cmd.ID], recorded.Row, err)
	}
}

func TestClaimIsDeniedByWhatTheRowSays(t *testing.T) {
	d := fresh(t)
	other := open(t, d.pool.Config().ConnString())
	hour := time.Now().Add(time.Hour)
	settle := func(status delivery.Status, due time.Time) func(*testing.T, *command.Command) {
		return func(t *testing.T, cmd *command.Command) {
			claimed, token := d.claim(t, cmd)
			d.record(t, delivery.Record{Row: claimed.Row, Token: token, Status: status, Due: due})
		}
	}
	for _, c := range []struct {
		name  string
		first func(*testing.T, *command.Command)
		text  string
		won   bool
	}{
		{"new", func(*testing.T, *command.Command) {}, "x", true},
		{"held", func(t *testing.T, cmd *command.Command) { d.claim(t, cmd) }, "x", false},
		{"sent", settle(delivery.Sent, time.Time{}), "x", false},
		{"unknown", settle(delivery.Unknown, time.Time{}), "x", false},
		{"not due", settle(delivery.Retrying, hour), "x", false},
		{"due", settle(delivery.Retrying, time.Now().Add(-time.Second)), "x", true},
		{"other body", settle(delivery.Retrying, time.Now().Add(-time.Second)), "y", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.first(t, email(t, c.name, "x"))
			claimed, _ := other.claim(t, email(t, c.name, c.text))
			if claimed.Won != c.won {
				t.Errorf("won is %v: %+v", claimed.Won, claimed.Row)
			}
			if claimed.Row.ID == uuid.Nil {
				t.Error("the row is not shown")
			}
		})
	}
}

func TestClaimWithTheSameTokenSucceedsAgain(t *testing.T) {
	d := fresh(t)
	cmd := email(t, "again", "x")
	_, token := d.claim(t, cmd)
	again, _ := d.claim(t, cmd, func(c *delivery.Claim) { c.Token = token })
	if !again.Won || again.Row.Attempts != 1 {
		t.Errorf("an ambiguous COMMIT is repeated with the same token: %+v", again)
	}
}

func TestDeadClaimIsTakenOver(t *testing.T) {
	d := fresh(t)
	cmd := email(t, "dead", "x")
	first, firstToken := d.claim(t, cmd)
	if _, err := d.pool.Exec(t.Context(), `UPDATE gangway.workers SET alive_until = now() - interval '1 second'`); err != nil {
		t.Fatal(err)
	}
	other := open(t, d.pool.Config().ConnString())
	lost, _ := other.claim(t, cmd)
	if lost.Won || lost.Row.OwnerAlive || lost.Row.Token != firstToken || lost.Row.ClaimProvider != "ses" {
		t.Fatalf("the dead intent is not shown: %+v", lost)
	}
	taken, _ := other.claim(t, cmd, func(c *delivery.Claim) { c.Takeover = firstToken })
	if !taken.Won || taken.Row.DeadIntents != 1 || taken.Row.Attempts != 2 {
		t.Fatalf("takeover: %+v", taken)
	}
	late := d.record(t, delivery.Record{Row: first.Row, Token: firstToken, Status: delivery.Retrying, Round: 1,
		Attempts: []delivery.Attempt{{Number: 1, Round: 1, Provider: "ses", Endpoint: "smtp", Outcome: "failed", StartedAt: time.Now()}}})
	if late.Applied || late.Row.Status != delivery.Processing {
		t.Errorf("a late outcome must not move the new claim's row: %+v", late)
	}
	if attempts, err := d.Attempts(t.Context(), cmd.ID); err != nil || len(attempts) != 1 {
		t.Errorf("a late outcome still writes its attempt: %v, %v", attempts, err)
	}
}

// A dead claim whose provider may have sent is taken over without the intent of
// a call: neither a call is counted nor a provider named but the one that is unsure.
func TestUnsureTakeoverIntendsNoCall(t *testing.T) {
	d := fresh(t)
	cmd := email(t, "unsure", "x")
	_, dead := d.claim(t, cmd)
	for takeover := 1; takeover <= 2; takeover++ {
		taken, token := d.claim(t, cmd, func(c *delivery.Claim) { c.Takeover, c.Unsure = dead, true })
		row := taken.Row
		if !taken.Won || row.Attempts != 1 || row.ClaimProvider != "" || row.Unsure != "ses" || row.DeadIntents != takeover {
			t.Fatalf("takeover %d: %+v", takeover, taken)
		}
		dead = token
	}
}

func TestStatusNeverMovesBack(t *testing.T) {
	d := fresh(t)
	cmd := email(t, "webhook-first", "x")
	claimed, token := d.claim(t, cmd)
	if _, err := d.pool.Exec(t.Context(), `UPDATE gangway.deliveries SET status = 'delivered', rank = $2, version = version + 1 WHERE id = $1`,
		cmd.ID, delivery.Delivered.Rank()); err != nil {
		t.Fatal(err)
	}
	recorded := d.record(t, delivery.Record{Row: claimed.Row, Token: token, Status: delivery.Sent, Provider: "ses", ProviderMessageID: "m-9"})
	if recorded.Row.Status != delivery.Delivered || recorded.Row.ProviderMessageID != "m-9" {
		t.Errorf("a webhook that came first keeps its status and the record adds the id: %+v", recorded.Row)
	}
}

// The first of two ends of one rank stays, whoever comes second; a higher one wins.
func TestLateEndStays(t *testing.T) {
	d := fresh(t)
	for second, want := range map[delivery.Status]delivery.Status{
		delivery.DeadLettered: delivery.Rejected, delivery.Retrying: delivery.Rejected, delivery.Sent: delivery.Sent,
	} {
		cmd := email(t, "late-"+string(second), "x")
		first, dead := d.claim(t, cmd)
		taken, token := d.claim(t, cmd, func(c *delivery.Claim) { c.Takeover = dead })
		d.record(t, delivery.Record{Row: first.Row, Token: dead, Status: delivery.Rejected, Reason: fault.Invalid, ErrorMessage: "late"})
		row := d.record(t, delivery.Record{Row: taken.Row, Token: token, Status: second, Reason: fault.Internal, ErrorMessage: "live"}).Row
		if reason, kept := row.Reason, want == delivery.Rejected; row.Status != want || (reason == fault.Invalid) != kept {
			t.Errorf("rejected, then %s: %s for %s", second, row.Status, reason)
		}
	}
}

func TestCancelRequestStopsARetry(t *testing.T) {
	d := fresh(t)
	cmd := email(t, "cancel", "x")
	claimed, token := d.claim(t, cmd)
	if _, err := d.pool.Exec(t.Context(), `UPDATE gangway.deliveries SET cancel_requested = true WHERE id = $1`, cmd.ID); err != nil {
		t.Fatal(err)
	}
	recorded := d.record(t, delivery.Record{Row: claimed.Row, Token: token, Status: delivery.Retrying, Reason: fault.Unavailable, Round: 1, Due: time.Now()})
	if recorded.Row.Status != delivery.Cancelled || recorded.Row.Reason != fault.Cancelled || recorded.Row.CompletedAt.IsZero() {
		t.Errorf("%+v", recorded.Row)
	}
}

func TestFailoverIntentKeepsTheClaim(t *testing.T) {
	d := fresh(t)
	cmd := email(t, "failover", "x")
	claimed, token := d.claim(t, cmd)
	done := delivery.Attempt{Number: 1, Round: 1, Provider: "ses", Endpoint: "smtp", Outcome: "failed", Reason: fault.Unavailable, StartedAt: time.Now()}
	next := d.record(t, delivery.Record{Row: claimed.Row, Token: token, Status: delivery.Processing, Attempts: []delivery.Attempt{done}, Next: "sendgrid"})
	if !next.Applied || next.Row.Attempts != 2 || next.Row.ClaimProvider != "sendgrid" || next.Row.Token != token {
		t.Fatalf("%+v", next)
	}
	if lost, _ := d.claim(t, cmd); lost.Won {
		t.Error("the claim was let go between two providers")
	}
	if end := d.record(t, delivery.Record{Row: next.Row, Token: token, Status: delivery.Sent}); !end.Applied {
		t.Errorf("%+v", end)
	}
}

func TestScheduleMovesWithALaterPublication(t *testing.T) {
	d := fresh(t)
	at := func(hours int, published time.Time) *command.Command {
		due := time.Now().Add(time.Duration(hours) * time.Hour).UTC().Truncate(time.Second)
		body := fmt.Sprintf(`{"id":"later","to":["kim@example.kr"],"subject":"x","text":"y","send_at":%q}`, due.Format(time.RFC3339))
		cmd, err := command.Decode(command.EmailSend, command.Normal, []byte(body), command.Source{Timestamp: published})
		if err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	schedule := func(cmd *command.Command) delivery.Claimed {
		claimed, _ := d.claim(t, cmd, func(c *delivery.Claim) {
			c.Due, c.Status = cmd.Envelope().SendAt, delivery.Scheduled
		})
		return claimed
	}
	now := time.Now()
	first := at(1, now)
	if c := schedule(first); !c.Won || c.Row.Status != delivery.Scheduled || c.Row.Attempts != 0 || c.Row.Token != uuid.Nil {
		t.Fatalf("%+v", c)
	}
	if c := schedule(at(3, now.Add(time.Second))); !c.Won {
		t.Errorf("a later publication moves the time: %+v", c)
	}
	c := schedule(first)
	if c.Won || time.Until(c.Row.Due) < 2*time.Hour {
		t.Errorf("the first publication, handed out again, must not move it back: %+v", c)
	}
}

func TestRowAtFaultStandsAlone(t *testing.T) {
	d := fresh(t)
	var refused, stored atomic.Int32
	var all sync.WaitGroup
	for i := range 40 {
		cmd := email(t, fmt.Sprint("row-", i), "x")
		all.Go(func() {
			claimed, err := d.Claim(t.Context(), delivery.Claim{Command: cmd, Token: uuid.New(), Worker: d.worker, Provider: "ses", Status: delivery.Processing})
			if err != nil {
				t.Error(err)
				return
			}
			code := "ok"
			if i == 17 {
				code = "nul \x00"
			}
			_, err = d.Record(t.Context(), &delivery.Record{Row: claimed.Row, Token: claimed.Row.Token, Status: delivery.Failed, ErrorCode: code})
			switch {
			case err == nil:
				stored.Add(1)
			case fault.Of(err) == fault.Invalid:
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if refused.Load() != 1 || stored.Load() != 39 {
		t.Errorf("%d refused, %d stored; want 1 and 39", refused.Load(), stored.Load())
	}
}

// TestOneOfManyWins races workers on one id: exactly one may call.
func TestOneOfManyWins(t *testing.T) {
	d := fresh(t)
	desks := []desk{d, open(t, d.pool.Config().ConnString()), open(t, d.pool.Config().ConnString())}
	for round := range 30 {
		cmd := email(t, fmt.Sprint("race-", round), "x")
		var won atomic.Int32
		var all sync.WaitGroup
		for i := range 12 {
			all.Go(func() {
				c, err := desks[i%3].Claim(t.Context(), delivery.Claim{Command: cmd, Token: uuid.New(), Worker: desks[i%3].worker, Provider: "ses", Status: delivery.Processing})
				if err != nil {
					t.Error(err)
				}
				if c.Won {
					won.Add(1)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Fatalf("round %d: %d claims won", round, won.Load())
		}
	}
}

func TestOutcomeSurvivesADatabaseThatIsAway(t *testing.T) {
	server := testkit.OwnPostgres(t)
	ctx := context.Background()
	pool, err := postgres.Connect(ctx, server.URL(), 4, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	migrator, err := postgres.Migrator(pool)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrator.Up(ctx); err != nil {
		t.Fatal(err)
	}
	d := open(t, server.URL())
	pool.Close()
	cmd := email(t, "away", "x")
	claimed, token := d.claim(t, cmd)
	server.Kill()
	done := make(chan error, 1)
	go func() {
		_, err := d.Record(ctx, &delivery.Record{Row: claimed.Row, Token: token, Status: delivery.Sent})
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("the record returned while the database was away: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	server.Start()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the record was not written after the database came back")
	}
	if view, err := d.Status(ctx, cmd.ID); err != nil || view.Status != delivery.Sent {
		t.Errorf("%+v, %v", view, err)
	}
}
