package fakegcp

import (
	"context"
	"sync"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// clockTurns tells those who wait outside of the lock that the virtual clock was turned or the world made anew.
type clockTurns struct {
	mu     sync.Mutex
	turned chan struct{}
}

// next is closed at the next turn.
func (c *clockTurns) next() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turned == nil {
		c.turned = make(chan struct{})
	}
	return c.turned
}

func (c *clockTurns) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turned != nil {
		close(c.turned)
		c.turned = nil
	}
}

// handleWaiting is handle, except that WaitOperation waits between two looks at its operation, without the lock: until the
// operation is done, the request's timeout is over by the virtual clock, or the caller gives up. Nothing is scheduled for
// it, as a call that changes nothing leaves nothing in a state file.
func (s *Server) handleWaiting(ctx context.Context, call Call, request any, handle grpc.UnaryHandler) (any, error) {
	q, waits := request.(*longrunningpb.WaitOperationRequest)
	if !waits {
		return s.handle(ctx, call, request, handle)
	}
	var until time.Time // zero: as long as the caller waits
	if q.GetTimeout() != nil {
		until = s.clock.Now().Add(q.GetTimeout().AsDuration())
	}
	for {
		turned := s.turns.next()
		response, err := s.handle(ctx, call, request, handle)
		if op, ok := response.(*longrunningpb.Operation); err != nil || !ok || op.GetDone() {
			return response, err
		}
		if !until.IsZero() && !s.clock.Now().Before(until) {
			return response, nil
		}
		if err := s.awaitChange(ctx, s.endOf(q.GetName()), turned, until); err != nil {
			return nil, err
		}
	}
}

// endOf is closed when the operation is done; it is closed already if there is none of that name or it is.
func (s *Server) endOf(name string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	op := s.operations.byName[s.identified(name)]
	if op == nil || op.done {
		over := make(chan struct{})
		close(over)
		return over
	}
	if op.ended == nil {
		op.ended = make(chan struct{})
	}
	return op.ended
}

// awaitChange returns when something may have changed, with an error when the caller has given up.
func (s *Server) awaitChange(ctx context.Context, ended, turned <-chan struct{}, until time.Time) error {
	var due <-chan time.Time
	if speed := s.clock.getSpeed(); !until.IsZero() && speed > 0 {
		timer := time.NewTimer(scale(until.Sub(s.clock.Now()), 1/speed))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ended:
	case <-turned:
	case <-due:
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
	return nil
}
