package fakegcp

import (
	"maps"
	"slices"
	"time"
)

// Reset has everything as it was at the start: objects, operations, faults, rules, settings, journal, and the clock, unless
// that is shared with its client (Options.Clock with Advance). Options.Control is applied again. A state file is begun anew.
// Calls that hang end; clusters' processes end in the background.
func (s *Server) Reset() error {
	if err := s.empty(); err != nil {
		return err
	}
	return s.applyControl()
}

func (s *Server) empty() error {
	s.order.Lock()
	defer s.order.Unlock()
	s.ClearFaults()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(s.clusters.live)) {
		s.removeCluster(name)
	}
	closing := s.clusters.closing
	s.world = newWorld()
	s.clusters.closing = closing
	s.latencies = nil
	initial := s.initial
	for name, d := range durationsOf(&s.options) {
		*d = *durationsOf(&initial)[name]
	}
	s.clock.reset(s.initial.Now)
	s.journal.clear()
	s.requests.clear()
	now := s.clock.Now().Round(0)
	if err := s.file.restart(s.initial, now, s.clock.base.Now()); err != nil {
		return err
	}
	s.found(now)
	s.armTimer()
	s.turns.wake()
	return nil
}

// found makes what is there from the start. The caller holds the lock, or nobody else has the server yet.
func (s *Server) found(at time.Time) {
	s.atMoment(at.Round(0), s.file.seed("start", 0), func() {
		s.addProject(s.initial.Project, s.initial.ProjectNumber)
	})
}
