package fakegcp

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/protobuf/proto"
)

// runWithOverrides is asked for besides run.jobs.run when an execution differs from its job.
// Source: https://cloud.google.com/run/docs/execute/jobs#override-job-configuration.
const runWithOverrides = "run.jobs.runWithOverrides"

// runExecutions serves google.cloud.run.v2.Executions.
type runExecutions struct {
	runpb.UnimplementedExecutionsServer
	s *Server
}

// RunJob begins an execution. Its operation has the execution as metadata and is done when that is: with an error when tasks
// failed, with the execution as response when it succeeded or was cancelled.
// Source of the latter: apache/airflow#57791 and #67767; a client must look at the counts.
func (r *runJobs) RunJob(ctx context.Context, q *runpb.RunJobRequest) (*longrunningpb.Operation, error) {
	job, err := jobKind.find(r.s, q.GetName())
	if err != nil {
		return nil, err
	}
	if q.GetOverrides() != nil && !r.s.has(callerOf(ctx), runWithOverrides, job.GetName(), true) {
		return nil, permissionDenied(runServicePrefix+"Jobs/RunJob", runWithOverrides, job.GetName())
	}
	if err := checkRunEtag(job, q.GetEtag()); err != nil {
		return nil, err
	}
	if job.GetDeleteTime() != nil {
		return nil, precondition("Resource '%s' is being deleted.", lastSegment(job.GetName()))
	}
	execution, err := r.s.newExecution(job, q.GetOverrides(), callerOf(ctx))
	if err != nil {
		return nil, err
	}
	if q.GetValidateOnly() {
		return doneRunOperation(r.s, execution)
	}
	return r.s.beginExecution(job, execution)
}

// newExecution is a job's template, with overrides, as an execution that has not begun.
func (s *Server) newExecution(job *runpb.Job, o *runpb.RunJobRequest_Overrides, creator string) (*runpb.Execution, error) {
	t := proto.CloneOf(job.GetTemplate())
	if err := override(t, o); err != nil {
		return nil, err
	}
	if err := checkExecutionTemplate(t); err != nil {
		return nil, err
	}
	for i, c := range t.GetTemplate().GetContainers() {
		if err := checkRunContainer(i, c, t.GetTemplate().GetVolumes(), true); err != nil {
			return nil, err
		}
	}
	id := lastSegment(job.GetName()) + "-" + randomLetters(5)
	name := job.GetName() + "/executions/" + id
	parallelism := t.GetTaskCount()
	if p := t.GetParallelism(); p > 0 {
		parallelism = min(p, parallelism)
	}
	return &runpb.Execution{
		Name: name, Uid: randomUUID(), Creator: creator, Generation: 1, Etag: newRunEtag(name),
		Labels: t.GetLabels(), Annotations: t.GetAnnotations(), LaunchStage: job.GetLaunchStage(),
		CreateTime: s.timestamp(), UpdateTime: s.timestamp(),
		Job: lastSegment(job.GetName()), Template: t.GetTemplate(), TaskCount: t.GetTaskCount(), Parallelism: parallelism,
		Reconciling: true, LogUri: executionLogs(name),
		Conditions: []*runpb.Condition{
			s.condition("Completed", runpb.Condition_CONDITION_RECONCILING, ""),
			s.condition("Started", runpb.Condition_CONDITION_PENDING, ""),
		},
	}, nil
}

// executionLogs is where the console has an execution's logs.
func executionLogs(name string) string {
	return fmt.Sprintf("https://console.cloud.google.com/logs/viewer?project=%s&resource=cloud_run_job/job_name/%s/location/%s/execution_name/%s",
		segment(name, 1), segment(name, 5), segment(name, 3), lastSegment(name))
}

func (s *Server) findExecution(name string) (*runpb.Execution, error) {
	name = s.identified(name)
	e, ok := lookup[*runpb.Execution](s.store, name)
	if !ok {
		return nil, runNotFound("EXECUTION", name)
	}
	return e, nil
}

