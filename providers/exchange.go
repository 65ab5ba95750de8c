package providers

import (
	"context"
	"net/http"
)

// Exchange is what one call looked like on the wire. The guard puts one into the
// context of each call, the driver fills in what it knows, and log, attempt row
// and trace are made from it. Values are raw: redaction and bounding happen at
// the one choke point of telemetry.
type Exchange struct {
	Endpoint       string // the driver's stable name of the call: "send", "token"
	Method, URL    string
	Status         string // "200", "250 2.0.0 Ok"
	RequestHeader  http.Header
	ResponseHeader http.Header
	Request        []byte
	Response       []byte
	// Left reports that the request, or a part of it that the vendor could act
	// on, was handed to the network.
	Left bool
}

type exchangeKey struct{}

// WithExchange returns a context whose calls are described in the exchange.
func WithExchange(ctx context.Context) (context.Context, *Exchange) {
	exchange := new(Exchange)
	return context.WithValue(ctx, exchangeKey{}, exchange), exchange
}

// ExchangeFrom returns the exchange of the current call; outside a guard it
// returns one that nobody reads, so that drivers need no check.
func ExchangeFrom(ctx context.Context) *Exchange {
	if exchange, ok := ctx.Value(exchangeKey{}).(*Exchange); ok {
		return exchange
	}
	return new(Exchange)
}
