package command

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/fault"
)

var place = Source{Stream: "GANGWAY_COMMANDS", Sequence: 7, Timestamp: time.Unix(1_800_000_000, 5)}

const plain = `{"to":["kim@example.kr"],"subject":"안녕","text":"본문"}`

func TestDecodeNamesTheMistake(t *testing.T) {
	for _, c := range []struct{ name, body, field, says string }{
		{"garbage", `garbage`, "", "not JSON"},
		{"empty", ``, "", "not JSON"},
		{"truncated", `{"to":["a@b.kr"`, "", "not JSON"},
		{"list", `[]`, "", "must be a JSON object, not a list"},
		{"null", `null`, "to", "at least one"},
		{"unknown field", `{"to":["a@b.kr"],"subjct":"x","text":"y"}`, "subjct", `did you mean "subject"?`},
		{"unknown field far from all", `{"to":["a@b.kr"],"zzzzzzzz":1}`, "zzzzzzzz", "is not a field of email.send"},
		{"twice", `{"to":["a@b.kr"],"to":["c@d.kr"]}`, "to", "stands twice"},
		{"wrong type", `{"to":"a@b.kr","subject":"x","text":"y"}`, "to", "must be a list, not text"},
		{"wrong element", `{"to":["a@b.kr",7],"subject":"x","text":"y"}`, "to[1]", "must be text, not a number"},
		{"wrong time", `{"to":["a@b.kr"],"subject":"x","text":"y","send_at":"tomorrow"}`, "send_at", "RFC 3339"},
		{"no recipient", `{"subject":"x","text":"y"}`, "to", "at least one"},
		{"no address", `{"to":["kim"],"subject":"x","text":"y"}`, "to[0]", `is not an e-mail address such as`},
		{"display name", `{"to":["Kim <a@b.kr>"],"subject":"x","text":"y"}`, "to[0]", "bare address"},
		{"header injection", `{"to":["a@b.kr"],"subject":"x\r\nBcc: c@d.kr","text":"y"}`, "subject", "one line"},
		{"no words", `{"to":["a@b.kr"],"subject":"x"}`, "text", "is missing"},
		{"template and words", `{"to":["a@b.kr"],"template":"t","text":"y"}`, "template", "excludes"},
		{"category", `{"to":["a@b.kr"],"subject":"x","text":"y","category":"spam"}`, "category", "marketing"},
		{"NUL", `{"to":["a@b.kr"],"subject":"x","text":"a\u0000b"}`, "", "cannot be stored"},
		{"broken UTF-8", "{\"to\":[\"a@b.kr\"],\"subject\":\"\xff\",\"text\":\"y\"}", "", "not JSON"},
		{"lone surrogate", `{"to":["a@b.kr"],"subject":"\ud800","text":"y"}`, "", "not JSON"},
		{"attachment without bytes", `{"to":["a@b.kr"],"subject":"x","text":"y","attachments":[{"filename":"a"}]}`, "attachments[0]", "exactly one"},
		{"attachment path", `{"to":["a@b.kr"],"subject":"x","text":"y","attachments":[{"filename":"../a","object":"o"}]}`, "attachments[0].filename", "not a file name"},
		{"bad base64", `{"to":["a@b.kr"],"subject":"x","text":"y","attachments":[{"filename":"a","content":"%%"}]}`, "attachments[0].content", "base64"},
		{"metadata", `{"to":["a@b.kr"],"subject":"x","text":"y","metadata":{"k":"` + strings.Repeat("v", 2048) + `"}}`, "metadata", "2048"},
		{"expires before send", `{"to":["a@b.kr"],"subject":"x","text":"y","send_at":"2026-01-02T00:00:00Z","expires_at":"2026-01-01T00:00:00Z"}`, "expires_at", "not after send_at"},
		{"far ahead", `{"to":["a@b.kr"],"subject":"x","text":"y","send_at":"2999-01-02T00:00:00Z"}`, "send_at", "year"},
		{"oversize", `{"to":["a@b.kr"],"subject":"x","text":"` + strings.Repeat("y", MaxBody) + `"}`, "", "at most 1048576"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd, err := Decode(EmailSend, Normal, []byte(c.body), place)
			failure, ok := errors.AsType[*fault.Error](err)
			if !ok || failure.Reason != fault.Invalid {
				t.Fatalf("error is %v, want one with reason invalid", err)
			}
			if failure.Field != c.field || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error names %q and says %q; want %q and %q", failure.Field, err, c.field, c.says)
			}
			if cmd == nil || cmd.ID == uuid.Nil || cmd.Payload != nil {
				t.Errorf("a rejected command has an id and no payload, got %+v", cmd)
			}
		})
	}
}

