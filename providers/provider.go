// Package providers is the contract that every integration meets, and what
// surrounds each of them: the guard (call, retry, handle error), failover along
// a route, and the cache. A vendor is a child folder; it knows its wire protocol
// and nothing else.
package providers

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
)

// Provider is one configured instance of a vendor's driver for requests of type
// P. Do and Check are called by many goroutines at once and obey ctx.
type Provider[P any] interface {
	// Name is the configured name ("ses"), the label of metrics and rows.
	Name() string
	// Do makes one call. Errors carry a [fault.Reason]; after a request that may
	// have reached a person and was not answered it is unknown_outcome. Do never
	// retries and holds no state of the command.
	Do(ctx context.Context, call Call[P]) (Answer, error)
	// Check is a real, harmless call that shows the provider to be usable.
	Check(ctx context.Context) error
}

// Confirmer is implemented by drivers whose vendor can be asked whether a
// message with our id arrived.
type Confirmer[P any] interface {
	// Confirm returns the answer when the vendor has the message, a not_found
	// fault when it does not, and any other fault when it cannot tell.
	Confirm(ctx context.Context, call Call[P]) (Answer, error)
}

// Call is one request with what surrounds it.
type Call[P any] struct {
	// ID is the command's id, the same in every attempt; vendors carry it back.
	ID      uuid.UUID
	Attempt int // from 1, over all rounds and providers
	Request P
	// Lane says how urgent the command is; drivers need not know.
	Lane command.Lane
}

// Answer is a vendor's acceptance.
type Answer struct {
	// MessageID is the vendor's identifier, "" where it gives none.
	MessageID string
	// Recipients has one outcome per address of a message with several. Empty
	// means that all were accepted alike.
	Recipients []delivery.Recipient
	// Result is the normalised answer of a look-up.
	Result jsontext.Value
}

// Email is a rendered message, ready for any mail driver.
type Email struct {
	MessageID   string // the Message-ID header without angle brackets; stable over attempts
	From        string
	ReplyTo     string
	To, Cc, Bcc []string
	Subject     string
	Text, HTML  string
	Attachments []File
	Marketing   bool
	Unsubscribe string // URL or mailto of List-Unsubscribe; "" for none
}

// File is an attachment with its bytes.
type File struct {
	Name, ContentType string
	Content           []byte
}

// SMS is a rendered text message.
type SMS struct {
	To        string // E.164, such as +821012345678
	From      string // registered sender; "" takes the provider's own
	Subject   string // of a long message
	Text      string
	Marketing bool
}

// Company asks for one company by its ten digits; with Representative it asks
// whether that person represents it.
type Company struct {
	RegistrationNumber string
	Representative     string
	OpenedOn           string // YYYY-MM-DD
}

// Address asks for addresses by keyword.
type Address struct {
	Keyword    string
	Page, Size int
	English    bool
}
