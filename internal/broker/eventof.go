package broker

import (
	"context"

	"github.com/gangwon-portal/gangway/internal/delivery"
)

// EventOf is the message that [Outlet.Event] would publish for row, for changes
// whose event leaves through the outbox. The headers have one value each.
func EventOf(row delivery.Row) (Outgoing, error) {
	return eventMessage(context.Background(), &row)
}
