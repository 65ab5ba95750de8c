package broker

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	wmnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
)

func newDelivery(f *feed, msg *nats.Msg) (*Delivery, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return nil, fmt.Errorf("message of consumer %s without its metadata: %w", f.source.Consumer, err)
	}
	return &Delivery{
		subject: msg.Subject, body: msg.Data, header: msg.Header,
		stream: meta.Stream, sequence: meta.Sequence.Stream,
		deliveries: int(meta.NumDelivered), timestamp: meta.Timestamp.UTC(),
		feed: f, reply: msg.Reply, size: msg.Size(), lane: f.lane,
	}, nil
}

// message makes what watermill handles. It reads what watermill-nats'
// NATSMarshaler writes, but takes the first of several values where that one
// fails: any client may send a header twice.
func (d *Delivery) message(ctx context.Context) *message.Message {
	msg := message.NewMessage(d.uuid(), d.body)
	for name, values := range d.header {
		if name == wmnats.WatermillUUIDHdr || strings.HasPrefix(name, "Nats-") || len(values) == 0 {
			continue
		}
		msg.Metadata[name] = values[0]
	}
	msg.SetContext(ctx)
	return msg
}

// uuid is watermill's name for the message: it stands in its logs and decides
// nothing.
func (d *Delivery) uuid() string {
	for _, name := range [...]string{wmnats.WatermillUUIDHdr, HeaderID, HeaderMsgID} {
		if id := first(d.header, name); id != "" {
			return id
		}
	}
	return d.stream + "/" + strconv.FormatUint(d.sequence, 10)
}
