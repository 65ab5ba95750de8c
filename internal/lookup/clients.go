package lookup

import (
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

// clients limits each client. A network of IPv6 counts as one, because one person
// has billions of addresses there.
type clients struct {
	rate    rate.Limit
	burst   int
	buckets *otter.Cache[netip.Prefix, *rate.Limiter]
	now     func() time.Time
}

// mostClients are limited one by one; beyond them the longest unseen are
// forgotten, so that a flood of addresses costs no memory.
const mostClients = 20_000

func newClients(perSecond float64, burst int, now func() time.Time) *clients {
	c := &clients{rate: rate.Limit(perSecond), burst: max(burst, 1), now: now}
	if perSecond <= 0 {
		return c
	}
	full := time.Duration(float64(c.burst) / perSecond * float64(time.Second))
	c.buckets = otter.Must(&otter.Options[netip.Prefix, *rate.Limiter]{
		MaximumSize: mostClients,
		// A bucket that is full again says nothing.
		ExpiryCalculator: otter.ExpiryAccessing[netip.Prefix, *rate.Limiter](max(full, time.Minute)),
	})
	return c
}

// allow takes one request of the client's, or says how long it has to wait.
func (c *clients) allow(r *http.Request) (wait time.Duration, ok bool) {
	if c.buckets == nil {
		return 0, true
	}
	bucket, _ := c.buckets.ComputeIfAbsent(clientOf(r), func() (*rate.Limiter, bool) { return rate.NewLimiter(c.rate, c.burst), false })
	now := c.now()
	reservation := bucket.ReserveN(now, 1)
	if wait = reservation.DelayFrom(now); wait == 0 {
		return 0, true
	}
	reservation.CancelAt(now)
	return wait, false
}

func (c *clients) close() {
	if c.buckets != nil {
		c.buckets.StopAllGoroutines()
	}
}

func clientOf(r *http.Request) netip.Prefix {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{} // all that cannot be told apart share one bucket
	}
	address = address.Unmap().WithZone("")
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	prefix, _ := address.Prefix(bits)
	return prefix
}

// limited serves a path of the interface: bounded, for allowed origins.
func (p *Public) limited(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.crossOrigin(w, r)
		if wait, ok := p.current.Load().clients.allow(r); !ok {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
			writeProblem(w, r, http.StatusTooManyRequests, tooOften)
			return
		}
		next(w, r)
	})
}
