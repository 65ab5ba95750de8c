package broker

import (
	"fmt"

	"github.com/nats-io/nats.go"
)

// subjectForgotten tells of a person who is forgotten to whoever keeps anything in
// memory only. It is not stored: nor is what it is about.
const subjectForgotten = "gangway.control.forgotten"

// TellForgotten tells all workers that a recipient is forgotten.
func (c *Conn) TellForgotten(recipient string) error {
	err := c.nc.Publish(subjectForgotten, []byte(recipient))
	if err == nil {
		err = c.nc.Flush()
	}
	if err != nil {
		return fmt.Errorf("broker: forget: %w", err)
	}
	return nil
}

// OnForgotten calls f for every recipient that is forgotten until the connection
// closes.
func (c *Conn) OnForgotten(f func(recipient string)) error {
	if _, err := c.nc.Subscribe(subjectForgotten, func(m *nats.Msg) { f(string(m.Data)) }); err != nil {
		return fmt.Errorf("broker: forget: %w", err)
	}
	return nil
}
