package webhook

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// room bounds what a flood can take of this program: the bytes of bodies in
// memory, and the requests that are worked on. What finds no room is shed at once.
type room struct {
	bytes atomic.Int64 // still free
	slots chan struct{}
}

func (r *room) take(n int64) bool {
	if r.bytes.Add(-n) < 0 {
		r.bytes.Add(n)
		return false
	}
	return true
}

func (r *room) give(n int64) { r.bytes.Add(n) }

// firstTaken is the room that a body takes to begin with, also a small one: it
// stands for the connection and bounds how many there are.
const firstTaken = 16 << 10

// read takes the body whole, as far as there is room, within the limit and the
// time. The release gives the room back and must be called in any case.
func (r *Receiver) read(w http.ResponseWriter, req *http.Request, limit int64) (body []byte, release func(), refused *answer) {
	taken := int64(0)
	release = func() { r.room.give(taken) }
	more := func(n int64) bool {
		ok := r.room.take(n)
		if ok {
			taken += n
		}
		return ok
	}
	fail := func(a answer) ([]byte, func(), *answer) { return nil, release, &a }

	size := max(min(req.ContentLength, limit), 0)
	if !more(max(size, firstTaken)) {
		w.Header().Set("Connection", "close")
		return fail(full())
	}
	// A test's recorder knows no deadlines; a server's connection does.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(r.options.ReadTimeout))
	in := http.MaxBytesReader(w, req.Body, limit)
	body = make([]byte, 0, max(size+1, 4<<10))
	for {
		n, err := in.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case errors.Is(err, io.EOF):
			return body, release, nil
		case err != nil:
			w.Header().Set("Connection", "close")
			if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
				return fail(tooLarge(tooBig.Limit))
			}
			return fail(refuse(http.StatusBadRequest, fault.Invalid, "The body did not come whole, or not in time.").because(err))
		}
		if len(body) == cap(body) {
			// A body of unknown length: the room grows with it.
			if !more(int64(cap(body))) {
				w.Header().Set("Connection", "close")
				return fail(full())
			}
			body = append(body, make([]byte, cap(body))...)[:len(body)]
		}
	}
}

// mostRecent is how many events each half of recent remembers.
const mostRecent = 1 << 14

// recent remembers the newest events that were stored, so that a repeat is
// recognised before it costs anything. It forgets by halves.
type recent struct {
	most        int
	mu          sync.Mutex
	now, before map[string]struct{}
}

func (r *recent) has(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, here := r.now[id]
	if !here {
		_, here = r.before[id]
	}
	return here
}

func (r *recent) add(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil || len(r.now) >= r.most {
		r.now, r.before = make(map[string]struct{}, r.most), r.now
	}
	r.now[id] = struct{}{}
}
