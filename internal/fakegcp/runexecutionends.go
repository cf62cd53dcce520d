package fakegcp

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// runExpires is how long after its deletion an object says it will be gone for good. Nothing of it can be read by then.
const runExpires = 30 * 24 * time.Hour

func (s *Server) runExpiry() *timestamppb.Timestamp {
	return timestamppb.New(s.timestamp().AsTime().Add(runExpires))
}

// executionCondition is why an execution or a task did not complete.
func (s *Server) executionCondition(reason runpb.Condition_ExecutionReason, message string) *runpb.Condition {
	c := s.condition("Completed", runpb.Condition_CONDITION_FAILED, message)
	c.Reasons = &runpb.Condition_ExecutionReason_{ExecutionReason: reason}
	return c
}

// finish ends the execution with its operation, whose error it returns.
func (r *executionRun) finish() error {
	if _, ok := lookup[*runpb.Execution](r.s.store, r.name); !ok {
		return notFound("Resource '%s' was deleted.", lastSegment(r.name))
	}
	if r.left > 0 {
		r.rushed = true
		r.start()
	}
	e, _ := lookup[*runpb.Execution](r.s.store, r.name)
	switch {
	case r.refusal != nil:
		r.conclude(e, r.s.failedCondition("Completed", r.refusal), runpb.ExecutionReference_EXECUTION_FAILED)
		return r.refusal
	case r.cancelled:
		r.conclude(e, r.s.executionCondition(runpb.Condition_CANCELLED, "Execution was cancelled."), runpb.ExecutionReference_EXECUTION_CANCELLED)
	case r.failure != "":
		r.conclude(e, r.s.executionCondition(runpb.Condition_NON_ZERO_EXIT_CODE, r.failure), runpb.ExecutionReference_EXECUTION_FAILED)
		return precondition("%s", r.failure)
	default:
		r.conclude(e, r.s.condition("Completed", runpb.Condition_CONDITION_SUCCEEDED, ""), runpb.ExecutionReference_EXECUTION_SUCCEEDED)
	}
	return nil
}

// fail ends the execution with an error that was injected into its operation.
func (r *executionRun) fail(err error) {
	e, ok := lookup[*runpb.Execution](r.s.store, r.name)
	if !ok {
		return
	}
	completed := r.s.condition("Completed", runpb.Condition_CONDITION_FAILED, status.Convert(err).Message())
	completed.Reasons = &runpb.Condition_Reason{Reason: runpb.Condition_INTERNAL}
	r.abandon(e, &e.FailedCount, completed)
	r.conclude(e, completed, runpb.ExecutionReference_EXECUTION_FAILED)
}

// cancel ends the tasks that are not over, and with them the execution.
func (r *executionRun) cancel() {
	e, ok := r.unfinished()
	if !ok {
		return
	}
	r.cancelled = true
	r.abandon(e, &e.CancelledCount, r.s.executionCondition(runpb.Condition_CANCELLED, "Execution was cancelled."))
	r.s.store.put(r.name, e)
	r.s.complete(r.op)
}

func (r *executionRun) conclude(e *runpb.Execution, completed *runpb.Condition, ended runpb.ExecutionReference_CompletionStatus) {
	delete(r.s.run.runs, r.name)
	e.CompletionTime, e.UpdateTime = r.s.timestamp(), r.s.timestamp()
	e.Reconciling, e.ObservedGeneration, e.Etag = false, e.GetGeneration(), newRunEtag(r.name)
	e.Conditions[0] = completed
	r.s.store.put(r.name, e)
	r.s.tellJob(r.name, func(ref *runpb.ExecutionReference) {
		ref.CompletionTime, ref.CompletionStatus = e.GetCompletionTime(), ended
	})
}

// tellJob changes what a job says about an execution, if that is its latest.
func (s *Server) tellJob(execution string, change func(*runpb.ExecutionReference)) {
	update(s.store, collectionOf(collectionOf(execution)), func(job *runpb.Job) {
		if ref := job.GetLatestCreatedExecution(); ref.GetName() == lastSegment(execution) {
			change(ref)
		}
	})
}

// forgetWithRuns forgets an object; what ran of it ends, and its operations with NOT_FOUND.
func (s *Server) forgetWithRuns(name string) {
	var ended []*executionRun
	for _, execution := range slices.Sorted(maps.Keys(s.run.runs)) {
		if execution == name || strings.HasPrefix(execution, name+"/") {
			ended = append(ended, s.run.runs[execution])
		}
	}
	s.forget(name)
	for _, r := range ended {
		s.complete(r.op)
	}
}

// newestFirst are the members of a collection, whose segments may be "-", the one made last first.
func newestFirst[T interface {
	runNamed
	GetCreateTime() *timestamppb.Timestamp
}](s *Server, collection string) []T {
	if !strings.Contains(collection, "/-/") {
		return slices.Collect(only[T](s.store.newestFirst(collection), nil))
	}
	all := members[T](s.store, collection)
	slices.SortStableFunc(all, func(a, b T) int {
		return cmp.Compare(b.GetCreateTime().AsTime().UnixMicro(), a.GetCreateTime().AsTime().UnixMicro())
	})
	return all
}
