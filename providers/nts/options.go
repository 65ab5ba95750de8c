package nts

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Options configure one key. Zero values take the defaults in brackets.
type Options struct {
	Name    string // as configured [nts]
	BaseURL string // without a slash at the end [https://api.odcloud.kr]
	// Key is the service key in either of the forms that data.go.kr shows, the
	// "encoding" or the "decoding" one.
	Key          string
	StatusPath   string // [/api/nts-businessman/v1/status]
	ValidatePath string // [/api/nts-businessman/v1/validate]
	// BatchWindow is how long the first look-up waits for others to share its
	// call; 0 turns sharing off.
	BatchWindow time.Duration
	BatchMost   int           // look-ups that share one call at most [100]
	Timeout     time.Duration // of one shared call [10s]
	CheckNumber string        // asked by Check [1248100998]
	Conns       int           // connections that are kept [16]
	Now         func() time.Time
}

func (o Options) withDefaults() (Options, error) {
	o.Name = cmp.Or(o.Name, Source)
	o.BaseURL = strings.TrimRight(cmp.Or(o.BaseURL, "https://api.odcloud.kr"), "/")
	o.StatusPath = cmp.Or(o.StatusPath, "/api/nts-businessman/v1/status")
	o.ValidatePath = cmp.Or(o.ValidatePath, "/api/nts-businessman/v1/validate")
	o.BatchMost = cmp.Or(o.BatchMost, MostNumbers)
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	o.CheckNumber = cmp.Or(o.CheckNumber, "1248100998")
	if o.Now == nil {
		o.Now = time.Now
	}
	switch {
	case o.BatchMost < 1 || o.BatchMost > MostNumbers:
		return o, fault.InvalidField("batch_most", "must be 1 to %d, not %d", MostNumbers, o.BatchMost)
	case o.BatchWindow < 0:
		return o, fault.InvalidField("batch_window", "must not be negative, not %s", o.BatchWindow)
	}
	return o, nil
}

// keyParam returns the query parameter with the key encoded exactly once. A
// decoding key is base64 and has no percent sign, so one tells the forms apart.
func keyParam(key string) string {
	if decoded, err := url.PathUnescape(key); err == nil {
		key = decoded
	}
	return "serviceKey=" + url.QueryEscape(key)
}
