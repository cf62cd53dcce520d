package fakegcp

import (
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/run/apiv2/runpb"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
)

// executionRun plays an execution by the clock. Provisioning takes the server's OperationTime and each attempt of a task the
// operation's duration, so that a rule for operations can make attempts long. All of it runs under the lock.
type executionRun struct {
	s    *Server
	op   *operation
	name string
	// next is the first task that has not begun, left how many are not over.
	next, left int32
	// rushed runs take no time: their operation was held, and is released.
	rushed    bool
	cancelled bool
	refusal   error  // why no task could start
	failure   string // the first task's that failed for good
}

// beginExecution stores an execution and its tasks, and has them run.
func (s *Server) beginExecution(job *runpb.Job, e *runpb.Execution) (*longrunningpb.Operation, error) {
	s.store.put(e.GetName(), e)
	for i := range e.GetTaskCount() {
		t := s.newTask(e, i)
		s.store.put(t.GetName(), t)
	}
	update(s.store, job.GetName(), func(job *runpb.Job) {
		job.ExecutionCount++
		job.LatestCreatedExecution = &runpb.ExecutionReference{
			Name: lastSegment(e.GetName()), CreateTime: e.GetCreateTime(),
			CompletionStatus: runpb.ExecutionReference_EXECUTION_PENDING,
		}
	})
	r := &executionRun{s: s, name: e.GetName(), left: e.GetTaskCount()}
	if s.run.runs == nil {
		s.run.runs = map[string]*executionRun{}
	}
	s.run.runs[r.name] = r
	r.op = s.begin(&operation{
		name: runOperationName(r.name), kind: "RUN", target: r.name, open: true,
		detail: &runDetail{last: e}, finish: r.finish, fail: r.fail,
	})
	if !r.op.held() {
		s.schedule(s.now().Add(s.options.OperationTime), r.start)
	}
	return s.renderRunOperation(r.op)
}

// unfinished is the execution as long as it is there and not over.
func (r *executionRun) unfinished() (*runpb.Execution, bool) {
	e, ok := lookup[*runpb.Execution](r.s.store, r.name)
	return e, ok && e.GetCompletionTime() == nil
}

// start ends the provisioning: images are resolved, secrets read, the first tasks begin.
func (r *executionRun) start() {
	e, ok := r.unfinished()
	if !ok {
		return
	}
	r.startTasks(e)
	r.s.store.put(r.name, e)
	if r.left == 0 && !r.rushed {
		r.s.complete(r.op)
	}
}

func (r *executionRun) startTasks(e *runpb.Execution) {
	if r.refusal = r.s.startable(r.name, e.GetTemplate()); r.refusal != nil {
		e.Conditions[1] = r.s.failedCondition("Started", r.refusal)
		r.abandon(e, &e.FailedCount, r.s.failedCondition("Completed", r.refusal))
		return
	}
	e.StartTime = r.s.timestamp()
	e.Conditions = e.GetConditions()[:1]
	for _, kind := range []string{"Started", "ResourcesAvailable", "ContainerReady"} {
		e.Conditions = append(e.Conditions, r.s.condition(kind, runpb.Condition_CONDITION_SUCCEEDED, ""))
	}
	r.s.tellJob(r.name, func(ref *runpb.ExecutionReference) {
		ref.CompletionStatus = runpb.ExecutionReference_EXECUTION_RUNNING
	})
	for range e.GetParallelism() {
		r.startNext(e)
	}
}

// startNext begins the next task, if there is one.
func (r *executionRun) startNext(e *runpb.Execution) {
	t, ok := lookup[*runpb.Task](r.s.store, taskName(r.name, r.next))
	if !ok {
		return
	}
	r.next++
	e.RunningCount++
	t.StartTime = r.s.timestamp()
	t.Conditions = []*runpb.Condition{
		r.s.condition("Completed", runpb.Condition_CONDITION_RECONCILING, ""),
		r.s.condition("Started", runpb.Condition_CONDITION_SUCCEEDED, ""),
	}
	r.attempt(e, t)
}

