// Package clock is the time that every wait and every due date goes through, so that tests can turn it forward
// instead of sleeping.
package clock

import (
	"context"
	"sync"
	"time"
)

// Clock tells the time and waits.
type Clock interface {
	// Now is the current time.
	Now() time.Time
	// Sleep waits for d or until ctx ends; then it returns the context's cause.
	Sleep(ctx context.Context, d time.Duration) error
}

// Real is the system's clock.
type Real struct{}

// Now is time.Now.
func (Real) Now() time.Time { return time.Now() }

// Sleep waits on a timer.
func (Real) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Offset is the system's clock turned forward by a distance that tests set. It waits in real time.
type Offset struct {
	mu sync.Mutex
	by time.Duration
}

// Advance turns the clock forward by d.
func (o *Offset) Advance(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.by += d
}

// Now is the system's time and the offset.
func (o *Offset) Now() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Now().Add(o.by)
}

// Sleep waits in real time.
func (*Offset) Sleep(ctx context.Context, d time.Duration) error { return Real{}.Sleep(ctx, d) }

// Instant is a clock whose Sleep returns at once and turns the clock forward by what was asked: for unit tests of
// loops that wait.
type Instant struct {
	mu  sync.Mutex
	now time.Time
}

// NewInstant starts at t.
func NewInstant(t time.Time) *Instant { return &Instant{now: t} }

// Now is the virtual time.
func (i *Instant) Now() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.now
}

// Sleep adds d to the virtual time.
func (i *Instant) Sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.now = i.now.Add(d)
	return nil
}
