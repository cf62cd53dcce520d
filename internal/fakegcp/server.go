package fakegcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
)

// maxMessageBytes bounds a request, over gRPC and REST.
const maxMessageBytes = 10 << 20

// Server is one fake Google Cloud. Its control methods (control.go) may be called at any time from any goroutine.
type Server struct {
	options   Options // as they are now; mu guards those that control methods change
	initial   Options // as they were at the start
	clock     *virtualClock
	journal   journal
	requests  journal // of the clusters' Kubernetes APIs
	turns     clockTurns
	faults    faults
	handlers  *handlers
	encodings encodings
	control   *controlAPI

	listener net.Listener
	http     *http.Server
	served   chan struct{} // closed when the HTTP server has ended

	file *stateFile // nil without Options.StateFile
	// order is held for reading by calls and for writing by changes of the control API, so that the state file has both in
	// the order in which they took effect. It is taken before mu.
	order sync.RWMutex

	applying atomic.Bool // Options.Control is being applied

	// mu guards everything below. Handlers run with it held.
	mu        sync.Mutex
	closed    bool
	replaying bool
	timer     *time.Timer
	latencies []Latency
	world
}

// world is what a fake has in it: what a reset makes anew and a state file brings back.
type world struct {
	agenda      agenda
	effectAt    time.Time
	store       *store
	operations  operations
	rules       []*operationRule
	denied      map[denial]bool
	callers     callers
	images      images
	policies    policies
	projects    projects
	constraints constraints
	secrets     secretState
	accounts    accountState
	run         runState
	clusters    clusterState

	policyConflicts int // writes of policies that were refused for their etag
}

// Start listens and serves until Close.
func Start(o Options) (*Server, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		options: o,
		initial: o,
		clock:   newVirtualClock(o.Clock, o.Now),
		journal: journal{size: o.JournalSize}, requests: journal{size: o.JournalSize},
		world:  newWorld(),
		served: make(chan struct{}),
	}
	s.faults.clear()
	root, err := s.routes()
	if err != nil {
		return nil, err
	}
	if err := s.open(root); err != nil {
		return nil, errors.Join(err, s.abandon())
	}
	return s, nil
}

// open puts the world in place, as new or from the state file, listens, and applies what Options.Control says.
func (s *Server) open(root http.Handler) (err error) {
	if s.options.StateFile == "" {
		s.found(s.clock.Now())
	} else if err := s.openState(); err != nil {
		return err
	}
	if s.listener, err = net.Listen("tcp", s.options.Listen); err != nil {
		return fmt.Errorf("listening on %s: %w", s.options.Listen, err)
	}
	if err := s.applyControl(); err != nil {
		return err
	}
	s.serve(root)
	return nil
}

// abandon gives back what a start that failed had taken.
func (s *Server) abandon() error {
	s.mu.Lock()
	s.closed = true
	s.armTimer()
	s.mu.Unlock()
	var errs []error
	if s.listener != nil {
		errs = append(errs, s.listener.Close())
	}
	ctx, cancel := context.WithTimeout(context.Background(), controlTimeout)
	defer cancel()
	return errors.Join(append(errs, s.stopClusters(ctx), s.file.close())...)
}

func newWorld() world {
	return world{store: newStore(), denied: map[denial]bool{}, clusters: newClusterState()}
}

// routes puts gRPC, REST and the control API on one handler.
func (s *Server) routes() (http.Handler, error) {
	s.handlers = &handlers{byMethod: map[string]handler{}, interceptor: s.intercept}
	s.handlers.grpc = grpc.NewServer(
		grpc.UnaryInterceptor(s.intercept),
		grpc.UnknownServiceHandler(s.unknownService),
		grpc.MaxRecvMsgSize(maxMessageBytes),
	)
	s.registerServices(s.handlers)
	rest, err := s.restHandler()
	if err != nil {
		return nil, err
	}
	s.control = s.controlHandler()
	console, err := s.consoleHandler()
	if err != nil {
		return nil, err
	}
	return withTruncation(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc"):
			s.handlers.grpc.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, controlPrefix):
			s.control.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, consolePrefix):
			console.ServeHTTP(w, r)
		case r.URL.Path == "/" && strings.Contains(r.Header.Get("Accept"), "text/html"): // a browser; no API has this path
			http.Redirect(w, r, consolePrefix, http.StatusFound)
		default:
			rest.ServeHTTP(w, r)
		}
	})), nil
}

func (s *Server) serve(root http.Handler) {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	s.http = &http.Server{
		Protocols:         &protocols,
		Handler:           root,
		ReadHeaderTimeout: 10 * time.Second,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, c)
		},
	}
	go func() {
		defer close(s.served)
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.options.Log.Error("serving ended", "error", err)
		}
	}()
}

// Addr is the address it listens on, 127.0.0.1:PORT.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close ends the server and every process that it started. Calls in flight are cut off. What the state file has stays.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	s.faults.clear()
	err := s.http.Close()
	s.handlers.grpc.Stop()
	select {
	case <-s.served:
	case <-ctx.Done():
		err = errors.Join(err, context.Cause(ctx))
	}
	return errors.Join(err, s.stopClusters(ctx), s.closeState())
}
