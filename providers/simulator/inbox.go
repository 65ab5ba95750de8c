package simulator

import (
	"slices"
	"sync"
	"time"
)

// Received is one message or request that the simulator took.
type Received struct {
	ID       string    `json:"id"` // the vendor's message id that was answered
	Provider string    `json:"provider"`
	At       time.Time `json:"at"`
	// CommandID is our id as it travelled (header, tag, custom field), "" if none.
	CommandID string            `json:"command_id,omitzero"`
	From      string            `json:"from,omitzero"`
	To        []string          `json:"to,omitzero"`
	Subject   string            `json:"subject,omitzero"`
	Text      string            `json:"text,omitzero"`
	HTML      string            `json:"html,omitzero"`
	Header    map[string]string `json:"header,omitzero"`
	Outcome   Outcome           `json:"outcome"`
	// Answered is false where the vendor's answer was withheld or cut.
	Answered bool `json:"answered"`
}

// Inbox keeps the newest messages in memory.
type Inbox struct {
	mu       sync.Mutex
	messages []Received
	most     int
	total    int
}

// NewInbox keeps at most that many messages; older ones are forgotten. With none
// to keep it only counts.
func NewInbox(most int) *Inbox { return &Inbox{most: most} }

// Add keeps one message.
func (i *Inbox) Add(message Received) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.total++
	if i.most <= 0 {
		return
	}
	if len(i.messages) >= 2*i.most {
		i.messages = append(i.messages[:0], i.messages[len(i.messages)-i.most+1:]...)
	}
	i.messages = append(i.messages, message)
}

// List returns the kept messages, oldest first.
func (i *Inbox) List() []Received {
	i.mu.Lock()
	defer i.mu.Unlock()
	kept := i.messages
	if len(kept) > i.most {
		kept = kept[len(kept)-i.most:]
	}
	return append([]Received(nil), kept...)
}

// Total counts all messages ever received.
func (i *Inbox) Total() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.total
}

// Forget removes the messages that went to somebody.
func (i *Inbox) Forget(is func(address string) bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.messages = slices.DeleteFunc(i.messages, func(r Received) bool { return slices.ContainsFunc(r.To, is) })
}

// Clear forgets the kept messages.
func (i *Inbox) Clear() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.messages = nil
}
