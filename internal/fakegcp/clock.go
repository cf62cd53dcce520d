package fakegcp

import (
	"fmt"
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

// virtualClock runs at a speed from a moment of its base clock on.
type virtualClock struct {
	base Clock

	mu sync.Mutex
	// since is the base's time at which the virtual clock said from.
	since, from time.Time
	speed       float64
	// plain says that the clock is the base itself: never set, never slowed. Then an advancer is turned forward instead.
	plain bool
	// pinned is what the clock says while a state file is read back, and while a change of the control API is on its way
	// into one: both must see one moment only.
	pinned time.Time
}

// newVirtualClock says what its base says, or starts at from if that is not zero.
func newVirtualClock(base Clock, from time.Time) *virtualClock {
	c := &virtualClock{base: base}
	c.reset(from)
	return c
}

func (c *virtualClock) reset(from time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(from, 1)
	c.plain = from.IsZero()
}

func (c *virtualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *virtualClock) now() time.Time {
	switch {
	case !c.pinned.IsZero():
		return c.pinned
	case c.plain:
		return c.base.Now()
	}
	return c.from.Add(scale(c.base.Now().Sub(c.since), c.speed))
}

// scale keeps whole numbers whole: a float has no room for the nanoseconds of a year.
func scale(d time.Duration, speed float64) time.Duration {
	if speed == 1 {
		return d
	}
	return time.Duration(float64(d) * speed)
}

func (c *virtualClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.pinned.IsZero() {
		return // time comes from the state file
	}
	if a, ok := c.base.(advancer); ok && c.plain {
		a.Advance(d)
		return
	}
	c.set(c.now().Add(d), c.speed)
}

// set has the clock say now at this moment, and go on from there.
func (c *virtualClock) set(now time.Time, speed float64) {
	c.since, c.from, c.speed, c.plain = c.base.Now(), now, speed, false
}

func (c *virtualClock) setSpeed(speed float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if speed != c.speed {
		c.set(c.now(), speed)
	}
}

func (c *virtualClock) getSpeed() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.speed
}

// pin stops the clock at a time; the zero time lets it go on.
func (c *virtualClock) pin(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pinned = at
}

func (c *virtualClock) isPinned() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.pinned.IsZero()
}

// resume has the clock go on from where a state file left it: at the virtual time, reached at a time of the base. It
// never goes back behind it.
func (c *virtualClock) resume(at, base time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pinned = time.Time{}
	elapsed := max(0, c.base.Now().Sub(base))
	if now := at.Add(scale(elapsed, c.speed)); !c.plain || !now.Equal(c.base.Now()) {
		c.set(now, c.speed)
	}
}

// maxSpeed keeps a day of real time within what a duration can hold.
const maxSpeed = 1e5

// SetSpeed has the virtual clock run at a multiple of real time from now on: 0 stops it, 60 makes a second a minute. What
// the clock makes happen still happens in order, each at its own time. The error says what is accepted, 0 to 100000.
func (s *Server) SetSpeed(speed float64) error {
	if !(speed >= 0 && speed <= maxSpeed) {
		return fmt.Errorf("speed %v: want 0 (stopped) to %v, such as 60 for a minute a second", speed, maxSpeed)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	s.clock.setSpeed(speed)
	s.turns.wake()
	s.armTimer()
	return nil
}

// Speed is at what multiple of real time the virtual clock runs.
func (s *Server) Speed() float64 { return s.clock.getSpeed() }

// now is the virtual time; while a scheduled effect runs it is the time at which that effect was due, and while a call is
// handled the time at which it began. The caller holds the lock.
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
