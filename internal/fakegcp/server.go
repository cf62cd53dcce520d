package fakegcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
)

// maxMessageBytes bounds a request, over gRPC and REST.
const maxMessageBytes = 10 << 20

// Server is one fake Google Cloud. Its control methods (control.go) may be called at any time from any goroutine.
type Server struct {
	options  Options
	clock    *virtualClock
	journal  journal
	faults   faults
	handlers *handlers

	listener net.Listener
	http     *http.Server
	served   chan struct{} // closed when the HTTP server has ended

	// mu guards everything below. Handlers run with it held.
	mu         sync.Mutex
	closed     bool
	timer      *time.Timer
	agenda     agenda
	effectAt   time.Time
	store      *store
	operations operations
	denied     map[denial]bool
	callers    callers
	images     images
	policies   policies
	projects   projects
	secrets    secretState
	accounts   accountState
	run        runState
	clusters   clusterState

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
		clock:   &virtualClock{base: o.Clock},
		store:   newStore(),
		denied:  map[denial]bool{},
		served:  make(chan struct{}),
	}
	s.faults.clear()
	s.addProject(o.Project, o.ProjectNumber)
	s.listener, err = net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", o.Listen, err)
	}
	root, err := s.routes()
	if err != nil {
		return nil, errors.Join(err, s.listener.Close())
	}
	s.serve(root)
	return s, nil
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
	control := s.controlHandler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc"):
			s.handlers.grpc.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, controlPrefix):
			control.ServeHTTP(w, r)
		default:
			rest.ServeHTTP(w, r)
		}
	}), nil
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

// Close ends the server and every process that it started. Calls in flight are cut off.
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
	return errors.Join(err, s.stopClusters(ctx))
}