// TestDecodeRepeatsNothing: the error of a body that is no JSON is logged, stored and
// shown, so it must not carry whom the body was for.
func TestDecodeRepeatsNothing(t *testing.T) {
	const person = `"kim@example.kr"`
	for _, body := range []string{
		`{"to":[` + person, `{"to":[` + person + `]}}`, person + ` x`, `{"to":["\xkim@example.kr"]}`, "{\"to\":[\"kim@example.kr\xff\"]}", `kim@example.kr`,
	} {
		_, err := Decode(EmailSend, Normal, []byte(body), place)
		if fault.Of(err) != fault.Invalid || strings.Contains(err.Error(), "kim") || strings.Contains(err.Error(), "example") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestDecodeTakesEveryKind(t *testing.T) {
	for kind, body := range map[Kind]string{
		EmailSend:        plain,
		SMSSend:          `{"to":"010-1234-5678","text":"안녕"}`,
		BusinessVerify:   `{"registration_number":"124-81-00998","representative":"홍길동","opened_on":"1969-01-13"}`,
		AddressSearch:    `{"keyword":"강원특별자치도청","page":1,"size":10}`,
		WebhookProcess:   `{"provider":"ses","event_id":"e","received_at":"2026-01-01T00:00:00Z","event":{"a":1}}`,
		DeliveryCancel:   `{"delivery_id":"x","reason":"asked for"}`,
		BusinessComplete: `{"delivery_id":"x","company":{"name":"삼성전자","status":"active"},"entered_by":"lee"}`,
	} {
		cmd, err := Decode(kind, Normal, []byte(body), place)
		if err != nil || cmd.Payload == nil || cmd.Kind != kind {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestIdentity(t *testing.T) {
	const v7 = "0193a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
	withID := `{"id":"` + v7 + `","to":["a@b.kr"],"subject":"x","text":"y"}`
	withText := `{"id":"order-42","to":["a@b.kr"],"subject":"x","text":"y"}`
	id := func(body string, src Source) uuid.UUID {
		cmd, err := Decode(EmailSend, Normal, []byte(body), src)
		if err != nil {
			t.Fatal(err)
		}
		return cmd.ID
	}
	header := place
	header.MsgID = "order-42"
	later := place
	later.Sequence++
	if got := id(withID, header).String(); got != v7 {
		t.Errorf("the body's id loses: %s", got)
	}
	if id(withText, place) != id(plain, header) {
		t.Error("the same text is another id in body and header")
	}
	if first, again := id(plain, place), id(plain, place); first != again || first == id(plain, later) {
		t.Error("without an id, the stored message's place must decide")
	}
	bad, _ := Decode(EmailSend, Normal, []byte(`{"id":"`+v7+`","nope":1}`), place)
	if bad.ID.String() != v7 {
		t.Errorf("a rejected command loses its id: %s", bad.ID)
	}
}

func TestNewerBodyWaits(t *testing.T) {
	for _, body := range []string{
		`{"v":2,"to":["a@b.kr"],"subject":"x","text":"y"}`,
		`{"v":2,"something_new":true}`,
	} {
		if _, err := Decode(EmailSend, Normal, []byte(body), place); !errors.Is(err, ErrNewer) {
			t.Errorf("%s: %v, want ErrNewer", body, err)
		}
	}
}

func TestDigestIgnoresSpellingAndTime(t *testing.T) {
	digest := func(kind Kind, body string) Digest {
		d, err := DigestOf(kind, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	base := digest(EmailSend, `{"to":["a@b.kr"],"subject":"é","text":"1"}`)
	for _, same := range []string{
		`{ "text":"1", "subject":"\u00e9", "to":["a@b.kr"] }`,
		`{"id":"x","send_at":"2026-01-01T00:00:00Z","expires_at":"2027-01-01T00:00:00Z","to":["a@b.kr"],"subject":"é","text":"1"}`,
	} {
		if digest(EmailSend, same) != base {
			t.Errorf("%s is taken for another command", same)
		}
	}
	for _, other := range []string{
		`{"to":["a@b.kr"],"subject":"é","text":"2"}`, `{"to":["a@b.kr"],"subject":"é","text":"1","cc":["c@d.kr"]}`,
	} {
		if digest(EmailSend, other) == base {
			t.Errorf("%s is taken for the same command", other)
		}
	}
	if digest(SMSSend, `{"to":["a@b.kr"],"subject":"é","text":"1"}`) == base {
		t.Error("another kind is taken for the same command")
	}
}

func TestSubjectRoundTrip(t *testing.T) {
	for _, kind := range Kinds() {
		for _, lane := range Lanes() {
			if lane != Normal && !kind.Producer() {
				continue
			}
			for _, subject := range []string{kind.Subject(lane), "scheduled.due." + string(kind) + "." + string(lane)} {
				gotKind, gotLane, ok := ParseSubject(subject)
				if !ok || gotKind != kind || gotLane != lane {
					t.Errorf("%s parses as %s, %s, %v", subject, gotKind, gotLane, ok)
				}
			}
		}
	}
	for _, subject := range []string{"email.send.alerts", "scheduled.due.email.send.alerts"} {
		if kind, lane, ok := ParseSubject(subject); !ok || kind != EmailSend || lane != Alerts || lane.Valid() || lane.Shown() != High {
			t.Errorf("%s parses as %s, %s, %v", subject, kind, lane, ok)
		}
	}
	for _, subject := range []string{"sms.send.alerts", "", "email", "email.send.low", "webhook.process.high", "scheduled.at.x", "email.send.normal"} {
		if _, _, ok := ParseSubject(subject); ok {
			t.Errorf("%q must not parse", subject)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(plain)
	f.Add(`{"v":2}`)
	f.Add(`{"to":[[[[`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, kind := range Kinds() {
			cmd, err := Decode(kind, Normal, []byte(body), place)
			if cmd == nil || cmd.ID == uuid.Nil {
				t.Fatal("no id")
			}
			if (err == nil) != (cmd.Payload != nil) {
				t.Fatalf("error %v with payload %v", err, cmd.Payload)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	body := []byte(`{"id":"0193a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b","to":["kim@example.kr"],"from":"portal@gangwon.kr","subject":"접수 안내","text":"신청이 접수되었습니다."}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(EmailSend, Normal, body, place); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzPlain: the short way to the canonical form is the long way's, wherever it
// takes a body at all.
func FuzzPlain(f *testing.F) {
	for _, body := range []string{
		`{"id":1,"id":2}`, `{"b":1,"id":{"y":1,"x":2},"a":{"y":1,"x":2}}`, `{}`, `{"id":"x"}`, "{ \"b\" : [1 , -20,{\"z\":null,\"a\":true}] ,\t\"a\":\"한글\",\"id\":1}\n", `{"a":{"b":[],"a":{}},"":0}`,
		`{"a":1,"a":2}`, `{"a":1.0}`, `{"a":-0}`, `{"a":01}`, `{"a":1,}`, `{"a":[1,]}`, `{"a":"\u0041"}`, `{"é":1,"a":2}`, `{"a":tru}`, `{"a":1}x`, "{\"a\":\"\xff\"}",
		`{"a":123456789012345}`, `{"a":9007199254740993}`, `{"provider":"ses","event_id":"e","at":3}`, `{"a" 1}`, `{"a":1 "b":2}`, `{,}`, `{"a":}`, `[1]`, ``,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, kind := range []Kind{EmailSend, WebhookProcess} {
			got, ok := plainForm(nil, body, func(name []byte) bool { return counts(kind, name) })
			if !ok {
				continue
			}
			want, err := canonical(kind, body)
			if err != nil || string(got) != string(want) {
				t.Fatalf("%s of %q is %q, want %q (%v)", kind, body, got, want, err)
			}
		}
	})
}

// TestPlainTakesCommands: what producers usually write goes the short way.
func TestPlainTakesCommands(t *testing.T) {
	t.Parallel()
	body := []byte(`{"id": "x", "to": ["kim@example.kr"], "subject": "접수 안내", "variables": {"number": 3, "name": "김민수"}, "v": 1}`)
	const want = `{"subject":"접수 안내","to":["kim@example.kr"],"v":1,"variables":{"name":"김민수","number":3}}`
	if got, ok := plainForm(nil, body, func(name []byte) bool { return counts(EmailSend, name) }); !ok || string(got) != want {
		t.Fatalf("%t, %s", ok, got)
	}
}
