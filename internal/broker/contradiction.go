package broker

import "github.com/gangwon-portal/gangway/internal/delivery"

// ContradictionOf is the message on event.business.verify.contradicted: a provider's
// later answer does not fit a manual entry. Its subject is the verification that the
// entry finished. It leaves through the outbox; the headers have one value each.
func ContradictionOf(c delivery.Contradiction) (Outgoing, error) {
	id := c.Entry.DeliveryID.String()
	return cloudEvent{ID: id + "." + c.Entry.CommandID.String() + ".contradicted", Subject: id, Time: c.At, Data: c}.
		on("business.verify.contradicted", "business.contradicted")
}