// runNotFound is the text for an object below a service, worker pool or job.
func runNotFound(kind, name string) error {
	return notFound("Resource '%s' of kind '%s' in region '%s' in project '%s' does not exist.",
		lastSegment(name), kind, segment(name, 3), segment(name, 1))
}

// GetExecution is the execution as it is now.
func (r *runExecutions) GetExecution(_ context.Context, q *runpb.GetExecutionRequest) (*runpb.Execution, error) {
	return r.s.findExecution(q.GetName())
}

// ListExecutions lists a job's executions, the newest first; job "-" stands for every job.
func (r *runExecutions) ListExecutions(_ context.Context, q *runpb.ListExecutionsRequest) (*runpb.ListExecutionsResponse, error) {
	parent := r.s.identified(q.GetParent())
	if !strings.HasSuffix(parent, "/jobs/-") {
		if _, err := jobKind.find(r.s, parent); err != nil {
			return nil, err
		}
	}
	all := newestFirst[*runpb.Execution](r.s, parent+"/executions")
	items, next, err := pageOf(all, runPages, q.GetPageSize(), q.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &runpb.ListExecutionsResponse{Executions: items, NextPageToken: next}, nil
}

// CancelExecution stops the tasks that are not over. The operation of the run then ends without an error.
func (r *runExecutions) CancelExecution(_ context.Context, q *runpb.CancelExecutionRequest) (*longrunningpb.Operation, error) {
	e, err := r.s.findExecution(q.GetName())
	if err != nil {
		return nil, err
	}
	if err := checkRunEtag(e, q.GetEtag()); err != nil {
		return nil, err
	}
	if e.GetCompletionTime() != nil {
		return nil, precondition("Execution '%s' has already completed.", lastSegment(e.GetName()))
	}
	cancelling := r.s.condition("Completed", runpb.Condition_CONDITION_RECONCILING, "")
	cancelling.Reasons = &runpb.Condition_ExecutionReason_{ExecutionReason: runpb.Condition_CANCELLING}
	e.Conditions[0] = cancelling
	if q.GetValidateOnly() {
		return doneRunOperation(r.s, e)
	}
	r.s.store.put(e.GetName(), e)
	op := r.s.begin(&operation{
		name:   runOperationName(e.GetName()),
		kind:   "CANCEL",
		target: e.GetName(),
		detail: &runDetail{last: e},
		finish: func() error {
			if run := r.s.run.runs[e.GetName()]; run != nil {
				run.cancel()
			}
			return nil
		},
	})
	return r.s.renderRunOperation(op)
}

// DeleteExecution takes an execution and its tasks away; one that runs ends, and its operation with NOT_FOUND.
func (r *runExecutions) DeleteExecution(_ context.Context, q *runpb.DeleteExecutionRequest) (*longrunningpb.Operation, error) {
	e, err := r.s.findExecution(q.GetName())
	if err != nil {
		return nil, err
	}
	if err := checkRunEtag(e, q.GetEtag()); err != nil {
		return nil, err
	}
	e.DeleteTime, e.ExpireTime = r.s.timestamp(), r.s.runExpiry()
	if q.GetValidateOnly() {
		return doneRunOperation(r.s, e)
	}
	r.s.store.put(e.GetName(), e)
	op := r.s.begin(&operation{
		name:   runOperationName(e.GetName()),
		kind:   "DELETE",
		target: e.GetName(),
		detail: &runDetail{last: e},
		finish: func() error {
			r.s.forgetWithRuns(e.GetName())
			r.s.tellJob(e.GetName(), func(ref *runpb.ExecutionReference) { ref.DeleteTime = e.GetDeleteTime() })
			return nil
		},
		fail: func(error) {
			update(r.s.store, e.GetName(), func(e *runpb.Execution) { e.DeleteTime, e.ExpireTime = nil, nil })
		},
	})
	return r.s.renderRunOperation(op)
}
