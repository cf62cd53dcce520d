package fakegcp

import (
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// Clock tells the time.
type Clock interface {
	Now() time.Time
}

// advancer is a Clock that can be turned forward from outside.
type advancer interface {
	Clock
	Advance(d time.Duration)
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

// virtualClock is a base clock turned forward by a distance.
type virtualClock struct {
	base Clock

	mu sync.Mutex
	by time.Duration
}

func (c *virtualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base.Now().Add(c.by)
}

func (c *virtualClock) Advance(d time.Duration) {
	if a, ok := c.base.(advancer); ok {
		a.Advance(d)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by += d
}

// now is the virtual time; while a scheduled effect runs it is the time at which that effect was due. The caller holds
// the lock.
func (s *Server) now() time.Time {
	if !s.effectAt.IsZero() {
		return s.effectAt
	}
	return s.clock.Now()
}

// timestamp is now as the APIs send it, in microseconds.
func (s *Server) timestamp() *timestamppb.Timestamp {
	return timestamppb.New(s.now().UTC().Truncate(time.Microsecond))
}
