package delivery

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// ManualEntry is what a person found out about a company while no provider could
// answer, a row of gangway.manual_entries.
type ManualEntry struct {
	DeliveryID         uuid.UUID      `json:"delivery_id"` // the verification that it finished
	CommandID          uuid.UUID      `json:"command_id"`  // the business.complete that brought it
	RegistrationNumber string         `json:"registration_number"`
	Result             jsontext.Value `json:"result"`
	EnteredBy          string         `json:"entered_by"`
	Note               string         `json:"note,omitzero"`
	EnteredAt          time.Time      `json:"entered_at"`
}

// Contradiction is a provider's later answer that does not fit a manual entry.
type Contradiction struct {
	Entry ManualEntry `json:"entry"`
	// Differs names what differs: status, name, representative, outcome.
	Differs []string       `json:"differs"`
	Answer  jsontext.Value `json:"answer"`
	At      time.Time      `json:"at"`
}
