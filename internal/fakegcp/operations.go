package fakegcp

import (
	"slices"
	"strings"
	"time"
)

// operationState is the shared state machine of both dialects, GKE's own operations and google.longrunning.
type operationState int

const (
	operationPending operationState = iota
	operationRunning
	operationDone
)

// operation is a change that takes time. What is visible at once its starter has already put into the store; finish is
// the rest. Dialects render it: runoperations.go for google.longrunning, containerops.go for GKE.
type operation struct {
	// name is the full name, projects/P/locations/L/operations/ID.
	name string
	// kind is the dialect's own type of operation, such as CREATE_CLUSTER.
	kind string
	// target is the full name of the object that changes.
	target string
	// pending and duration are how long it waits and runs; duration 0 is the server's OperationTime.
	pending, duration time.Duration
	// finish makes the effect final, holding the lock; its error is the operation's. It may be nil.
	finish func() error
	// fail leaves behind what a failure leaves behind, when a fault ends the operation instead of finish. It may be nil:
	// then what was visible stays as it is.
	fail func(err error)
	// open operations end when whoever began them calls complete, not after their duration.
	open bool
	// detail is the dialect's own (conditions, progress, the response).
	detail any

	accepted, runs, ends time.Time
	done                 bool
	ended                chan struct{}  // closed when it is done, if anybody waits for it
	rule                 *operationRule // how it is to end, if that was said (operationrules.go)
	failure              error          // a status error
}

// operations are kept in the order in which they were accepted.
type operations struct {
	byName map[string]*operation
	order  []*operation
}

// begin accepts an operation and schedules its end. The caller holds the lock and has checked conflicts.
func (s *Server) begin(op *operation) *operation {
	if op.duration == 0 {
		op.duration = s.options.OperationTime
	}
	op.accepted = s.now()
	op.runs = op.accepted.Add(op.pending)
	op.ends = op.runs.Add(op.duration)
	if s.operations.byName == nil {
		s.operations.byName = map[string]*operation{}
	}
	s.operations.byName[op.name] = op
	s.operations.order = append(s.operations.order, op)
	s.rule(op)
	if !op.held() && !op.open {
		s.schedule(op.ends, func() { s.complete(op) })
	}
	return op
}

func (s *Server) complete(op *operation) {
	if op.done {
		return
	}
	if err := s.outcome(op); err != nil {
		op.failure = err
		if op.fail != nil {
			op.fail(err)
		}
		op.rule.explain(op)
	} else if op.finish != nil {
		op.failure = op.finish()
	}
	op.done = true
	op.ends = s.now()
	if op.ended != nil {
		close(op.ended)
	}
}

// state is where the operation is at the virtual time.
func (s *Server) state(op *operation) operationState {
	switch {
	case op.done:
		return operationDone
	case s.now().Before(op.runs):
		return operationPending
	default:
		return operationRunning
	}
}

// under lists the operations of a parent (projects/P/locations/L, "-" for any), oldest first.
func (o *operations) under(parent string) []*operation {
	want := strings.Split(parent+"/operations", "/")
	return slices.DeleteFunc(slices.Clone(o.order), func(op *operation) bool {
		return !matchSegments(want, strings.Split(collectionOf(op.name), "/"))
	})
}

// unfinished lists the operations that still change target or something below it, oldest first.
func (o *operations) unfinished(target string) []*operation {
	return slices.DeleteFunc(slices.Clone(o.order), func(op *operation) bool {
		return op.done || op.target != target && !strings.HasPrefix(op.target, target+"/")
	})
}
