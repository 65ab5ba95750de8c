package delivery

import "time"

// Subscriber is an endpoint of the portal's systems that events are pushed to, a
// row of gangway.webhooks_out.
type Subscriber struct {
	Name  string          `json:"name"`
	URL   string          `json:"url"` // without credentials and query
	Kinds []string        `json:"kinds"`
	State SubscriberState `json:"state"`
	Since time.Time       `json:"since"` // of the state

	Waiting int   `json:"waiting"` // events that it has yet to take
	Pushed  int64 `json:"pushed"`  // events that it took
	Failed  int64 `json:"failed"`  // attempts that it did not take
	GivenUp int64 `json:"given_up"`

	PushedAt time.Time `json:"pushed_at,omitzero"`
	FailedAt time.Time `json:"failed_at,omitzero"`
	Error    string    `json:"error,omitzero"` // of the last failed attempt
}

// SubscriberState is how a subscriber stands.
type SubscriberState string

// The states of a subscriber. One that is disabled said that it is gone (410) and
// gets nothing until a person enables it.
const (
	SubscriberActive   SubscriberState = "active"
	SubscriberFailing  SubscriberState = "failing"
	SubscriberDisabled SubscriberState = "disabled"
)

// Pushing is what came of pushing to one subscriber for a moment.
type Pushing struct {
	Name           string
	State          SubscriberState
	Waiting        int
	Pushed, Failed int64
	GivenUp        int64
	At             time.Time
	Error          string // of the last failed attempt; "" when none failed
}
