package lookup

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// Name and Version are those of the NATS micro service. The version is that of
// the interface, not of the program.
const (
	Name    = "gangway"
	Version = "1.0.0"
)

// Service answers look-ups over NATS: gangway.address.search and
// gangway.business.verify, with the bodies of the commands of those names. The
// workers of a fleet share the requests.
type Service struct {
	answerer Answerer
	options  ServiceOptions
	nc       *nats.Conn
	service  micro.Service
	ctx      context.Context
	cancel   context.CancelFunc
	slots    chan struct{}

	mu      sync.Mutex // held while a request is taken, so that Close misses none
	closed  bool
	running sync.WaitGroup
}

// ServiceOptions tune a [Service]; zero values mean the defaults.
type ServiceOptions struct {
	// Concurrency is how many requests are answered at once; default 64. More are
	// refused as busy rather than kept waiting until nobody waits any more.
	Concurrency int
	// Stats returns what `nats micro stats` shows of a kind beside the requests;
	// nil for nothing.
	Stats func(command.Kind) any
	// Trouble is told of errors of the connection.
	Trouble func(error)
}

// requestTime bounds one answer; it is more than a look-up takes.
const requestTime = 15 * time.Second

// StartService begins to answer on nc.
func StartService(nc *nats.Conn, answerer Answerer, options ServiceOptions) (*Service, error) {
	if options.Concurrency <= 0 {
		options.Concurrency = 64
	}
	s := &Service{answerer: answerer, options: options, nc: nc, slots: make(chan struct{}, options.Concurrency)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	var err error
	s.service, err = micro.AddService(nc, micro.Config{
		Name: Name, Version: Version, Description: "Address search and company verification",
		StatsHandler: s.stats,
		ErrorHandler: func(_ micro.Service, e *micro.NATSError) {
			if options.Trouble != nil {
				options.Trouble(fmt.Errorf("lookup: %s: %s", e.Subject, e.Description))
			}
		},
	})
	if err != nil {
		s.cancel()
		return nil, fmt.Errorf("lookup: service: %w", err)
	}
	group := s.service.AddGroup(Name)
	for _, kind := range []command.Kind{command.AddressSearch, command.BusinessVerify} {
		name := endpointName(kind)
		err := group.AddEndpoint(name, micro.HandlerFunc(func(r micro.Request) { s.take(kind, r) }), micro.WithEndpointSubject(string(kind)))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lookup: endpoint %s: %w", name, err), s.Close())
		}
	}
	return s, nil
}

// Close stops taking requests and waits for those that are being answered. What
// was on its way here meanwhile is refused; whoever asked asks another worker.
func (s *Service) Close() error {
	err := s.service.Stop()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.running.Wait()
	s.cancel()
	if err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		return fmt.Errorf("lookup: stop service: %w", err)
	}
	return nil
}

// take hands a request to a goroutine of its own: the service calls its handlers
// one after another.
func (s *Service) take(kind command.Kind, r micro.Request) {
	if !s.room() {
		s.refuse(kind, r, fault.New(fault.Unavailable, "look-up", "too many requests at once"))
		return
	}
	go func() {
		defer s.running.Done()
		defer func() { <-s.slots }()
		ctx, cancel := context.WithTimeout(s.ctx, requestTime)
		defer cancel()
		result, err := s.answer(ctx, kind, r.Data())
		if err != nil {
			s.refuse(kind, r, err)
			return
		}
		s.reply(r, result, nil)
	}()
}

// room counts a request in, where there is a place for it.
func (s *Service) room() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	select {
	case s.slots <- struct{}{}:
		s.running.Add(1)
		return true
	default:
		return false
	}
}

func (s *Service) answer(ctx context.Context, kind command.Kind, body []byte) (result jsontext.Value, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fault.New(fault.Internal, "look-up", "crashed: %v", cause)
			s.trouble(err)
		}
	}()
	payload, err := decode(kind, body)
	if errors.Is(err, command.ErrNewer) {
		err = fault.InvalidField("v", "is newer than this worker understands")
	}
	if err != nil {
		return nil, err
	}
	return s.answerer.Answer(ctx, payload)
}

// failure is the body of an answer without a result.
type failure struct {
	Error struct {
		Code    fault.Reason `json:"code"`
		Message string       `json:"message"`
		Field   string       `json:"field,omitzero"`
	} `json:"error"`
}

func (s *Service) refuse(kind command.Kind, r micro.Request, err error) {
	said, status := explain(kind, err)
	var body failure
	body.Error.Code, body.Error.Field = said.code, said.field
	body.Error.Message = said.in(tongue(r.Headers().Get("Accept-Language")))
	data, marshalErr := json.Marshal(body)
	if marshalErr != nil {
		data = nil // the headers say it too
	}
	s.reply(r, data, nats.Header{
		micro.ErrorCodeHeader: {strconv.Itoa(status)},
		micro.ErrorHeader:     {string(said.code) + ": " + said.en}, // English: header values are safest in ASCII
	})
}

// reply answers over the connection rather than with r.Respond and r.Error, which
// note their outcome in the request for the service to read as soon as its handler
// has returned: only a handler itself may call them, and ours has by then.
func (s *Service) reply(r micro.Request, data []byte, header nats.Header) {
	s.trouble(s.nc.PublishMsg(&nats.Msg{Subject: r.Reply(), Header: header, Data: data}))
}

// trouble tells of what the asker cannot be told.
func (s *Service) trouble(err error) {
	if err != nil && s.options.Trouble != nil {
		s.options.Trouble(err)
	}
}

func (s *Service) stats(e *micro.Endpoint) any {
	if s.options.Stats == nil {
		return nil
	}
	for _, kind := range []command.Kind{command.AddressSearch, command.BusinessVerify} {
		if e.Name == endpointName(kind) {
			return s.options.Stats(kind)
		}
	}
	return nil
}

// endpointName is the kind as a name may be written: address-search.
func endpointName(kind command.Kind) string {
	if kind == command.AddressSearch {
		return "address-search"
	}
	return "business-verify"
}
