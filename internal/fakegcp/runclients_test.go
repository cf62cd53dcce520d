package fakegcp_test

import (
	"context"
	"errors"
	"testing"
	"time"

	run "cloud.google.com/go/run/apiv2"
	"cloud.google.com/go/run/apiv2/runpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// runClients are Google's own clients, over one of their transports.
type runClients struct {
	jobs       *run.JobsClient
	executions *run.ExecutionsClient
	tasks      *run.TasksClient
}

func clientsOver(t *testing.T, c *cloud, transport string) runClients {
	t.Helper()
	var m runClients
	var errs [3]error
	if transport == "gRPC" {
		o := option.WithGRPCConn(c.conn)
		m.jobs, errs[0] = run.NewJobsClient(c.ctx(), o)
		m.executions, errs[1] = run.NewExecutionsClient(c.ctx(), o)
		m.tasks, errs[2] = run.NewTasksClient(c.ctx(), o)
	} else {
		o := []option.ClientOption{option.WithEndpoint("http://" + c.Addr()), option.WithoutAuthentication()}
		m.jobs, errs[0] = run.NewJobsRESTClient(c.ctx(), o...)
		m.executions, errs[1] = run.NewExecutionsRESTClient(c.ctx(), o...)
		m.tasks, errs[2] = run.NewTasksRESTClient(c.ctx(), o...)
	}
	for _, err := range errs {
		must(t, err)
	}
	return m
}

// eventually waits as callers of Google's clients do: for the operation's end, and for its request.
func eventually[M any, O interface {
	Wait(context.Context, ...gax.CallOption) (M, error)
}](t *testing.T, op O, err error) (M, error) {
	t.Helper()
	must(t, err)
	return op.Wait(t.Context())
}

func TestGooglesClientsRunJobs(t *testing.T) {
	for _, transport := range []string{"gRPC", "REST"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			c := start(t, func(o *fakegcp.Options) { o.Clock, o.OperationTime = nil, time.Millisecond })
			g := clientsOver(t, c, transport)
			m := job(container())
			m.Template.TaskCount = 2
			create, err := g.jobs.CreateJob(c.ctx(), &runpb.CreateJobRequest{Parent: location, JobId: "migrate", Job: m})
			made, err := eventually(t, create, err)
			must(t, err)
			if made.GetName() != migrate || made.GetReconciling() {
				t.Errorf("made: %v", made)
			}
			begun, err := g.jobs.RunJob(c.ctx(), &runpb.RunJobRequest{Name: migrate})
			e, err := eventually(t, begun, err)
			must(t, err)
			if e.GetSucceededCount() != 2 || e.GetCompletionTime() == nil {
				t.Errorf("execution: %v", e)
			}
			if n := countTasks(t, g, e.GetName()); n != 2 {
				t.Errorf("%d tasks", n)
			}
			must(t, c.SetImage(image, fakegcp.ImageExits(9)))
			begun, err = g.jobs.RunJob(c.ctx(), &runpb.RunJobRequest{Name: migrate})
			_, err = eventually(t, begun, err)
			wantError(t, err, codes.FailedPrecondition, "exited with an error")
			if failed, err := begun.Metadata(); err != nil || failed.GetFailedCount() != 2 {
				t.Errorf("the failed execution is the metadata, got %v, %v", failed, err)
			}
			deleted, err := g.executions.DeleteExecution(c.ctx(), &runpb.DeleteExecutionRequest{Name: e.GetName()})
			_, err = eventually(t, deleted, err)
			must(t, err)
			gone, err := g.jobs.DeleteJob(c.ctx(), &runpb.DeleteJobRequest{Name: migrate})
			_, err = eventually(t, gone, err)
			must(t, err)
			if left, err := c.Remaining(); err != nil || len(left) > 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

func countTasks(t *testing.T, g runClients, execution string) int {
	t.Helper()
	n := 0
	for all := g.tasks.ListTasks(t.Context(), &runpb.ListTasksRequest{Parent: execution, PageSize: 1}); ; n++ {
		if _, err := all.Next(); errors.Is(err, iterator.Done) {
			return n
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
