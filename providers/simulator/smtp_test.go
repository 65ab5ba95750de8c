package simulator_test

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
	"github.com/gangwon-portal/gangway/providers/providertest"
	"github.com/gangwon-portal/gangway/providers/simulator"
	"github.com/gangwon-portal/gangway/providers/smtp"
)

var mailProviders = []string{"smtp", "gmail", "outlook", "sendgrid", "ses"}

func start(t *testing.T, options simulator.Options) *simulator.Simulator {
	t.Helper()
	if options.SlowDelay == 0 {
		options.SlowDelay = 20 * time.Millisecond
	}
	s, err := simulator.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// mailer returns the driver as mock mode configures it.
func mailer(t testing.TB, s *simulator.Simulator, provider string, change func(*smtp.Options)) *smtp.Driver {
	t.Helper()
	host, port, err := net.SplitHostPort(s.SMTP(provider))
	if err != nil {
		t.Fatal(err)
	}
	user, password := simulator.Credentials(provider)
	options := smtp.Options{
		Name: provider, Preset: strings.TrimPrefix(provider, "smtp"), Host: host, RootCAs: s.RootCAs(),
		Username: user, Password: smtp.Plain(password), From: "강원 포털 <portal@gangwon.example>",
	}
	options.Port, _ = strconv.Atoi(port)
	if change != nil {
		change(&options)
	}
	d, err := smtp.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func letter(to ...string) providers.Email {
	return providers.Email{To: to, Subject: "신청이 접수되었습니다", Text: "안녕하세요.\n", HTML: "<p>안녕하세요.</p>"}
}

// TestMailOutcomes: every mail provider passes the table of mock mode.
func TestMailOutcomes(t *testing.T) {
	s := start(t, simulator.Options{})
	for _, provider := range mailProviders {
		t.Run(provider, func(t *testing.T) {
			providertest.RunOutcomes(t, providertest.Outcomes[providers.Email]{
				New: func(t *testing.T) providers.Provider[providers.Email] {
					return mailer(t, s, provider, nil)
				},
				Request: func(outcome string) providers.Email { return letter(outcome + "+1@any.example") },
				Sends:   true,
			})
		})
	}
}

// TestMailInbox: what was sent is what the inbox shows, with the id that the
// vendor answered and ours as it travelled.
func TestMailInbox(t *testing.T) {
	for _, provider := range mailProviders {
		t.Run(provider, func(t *testing.T) {
			s := start(t, simulator.Options{})
			d := mailer(t, s, provider, nil)
			defer func() { _ = d.Close() }()
			call := providers.Call[providers.Email]{ID: uuid.New(), Attempt: 1, Request: letter("kim@example.kr")}
			call.Request.Bcc = []string{"secret@example.kr"}
			call.Request.Attachments = []providers.File{{Name: "신청서.pdf", ContentType: "application/pdf", Content: []byte("%PDF")}}
			answer, err := d.Do(t.Context(), call)
			if err != nil {
				t.Fatal(err)
			}
			got := s.Inbox().List()
			if len(got) != 1 {
				t.Fatalf("the inbox has %d messages, want 1", len(got))
			}
			m := got[0]
			if m.ID == "" || m.ID != answer.MessageID {
				t.Errorf("id answered %q, read %q", m.ID, answer.MessageID)
			}
			if m.CommandID != call.ID.String() || m.Provider != provider || m.Outcome != simulator.Success || !m.Answered {
				t.Errorf("received %+v", m)
			}
			if m.Subject != call.Request.Subject || m.Text != call.Request.Text || strings.TrimSpace(m.HTML) != call.Request.HTML {
				t.Errorf("content changed: %q %q %q", m.Subject, m.Text, m.HTML)
			}
			if !slices.Equal(m.To, []string{"kim@example.kr", "secret@example.kr"}) || m.From != "portal@gangwon.example" {
				t.Errorf("from %q to %q", m.From, m.To)
			}
			if strings.Contains(fmt.Sprint(m.Header), "secret@") {
				t.Error("a Bcc recipient is in a header")
			}
			if m.Header["Attachments"] != "신청서.pdf" {
				t.Errorf("attachments %q", m.Header["Attachments"])
			}
		})
	}
}

// TestMailLogin: wrong credentials are refused by each vendor in its own words.
func TestMailLogin(t *testing.T) {
	s := start(t, simulator.Options{})
	for _, provider := range mailProviders {
		t.Run(provider, func(t *testing.T) {
			d := mailer(t, s, provider, func(o *smtp.Options) { o.Password = smtp.Plain("wrong-" + provider) })
			defer func() { _ = d.Close() }()
			if err := d.Check(t.Context()); fault.Of(err) != fault.Unauthorized {
				t.Errorf("wrong password: %v", err)
			}
			none := mailer(t, s, provider, func(o *smtp.Options) { o.Auth = smtp.AuthNone })
			defer func() { _ = none.Close() }()
			_, err := none.Do(t.Context(), providers.Call[providers.Email]{ID: uuid.New(), Request: letter("kim@example.kr")})
			if fault.Of(err) != fault.Unauthorized {
				t.Errorf("no login: %v", err)
			}
			untrusting := mailer(t, s, provider, func(o *smtp.Options) { o.RootCAs = nil })
			defer func() { _ = untrusting.Close() }()
			if err := untrusting.Check(t.Context()); fault.Of(err) != fault.Unavailable {
				t.Errorf("untrusted certificate: %v", err)
			}
		})
	}
	if got := smtp.SESPassword(simulator.SecretKey, simulator.Region); got != second(simulator.Credentials("ses")) {
		t.Errorf("the password of ses does not follow from its secret key: %s", got)
	}
}

func second(_, b string) string { return b }

// TestMailPartial: one refused recipient does not keep the others from the message.
func TestMailPartial(t *testing.T) {
	s := start(t, simulator.Options{})
	d := mailer(t, s, "ses", nil)
	defer func() { _ = d.Close() }()
	answer, err := d.Do(t.Context(), providers.Call[providers.Email]{ID: uuid.New(), Request: letter("kim@example.kr", "reject@example.kr", "lee@example.kr")})
	if err != nil {
		t.Fatal(err)
	}
	want := []delivery.Recipient{
		{Address: "kim@example.kr", Status: delivery.Sent},
		{Address: "reject@example.kr", Status: delivery.Failed, Reason: fault.Refused},
		{Address: "lee@example.kr", Status: delivery.Sent},
	}
	if !slices.Equal(answer.Recipients, want) {
		t.Errorf("recipients %+v, want %+v", answer.Recipients, want)
	}
	if got := s.Inbox().List(); len(got) != 1 || !slices.Equal(got[0].To, []string{"kim@example.kr", "lee@example.kr"}) {
		t.Errorf("inbox %+v", got)
	}
}

// TestMailFault: injected faults hit calls that ask for nothing.
func TestMailFault(t *testing.T) {
	s := start(t, simulator.Options{})
	d := mailer(t, s, "gmail", nil)
	defer func() { _ = d.Close() }()
	s.SetFault("gmail", simulator.Fault{Outcome: simulator.Error, Rate: 1, Until: time.Now().Add(time.Hour)})
	send := func() error {
		_, err := d.Do(t.Context(), providers.Call[providers.Email]{ID: uuid.New(), Request: letter("kim@example.kr")})
		return err
	}
	if err := send(); fault.Of(err) != fault.Unavailable {
		t.Errorf("with a fault: %v", err)
	}
	s.SetFault("gmail", simulator.Fault{})
	if err := send(); err != nil {
		t.Errorf("without it: %v", err)
	}
}

// TestMailXOAuth2: both flows log in, and a wrong token is refused.
func TestMailXOAuth2(t *testing.T) {
	s := start(t, simulator.Options{})
	for _, provider := range []string{"gmail", "outlook"} {
		api := simulator.TokenServer(t, s, provider)
		id, secret, refresh := simulator.OAuthClient(provider)
		for name, oauth := range map[string]smtp.OAuthOptions{
			"refresh_token":      {ClientID: id, ClientSecret: smtp.Plain(secret), RefreshToken: smtp.Plain(refresh)},
			"client_credentials": {ClientID: id, ClientSecret: smtp.Plain(secret)},
		} {
			t.Run(provider+" "+name, func(t *testing.T) {
				oauth.TokenURL = api + "/token"
				d := mailer(t, s, provider, func(o *smtp.Options) { o.OAuth, o.Password = &oauth, nil })
				defer func() { _ = d.Close() }()
				if err := d.Check(t.Context()); err != nil {
					t.Error(err)
				}
				oauth.ClientSecret = smtp.Plain("wrong")
				wrong := mailer(t, s, provider, func(o *smtp.Options) { o.OAuth, o.Password = &oauth, nil })
				defer func() { _ = wrong.Close() }()
				if err := wrong.Check(t.Context()); fault.Of(err) != fault.Unauthorized {
					t.Errorf("wrong client secret: %v", err)
				}
			})
		}
	}
}

// TestMailSink: messages are neither read nor kept, and 64 callers share the
// connections.
func TestMailSink(t *testing.T) {
	s := start(t, simulator.Options{Keep: -1})
	d := mailer(t, s, "smtp", nil)
	defer func() { _ = d.Close() }()
	var done sync.WaitGroup
	for i := range 64 {
		done.Go(func() {
			if _, err := d.Do(t.Context(), providers.Call[providers.Email]{ID: uuid.New(), Request: letter(fmt.Sprintf("u%d@example.kr", i))}); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	if n := s.Inbox().Total(); n != 0 {
		t.Errorf("the inbox kept %d messages", n)
	}
}

// TestMailClose: stalled and slow sessions end with the simulator and leave
// nothing behind.
func TestMailClose(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	s, err := simulator.Start(simulator.Options{SlowDelay: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	d := mailer(t, s, "ses", nil)
	var done sync.WaitGroup
	var exchanges []*providers.Exchange
	for _, to := range []string{"timeout@a.example", "slow@a.example", "timeout@b.example"} {
		ctx, exchange := providers.WithExchange(t.Context())
		exchanges = append(exchanges, exchange)
		done.Go(func() {
			_, err := d.Do(ctx, providers.Call[providers.Email]{ID: uuid.New(), Request: letter(to)})
			if fault.Of(err) != fault.UnknownOutcome && fault.Of(err) != fault.Unavailable {
				t.Errorf("%s: %v", to, err)
			}
		})
	}
	idle, err := net.Dial("tcp", s.SMTP("gmail")) // says nothing
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	done.Wait()
	_ = idle.Close()
	if len(exchanges) != 3 {
		t.Error("not every call was made")
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	goleak.VerifyNone(t, ignore)
}
