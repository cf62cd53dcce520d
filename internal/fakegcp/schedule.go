package fakegcp

import (
	"container/heap"
	"time"
)

// effect is something that the clock makes happen.
type effect struct {
	at    time.Time
	order int // of equal times the one scheduled first runs first
	run   func()
}

// agenda is a heap of effects by time.
type agenda struct {
	effects []effect
	next    int
}

func (a *agenda) Len() int      { return len(a.effects) }
func (a *agenda) Swap(i, j int) { a.effects[i], a.effects[j] = a.effects[j], a.effects[i] }
func (a *agenda) Push(x any)    { a.effects = append(a.effects, x.(effect)) } //nolint:forcetypeassert // only schedule pushes

func (a *agenda) Less(i, j int) bool {
	if a.effects[i].at.Equal(a.effects[j].at) {
		return a.effects[i].order < a.effects[j].order
	}
	return a.effects[i].at.Before(a.effects[j].at)
}

func (a *agenda) Pop() any {
	last := a.effects[len(a.effects)-1]
	a.effects = a.effects[:len(a.effects)-1]
	return last
}

// schedule has run called, under the lock, once the virtual clock reaches at. The caller holds the lock.
func (s *Server) schedule(at time.Time, run func()) {
	s.agenda.next++
	heap.Push(&s.agenda, effect{at: at, order: s.agenda.next, run: run})
	s.armTimer()
}

// settle runs everything that is due, in the order of its time. The caller holds the lock. It runs at the beginning of
// every call, so what a caller sees never depends on when a timer fired.
func (s *Server) settle() {
	s.settleUntil(s.clock.Now())
	s.armTimer()
}

func (s *Server) settleUntil(now time.Time) {
	for s.agenda.Len() > 0 && !s.agenda.effects[0].at.After(now) {
		due := heap.Pop(&s.agenda).(effect) //nolint:forcetypeassert // only effects are pushed
		s.atMoment(due.at, s.file.seed("effect", due.order), due.run)
	}
}

// atMoment runs something for which the clock stands still, with ids from a seed if there is one. The caller holds the lock.
func (s *Server) atMoment(at time.Time, seed *idSeed, run func()) {
	if seed != nil {
		defer ids.restore(ids.use(seed))
	}
	before := s.effectAt
	s.effectAt = at
	defer func() { s.effectAt = before }()
	run()
}

// armTimer has settle called in real time when the next effect is due, for whoever watches without calling (a cluster's
// nodes, a follower of the journal). A clock that stands still makes nothing happen by itself.
func (s *Server) armTimer() {
	if s.timer != nil {
		s.timer.Stop()
	}
	speed := s.clock.getSpeed()
	if s.agenda.Len() == 0 || s.closed || s.replaying || speed == 0 {
		return
	}
	s.timer = time.AfterFunc(scale(s.agenda.effects[0].at.Sub(s.clock.Now()), 1/speed), s.Settle)
}

// Settle lets everything happen that the virtual clock has made due.
func (s *Server) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
}

// Advance turns the virtual clock forward and settles what has become due.
func (s *Server) Advance(d time.Duration) {
	s.clock.Advance(d)
	s.Settle()
	s.turns.wake()
}

// Now is the virtual time.
func (s *Server) Now() time.Time { return s.clock.Now() }
