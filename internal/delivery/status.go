// Package delivery is the life of a command in the database: its statuses and
// their ranks, the claim that is committed before a provider is called, the
// record that is committed before the message is settled, and the view that
// the portal queries.
package delivery

import "github.com/gangwon-portal/gangway/internal/fault"

// Status is where a delivery stands.
type Status string

// The statuses of the public contract, section 4.
const (
	Queued       Status = "queued"
	Scheduled    Status = "scheduled"
	Processing   Status = "processing"
	Retrying     Status = "retrying"
	Unknown      Status = "unknown"
	ManualReview Status = "manual_review"
	Failed       Status = "failed"
	Rejected     Status = "rejected"
	Suppressed   Status = "suppressed"
	Cancelled    Status = "cancelled"
	Expired      Status = "expired"
	DeadLettered Status = "dead_lettered"
	Discarded    Status = "discarded"
	Sent         Status = "sent"
	Undelivered  Status = "undelivered"
	Delivered    Status = "delivered"
	Bounced      Status = "bounced"
	Complained   Status = "complained"
	Completed    Status = "completed"
)

// ranks order the statuses within one generation. A status moves only to a higher
// rank; while a command is still to be executed, also to an equal one. What a
// provider reports outranks whatever was decided here, because it is what
// happened.
var ranks = map[Status]int{
	Queued:    0,
	Scheduled: 10, Processing: 10, Retrying: 10,
	Unknown: 20, ManualReview: 20,
	Failed: 30, Rejected: 30, Suppressed: 30, Cancelled: 30, Expired: 30, DeadLettered: 30,
	Discarded: 35,
	Sent:      40, Undelivered: 50, Delivered: 60, Bounced: 70, Complained: 80,
	Completed: 90,
}

// Bounds of rank that SQL statements compare with.
const (
	RankOpen = 10 // at most: still to be executed
	RankSent = 40 // at least: a provider took it
)

// Statuses lists every status in the order of their ranks.
func Statuses() []Status {
	return []Status{
		Queued, Scheduled, Processing, Retrying, Unknown, ManualReview, Failed, Rejected, Suppressed, Cancelled,
		Expired, DeadLettered, Discarded, Sent, Undelivered, Delivered, Bounced, Complained, Completed,
	}
}

// Rank returns the place of s in the order of statuses.
func (s Status) Rank() int { return ranks[s] }

// Valid reports whether s is one of [Statuses].
func (s Status) Valid() bool { _, ok := ranks[s]; return ok }

// Open reports whether a command in s is still to be executed.
func (s Status) Open() bool { return s.Valid() && ranks[s] <= RankOpen }

// Final reports whether nothing but a provider's report or an operator moves s.
// Unknown and manual_review wait for a person and are not final.
func (s Status) Final() bool { return ranks[s] >= 30 }

// Good reports whether s is the end that the producer wanted.
func (s Status) Good() bool { return s == Sent || s == Delivered || s == Completed }

// Ends returns the status of a command that ends for reason.
func Ends(reason fault.Reason) Status { return Status(reason.Rule().Status) }
