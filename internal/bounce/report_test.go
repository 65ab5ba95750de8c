package bounce_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/bounce"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const ourID = "0199b2a0-7c1e-7b3a-9d55-2f6f0c1d7e11"

func sample(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// told is what a report comes to: type, delivery, recipient, code and whether the
// address is bad, of each event.
func told(t testing.TB, r bounce.Report) []string {
	t.Helper()
	notices, err := r.Notices()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, notice := range notices {
		var e struct {
			Type string `json:"type"`
			Data struct {
				DeliveryID string `json:"delivery_id"`
				MessageID  string `json:"message_id"`
				Recipient  string `json:"recipient"`
				Code       string `json:"code"`
				Permanent  bool   `json:"permanent"`
				Unproven   bool   `json:"unproven"`
			} `json:"data"`
		}
		if err := json.Unmarshal(notice.Event, &e); err != nil || !e.Data.Unproven || notice.EventID == "" {
			t.Fatalf("%v: %s", err, notice.Event)
		}
		line := []string{e.Type, e.Data.DeliveryID, e.Data.Recipient, e.Data.Code}
		if e.Data.DeliveryID == "" {
			line[1] = e.Data.MessageID
		}
		if e.Data.Permanent {
			line = append(line, "permanent")
		}
		all = append(all, strings.Join(line, " "))
	}
	return all
}

// Notifications as the mail servers of the providers write them.
func TestParse(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"postfix.eml": "dsn.bounced " + ourID + " kim@example.kr 5.1.1 permanent|dsn.undelivered " + ourID + " lee@example.kr 5.2.2",
		// The code says nothing, the words of the other server do.
		"gmail.eml": "dsn.bounced " + ourID + " nobody@example.kr 5.1.1 permanent",
		// Base64 where the standard forbids it, and a message without an id: it is in In-Reply-To.
		"exchange.eml": "dsn.undelivered " + ourID + " park@example.kr 5.7.1",
		"delayed.eml":  "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := bounce.Parse(sample(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(told(t, r), "|"); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if r.OwnID().String() != ourID {
				t.Errorf("our id: %s", r.OwnID())
			}
		})
	}
}

// Every field of a notification is read.
func TestParseFields(t *testing.T) {
	t.Parallel()
	r, err := bounce.Parse(sample(t, "postfix.eml"))
	if err != nil {
		t.Fatal(err)
	}
	if r.ID != "20261126011502.7C2B41A@mx.gangwon.example" || r.EnvelopeID != ourID || r.ReportingMTA != "mx.gangwon.example" ||
		r.MessageID != ourID+"@gangwon.example" || r.Arrived.Format("15:04:05") != "01:15:00" || len(r.Recipients) != 2 {
		t.Errorf("%+v", r)
	}
	kim := r.Recipients[0]
	if kim.Original != "kim@example.kr" || kim.Final != "kim@example.kr" || kim.Action != "failed" || kim.Status != "5.1.1" ||
		kim.RemoteMTA != "mx.example.kr" || !strings.HasSuffix(kim.Diagnostic, "rejected: User unknown in virtual mailbox table") {
		t.Errorf("%+v", kim)
	}
	if r, err = bounce.Parse(sample(t, "delayed.eml")); err != nil || r.Recipients[0].RetryUntil.Day() != 1 {
		t.Errorf("%v: %+v", err, r)
	}
	if r, err = bounce.Parse(sample(t, "gmail.eml")); err != nil || r.Recipients[0].LastAttempt.Second() != 13 {
		t.Errorf("%v: %+v", err, r)
	}
}

// What a failure means depends on the code alone.
func TestMeaningOfCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"5.1.1": "dsn.bounced permanent", "5.1.2": "dsn.bounced permanent", "5.1.10": "dsn.bounced permanent", "5.4.4": "dsn.bounced permanent",
		"5.0.0": "dsn.bounced", "5.4.1": "dsn.bounced", "5.5.0": "dsn.bounced", "": "dsn.bounced",
		"5.2.2": "dsn.undelivered", "5.3.4": "dsn.undelivered", "5.6.0": "dsn.undelivered", "5.7.1": "dsn.undelivered", "4.4.7": "dsn.undelivered",
	} {
		r := bounce.Report{EnvelopeID: ourID, Recipients: []bounce.Recipient{{Final: "kim@example.kr", Action: "failed", Status: code}}}
		got := told(t, r)
		kind, _, _ := strings.Cut(got[0], " ")
		if strings.HasSuffix(got[0], " permanent") {
			kind += " permanent"
		}
		if kind != want {
			t.Errorf("%q is %s, want %s", code, kind, want)
		}
	}
}

// Copies of one notification are one event; another notification about the same
// message is another.
func TestNoticesHaveTheIdentityOfTheirReport(t *testing.T) {
	t.Parallel()
	ids := func(message []byte) string {
		r, err := bounce.Parse(message)
		if err != nil {
			t.Fatal(err)
		}
		notices, err := r.Notices()
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, notice := range notices {
			all = append(all, notice.EventID)
		}
		return strings.Join(all, " ")
	}
	first := sample(t, "postfix.eml")
	again := append([]byte("Received: by another copy\r\n"), first...)
	other := []byte(strings.ReplaceAll(string(first), "7C2B41A@mx", "7C2B41B@mx"))
	if ids(first) != ids(again) || ids(first) == ids(other) || len(strings.Fields(ids(first))) != 2 {
		t.Errorf("%s\n%s\n%s", ids(first), ids(again), ids(other))
	}
}

// A message that was cut is read as far as it goes: recipients come before what
// was returned.
func TestParseTakesWhatWasCut(t *testing.T) {
	t.Parallel()
	whole := string(sample(t, "postfix.eml"))
	cut := whole[:strings.Index(whole, "Content-Description: Undelivered Message Headers")+10]
	r, err := bounce.Parse([]byte(cut))
	if err != nil || len(told(t, r)) != 2 {
		t.Errorf("%v: %v", err, told(t, r))
	}
}

// What is no notification is none, also when its text looks like one.
func TestParseRefusesOtherMail(t *testing.T) {
	t.Parallel()
	for name, message := range map[string][]byte{
		"out of office": sample(t, "vacation.eml"), "nothing": nil, "a line": []byte("hello"),
		"no recipients": []byte("Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n"),
	} {
		if r, err := bounce.Parse(message); !errors.Is(err, bounce.ErrNoReport) {
			t.Errorf("%s: %v %+v", name, err, r)
		}
	}
	// One about a message of somebody else's names none of ours.
	foreign := strings.ReplaceAll(strings.ReplaceAll(string(sample(t, "postfix.eml")), ourID+"@", "abc@"), ourID, "QQ314159")
	r, err := bounce.Parse([]byte(foreign))
	if err != nil || !strings.HasPrefix(told(t, r)[0], "dsn.bounced abc@gangwon.example ") {
		t.Errorf("%v: %v", err, told(t, r))
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"postfix.eml", "gmail.eml", "exchange.eml", "delayed.eml", "vacation.eml"} {
		f.Add(sample(f, name))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		r, err := bounce.Parse(message)
		if err != nil {
			return
		}
		if len(r.Recipients) == 0 || len(r.Recipients) > 500 {
			t.Fatalf("%d recipients", len(r.Recipients))
		}
		notices, err := r.Notices()
		if err != nil {
			t.Fatal(err)
		}
		for _, notice := range notices {
			if !notice.Event.IsValid() || len(notice.Event) > 4096 {
				t.Fatalf("%s", notice.Event)
			}
		}
	})
}
