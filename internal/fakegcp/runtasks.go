package fakegcp

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"

	"cloud.google.com/go/run/apiv2/runpb"
)

// runTasks serves google.cloud.run.v2.Tasks.
type runTasks struct {
	runpb.UnimplementedTasksServer
	s *Server
}

// newTask is the task of an execution with an index, not begun.
func (s *Server) newTask(e *runpb.Execution, index int32) *runpb.Task {
	name := taskName(e.GetName(), index)
	t := e.GetTemplate()
	return &runpb.Task{
		Name: name, Uid: randomUUID(), Generation: 1, Etag: newRunEtag(name), Index: index,
		Labels: e.GetLabels(), Annotations: e.GetAnnotations(),
		CreateTime: s.timestamp(), UpdateTime: s.timestamp(), ScheduledTime: s.timestamp(),
		Job: e.GetJob(), Execution: lastSegment(e.GetName()),
		Containers: t.GetContainers(), Volumes: t.GetVolumes(), MaxRetries: t.GetMaxRetries(), Timeout: t.GetTimeout(),
		ServiceAccount: t.GetServiceAccount(), ExecutionEnvironment: t.GetExecutionEnvironment(),
		EncryptionKey: t.GetEncryptionKey(), VpcAccess: t.GetVpcAccess(), NodeSelector: t.GetNodeSelector(),
		GpuZonalRedundancyDisabled: t.GpuZonalRedundancyDisabled,
		Reconciling:                true, LogUri: e.GetLogUri(),
		Conditions: []*runpb.Condition{s.condition("Completed", runpb.Condition_CONDITION_PENDING, "")},
	}
}

// taskName is the full name of an execution's task.
// Source of its form: googlecodelabs/feedback#1369, "Task migrate-vnttt-task0 failed".
func taskName(execution string, index int32) string {
	return fmt.Sprintf("%s/tasks/%s-task%d", execution, lastSegment(execution), index)
}

// GetTask is the task as it is now.
func (r *runTasks) GetTask(_ context.Context, q *runpb.GetTaskRequest) (*runpb.Task, error) {
	name := r.s.identified(q.GetName())
	t, ok := lookup[*runpb.Task](r.s.store, name)
	if !ok {
		return nil, runNotFound("TASK", name)
	}
	return t, nil
}

var taskParentForm = regexp.MustCompile(`^projects/[^/]+/locations/[^/]+/jobs/[^/]+/executions/[^/]+$`)

// ListTasks lists an execution's tasks by index; "-" stands for every execution, or job.
func (r *runTasks) ListTasks(_ context.Context, q *runpb.ListTasksRequest) (*runpb.ListTasksResponse, error) {
	if !taskParentForm.MatchString(q.GetParent()) {
		return nil, invalid("Invalid resource parent: %s", q.GetParent())
	}
	all := members[*runpb.Task](r.s.store, r.s.identified(q.GetParent())+"/tasks")
	slices.SortStableFunc(all, func(a, b *runpb.Task) int {
		return cmp.Or(cmp.Compare(collectionOf(a.GetName()), collectionOf(b.GetName())), cmp.Compare(a.GetIndex(), b.GetIndex()))
	})
	items, next, err := pageOf(all, runPages, q.GetPageSize(), q.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &runpb.ListTasksResponse{Tasks: items, NextPageToken: next}, nil
}
