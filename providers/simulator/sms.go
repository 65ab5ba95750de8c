package simulator

import (
	"crypto/rand"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/text/encoding/korean"
)

// smsMessage is one message that a simulated gateway accepted.
type smsMessage struct {
	ID        string // the vendor's id of the message
	Request   string // the vendor's id of the request or group
	CommandID string // our id as it travelled, "" where the vendor has no place for it
	Country   string
	From, To  string
	Type      string // SMS, LMS
	Subject   string
	Text      string
	Marketing bool
	At        time.Time
	Outcome   Outcome
}

// failed reports that the carrier did not deliver it.
func (m smsMessage) failed() bool { return m.Outcome == Bounce }

// smsBook is what one gateway accepted, newest last; lists and states are
// answered from it, so that a message whose answer was cut can be found.
type smsBook struct {
	mu   sync.Mutex
	kept []smsMessage
	most int
}

func (b *smsBook) add(message smsMessage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.kept) >= 2*b.most {
		b.kept = append(b.kept[:0], b.kept[len(b.kept)-b.most+1:]...)
	}
	b.kept = append(b.kept, message)
}

// find returns the kept messages that match, oldest first.
func (b *smsBook) find(matches func(smsMessage) bool) []smsMessage {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []smsMessage
	for _, message := range b.kept {
		if matches(message) {
			found = append(found, message)
		}
	}
	return found
}

// take files an accepted message in the book and in the inbox.
func (s *Simulator) take(provider string, book *smsBook, message smsMessage) {
	book.add(message)
	s.received(provider, message)
	s.reportSMS(provider, message)
}

func (s *Simulator) received(provider string, message smsMessage) {
	header := map[string]string{"type": message.Type}
	if message.Marketing {
		header["category"] = "marketing"
	}
	s.inbox.Add(Received{
		ID: message.ID, Provider: provider, At: message.At, CommandID: message.CommandID,
		From: message.From, To: []string{message.To}, Subject: message.Subject, Text: message.Text,
		Header: header, Outcome: message.Outcome, Answered: message.Outcome != Timeout && message.Outcome != Drop,
	})
}

// cp949 returns the length of a text on Korean networks, and whether they can
// carry it.
func cp949(text string) (int, bool) {
	encoded, err := korean.EUCKR.NewEncoder().String(text)
	return len(encoded), err == nil
}

// serial makes an id as gateways do: a prefix, the moment, and random capitals.
func serial(prefix string, at time.Time, random int) string {
	return prefix + at.In(kst()).Format("20060102150405") + rand.Text()[:random]
}

func kst() *time.Location { return time.FixedZone("KST", 9*60*60) }

// readSMS reads a JSON body of bounded size.
func readSMS(r *http.Request, into any) bool {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	return err == nil && json.Unmarshal(body, into) == nil
}

// writeSMS answers with JSON.
func writeSMS(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.MarshalWrite(w, body)
}

// matches is a filter of a list: what is not asked for matches all.
func matches(asked, value string) bool { return asked == "" || asked == value }

// within is a filter by time; a bound that is absent or unreadable bounds nothing.
func within(at time.Time, from, until, layout string) bool {
	if start, err := time.ParseInLocation(layout, from, kst()); err == nil && at.Before(start) {
		return false
	}
	end, err := time.ParseInLocation(layout, until, kst())
	return err != nil || !at.After(end)
}