// attempt has a task's containers run once. How that ends is known from the start: an image is resolved there.
func (r *executionRun) attempt(e *runpb.Execution, t *runpb.Task) {
	t.UpdateTime = r.s.timestamp()
	takes, result := r.s.attemptOf(e.GetTemplate(), r.op.duration)
	if r.rushed {
		r.endAttempt(e, t, result)
		return
	}
	r.s.store.put(t.GetName(), t)
	r.s.schedule(r.s.now().Add(takes), func() {
		e, ok := r.unfinished()
		t, there := lookup[*runpb.Task](r.s.store, t.GetName())
		if !ok || !there {
			return
		}
		r.endAttempt(e, t, result)
		r.s.store.put(r.name, e)
		if r.left == 0 {
			r.s.complete(r.op)
		}
	})
}

// endAttempt has a task that failed try again, or ends it and lets the next one begin.
func (r *executionRun) endAttempt(e *runpb.Execution, t *runpb.Task, result *runpb.TaskAttemptResult) {
	t.LastAttemptResult = result
	failed := codes.Code(result.GetStatus().GetCode()) != codes.OK
	if failed && t.GetRetried() < t.GetMaxRetries() {
		if t.Retried++; t.GetRetried() == 1 {
			e.RetriedCount++
		}
		r.attempt(e, t)
		return
	}
	condition, count := r.s.condition("Completed", runpb.Condition_CONDITION_SUCCEEDED, ""), &e.SucceededCount
	if failed {
		condition, count = r.s.executionCondition(runpb.Condition_NON_ZERO_EXIT_CODE, result.GetStatus().GetMessage()), &e.FailedCount
		if r.failure == "" {
			r.failure = "Task " + lastSegment(t.GetName()) + " failed with message: " + result.GetStatus().GetMessage()
		}
	}
	e.RunningCount--
	r.endTask(t, count, condition)
	r.startNext(e)
}

func (r *executionRun) endTask(t *runpb.Task, count *int32, completed *runpb.Condition) {
	*count++
	r.left--
	t.CompletionTime, t.UpdateTime, t.Reconciling, t.ObservedGeneration = r.s.timestamp(), r.s.timestamp(), false, t.GetGeneration()
	t.Conditions[0] = completed
	r.s.store.put(t.GetName(), t)
}

// abandon ends the tasks that are not over, all in the same way.
func (r *executionRun) abandon(e *runpb.Execution, count *int32, completed *runpb.Condition) {
	for i := range e.GetTaskCount() {
		t, ok := lookup[*runpb.Task](r.s.store, taskName(r.name, i))
		if ok && t.GetCompletionTime() == nil {
			r.endTask(t, count, completed)
		}
	}
	e.RunningCount = 0
}

// attemptOf says how long one attempt takes and how it ends, by the behaviours of the images.
// Source of the texts: googlecodelabs/feedback#1369 for the exit, sightings of executions that hung for the timeout.
func (s *Server) attemptOf(t *runpb.TaskTemplate, usual time.Duration) (time.Duration, *runpb.TaskAttemptResult) {
	takes, code := usual, 0
	timeout := t.GetTimeout().AsDuration()
	for _, c := range t.GetContainers() {
		b := s.images[c.GetImage()]
		exit, exits := b.ExitCode()
		switch {
		case exits && code == 0:
			code = exit
		case b == ImageCrashes && code == 0:
			code = 1
		case b == ImageSlow:
			takes = max(takes, slowFactor*usual)
		case b == ImageNeverReady: // runs on
			takes = timeout + 1
		}
	}
	switch {
	case takes > timeout:
		return timeout, &runpb.TaskAttemptResult{Status: &rpcstatus.Status{
			Code: int32(codes.DeadlineExceeded), Message: "The configured timeout was reached.",
		}}
	case code != 0:
		return takes, &runpb.TaskAttemptResult{ExitCode: int32(code), Status: &rpcstatus.Status{
			Code: int32(codes.Unknown), Message: "The container exited with an error.",
		}}
	}
	return takes, &runpb.TaskAttemptResult{Status: &rpcstatus.Status{}}
}
