package simulator

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// WebhookFault is how a vendor's reports misbehave; the zero value does not.
type WebhookFault struct {
	// Delay holds every report back.
	Delay time.Duration `json:"delay"`
	// Repeat sends each report so many times more.
	Repeat int `json:"repeat"`
	// Shuffle sends what waits in any order.
	Shuffle bool `json:"shuffle"`
	// Forge is the share of reports before which a copy with a wrong signature is
	// sent, 0 to 1.
	Forge float64 `json:"forge"`
}

// ReportTo makes a vendor report what became of messages to url, as the real one
// does when a webhook is set up with it, those that it took before as well; ""
// ends that. Vendors that report nothing ignore it.
func (s *Simulator) ReportTo(vendor, url string) {
	if r := s.reporters[vendor]; r != nil {
		r.mu.Lock()
		r.url = url
		if url == "" {
			r.queued = nil
		}
		r.mu.Unlock()
		r.again()
	}
	if vendor == "ses" && url != "" {
		s.subscribe()
	}
}

// SetWebhookFault makes a vendor's reports misbehave from now on.
func (s *Simulator) SetWebhookFault(vendor string, fault WebhookFault) {
	if r := s.reporters[vendor]; r != nil {
		r.mu.Lock()
		r.fault = fault
		r.mu.Unlock()
	}
}

// WebhookFault returns how a vendor's reports misbehave, and whether it sends any.
func (s *Simulator) WebhookFault(vendor string) (WebhookFault, bool) {
	r := s.reporters[vendor]
	if r == nil {
		return WebhookFault{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fault, true
}

// reporter sends one vendor's reports.
type reporter struct {
	vendor string
	// encode makes the requests of some reports: one for all, or one for each.
	encode func(reports []report, forge bool) []hookRequest
	client *http.Client
	wake   chan struct{}

	mu     sync.Mutex
	url    string
	fault  WebhookFault
	queued []report
}

// report is one thing that became of a message.
type report struct {
	what       Outcome // Success: delivered
	message    Received
	sms        smsMessage
	recipients []string
	at         time.Time
	due        time.Time
	raw        []hookRequest // instead of all that: ready to be sent
}

// hookRequest is one request to the webhook.
type hookRequest struct {
	header http.Header
	body   []byte
	// final reports answers after which the vendor does not send again.
	final func(status int) bool
}

const (
	// reportBatch is how many reports one request has at most, reportSenders how
	// many requests a vendor has under way.
	reportBatch, reportSenders = 50, 4
	reportTries                = 6
	// reportBacklog is how many reports wait for somebody who wants to hear them.
	reportBacklog = 10_000
)

// startReporters begins to serve the vendors that report.
func (s *Simulator) startReporters() {
	ctx, cancel := context.WithCancel(context.Background())
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: reportSenders}}
	s.reporters = map[string]*reporter{}
	for vendor, encode := range map[string]func([]report, bool) []hookRequest{
		"sendgrid": s.sendGridReports, "ses": s.sesReports, "solapi": s.solapiReports, "nhncloud": s.nhnReports, standardVendor: nil,
	} {
		r := &reporter{vendor: vendor, encode: encode, client: client, wake: make(chan struct{}, 1)}
		s.reporters[vendor] = r
		s.done.Go(func() { r.run(ctx) })
	}
	s.closers = append(s.closers, func() error {
		cancel()
		client.CloseIdleConnections()
		return nil
	})
}

// tell queues what a vendor reports, if anybody wants to hear it.
func (s *Simulator) tell(vendor string, reports ...report) {
	r := s.reporters[vendor]
	if r == nil || len(reports) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.url == "" && len(r.queued) >= reportBacklog {
		return
	}
	now := time.Now()
	for i := range reports {
		reports[i].due = now.Add(r.fault.Delay)
		for range 1 + r.fault.Repeat {
			r.queued = append(r.queued, reports[i])
		}
	}
	r.again()
}

// again makes run look at the queue.
func (r *reporter) again() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *reporter) run(ctx context.Context) {
	requests := make(chan hookRequest)
	var senders sync.WaitGroup
	for range reportSenders {
		senders.Go(func() {
			for request := range requests {
				r.send(ctx, request)
			}
		})
	}
	defer senders.Wait()
	defer close(requests)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		for _, request := range r.due(timer) {
			select {
			case requests <- request:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-r.wake:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// due takes the reports whose time has come and sets the timer for the next.
func (r *reporter) due(timer *time.Timer) (requests []hookRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.url == "" && r.vendor != standardVendor {
		timer.Reset(time.Hour)
		return nil
	}
	now := time.Now()
	var ready, later []report
	next := time.Hour
	for _, one := range r.queued {
		if wait := one.due.Sub(now); wait > 0 {
			later, next = append(later, one), min(next, wait)
		} else {
			ready = append(ready, one)
		}
	}
	r.queued = later
	timer.Reset(next)
	if r.fault.Shuffle {
		rand.Shuffle(len(ready), func(i, j int) { ready[i], ready[j] = ready[j], ready[i] })
	}
	for batch := range slices.Chunk(ready, reportBatch) {
		var plain []report
		for _, one := range batch {
			if one.raw != nil {
				requests = append(requests, one.raw...)
			} else {
				plain = append(plain, one)
			}
		}
		if len(plain) == 0 || r.encode == nil {
			continue
		}
		if rand.Float64() < r.fault.Forge {
			requests = append(requests, r.encode(plain, true)...)
		}
		requests = append(requests, r.encode(plain, false)...)
	}
	return requests
}

// send posts one request until its vendor would give up.
func (r *reporter) send(ctx context.Context, request hookRequest) {
	for try := range reportTries {
		if try > 0 && !sleep(ctx, time.Duration(try*try)*200*time.Millisecond) {
			return
		}
		r.mu.Lock()
		url := r.url
		r.mu.Unlock()
		if to := request.header.Get(headerTo); to != "" {
			url = to
		}
		if url == "" {
			return
		}
		if status := r.post(ctx, url, request); status/100 == 2 || status > 0 && request.final(status) {
			return
		}
	}
}

// headerTo carries the address of a request that does not go to its vendor's own;
// it is not sent.
const headerTo = "X-Simulator-To"

func (r *reporter) post(ctx context.Context, url string, request hookRequest) int {
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(request.body))
	if err != nil {
		return 0
	}
	post.Header = request.header.Clone()
	post.Header.Del(headerTo)
	answer, err := r.client.Do(post)
	if err != nil {
		return 0
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16))
	return answer.StatusCode
}

// Answers after which vendors do not send again.
func onlyServerErrors(status int) bool { return status < http.StatusInternalServerError }
func onlySuccess(int) bool             { return false }
func never(int) bool                   { return true } // a forgery is tried once
