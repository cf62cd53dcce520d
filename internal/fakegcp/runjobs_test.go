package fakegcp_test

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

const migrate = location + "/jobs/migrate"

// jobCloud is a cloud with clients for jobs.
type jobCloud struct {
	*cloud
	jobs       runpb.JobsClient
	executions runpb.ExecutionsClient
	tasks      runpb.TasksClient
}

func startJobs(t *testing.T, changes ...func(*fakegcp.Options)) *jobCloud {
	t.Helper()
	c := start(t, changes...)
	return &jobCloud{c, runpb.NewJobsClient(c.conn), runpb.NewExecutionsClient(c.conn), runpb.NewTasksClient(c.conn)}
}

func job(c *runpb.Container) *runpb.Job {
	return &runpb.Job{Template: &runpb.ExecutionTemplate{Template: &runpb.TaskTemplate{Containers: []*runpb.Container{c}}}}
}

func (c *jobCloud) createJob(m *runpb.Job) *longrunningpb.Operation {
	c.t.Helper()
	return c.done(c.jobs.CreateJob(c.ctx(), &runpb.CreateJobRequest{Parent: location, JobId: "migrate", Job: m}))
}

func (c *jobCloud) job() *runpb.Job {
	c.t.Helper()
	m, err := c.jobs.GetJob(c.ctx(), &runpb.GetJobRequest{Name: migrate})
	must(c.t, err)
	return m
}

// run begins an execution and says its name.
func (c *jobCloud) run(o *runpb.RunJobRequest_Overrides) (*longrunningpb.Operation, string) {
	c.t.Helper()
	op, err := c.jobs.RunJob(c.ctx(), &runpb.RunJobRequest{Name: migrate, Overrides: o})
	must(c.t, err)
	var e runpb.Execution
	must(c.t, op.GetMetadata().UnmarshalTo(&e))
	return op, e.GetName()
}

func (c *jobCloud) operation(name string) *longrunningpb.Operation {
	c.t.Helper()
	op, err := c.operations.GetOperation(c.ctx(), &longrunningpb.GetOperationRequest{Name: name})
	must(c.t, err)
	return op
}

func (c *jobCloud) execution(name string) *runpb.Execution {
	c.t.Helper()
	e, err := c.executions.GetExecution(c.ctx(), &runpb.GetExecutionRequest{Name: name})
	must(c.t, err)
	return e
}

func (c *jobCloud) tasksOf(execution string) []*runpb.Task {
	c.t.Helper()
	l, err := c.tasks.ListTasks(c.ctx(), &runpb.ListTasksRequest{Parent: execution})
	must(c.t, err)
	return l.GetTasks()
}

func completed(e interface{ GetConditions() []*runpb.Condition }) *runpb.Condition {
	return e.GetConditions()[0]
}

func TestExecutionSucceeds(t *testing.T) {
	c := startJobs(t)
	m := job(container())
	m.Template.TaskCount, m.Template.Parallelism = 3, 2
	c.createJob(m)
	op, name := c.run(nil)
	if e := c.execution(name); op.GetDone() || e.GetStartTime() != nil || !e.GetReconciling() || len(c.tasksOf(name)) != 3 {
		t.Errorf("while it is provisioned: %v", e)
	}
	if ref := c.job().GetLatestCreatedExecution(); ref.GetName() != name[strings.LastIndex(name, "/")+1:] ||
		ref.GetCompletionStatus() != runpb.ExecutionReference_EXECUTION_PENDING || c.job().GetExecutionCount() != 1 {
		t.Errorf("what the job says: %v", ref)
	}
	c.Advance(time.Minute)
	if e := c.execution(name); e.GetRunningCount() != 2 || e.GetStartTime() == nil || e.GetParallelism() != 2 {
		t.Errorf("two at a time: %v", e)
	}
	c.Advance(time.Minute)
	if e := c.execution(name); e.GetRunningCount() != 1 || e.GetSucceededCount() != 2 {
		t.Errorf("the third: %v", e)
	}
	c.Advance(time.Minute)
	e := c.execution(name)
	if e.GetSucceededCount() != 3 || e.GetRunningCount() != 0 || e.GetReconciling() || e.GetCompletionTime() == nil ||
		e.GetObservedGeneration() != e.GetGeneration() || completed(e).GetState() != runpb.Condition_CONDITION_SUCCEEDED || completed(e).GetReasons() != nil ||
		!strings.Contains(e.GetLogUri(), "job_name/migrate") {
		t.Errorf("in the end: %v", e)
	}
	if op := c.operation(op.GetName()); !op.GetDone() || !strings.HasSuffix(op.GetResponse().GetTypeUrl(), "run.v2.Execution") {
		t.Errorf("operation: %v", op)
	}
	if s := c.job().GetLatestCreatedExecution().GetCompletionStatus(); s != runpb.ExecutionReference_EXECUTION_SUCCEEDED {
		t.Errorf("the job says %v", s)
	}
	for i, task := range c.tasksOf(name) {
		if int(task.GetIndex()) != i || task.GetCompletionTime() == nil || task.GetRetried() != 0 {
			t.Errorf("task %d: %v", i, task)
		}
	}
}

func TestExecutionFailures(t *testing.T) {
	tests := []struct {
		name      string
		behaviour fakegcp.Behaviour
		retries   int32
		timeout   time.Duration
		minutes   int // provisioning and attempts
		exit      int32
		text      string
	}{
		{"exit with retries", fakegcp.ImageExits(7), 2, 0, 4, 7, "-task0 failed with message: The container exited with an error."},
		{"crash without retries", fakegcp.ImageCrashes, 0, 0, 2, 1, "The container exited with an error."},
		{"hangs", fakegcp.ImageNeverReady, 1, 10 * time.Minute, 21, 0, "The configured timeout was reached."},
		{"slower than its timeout", fakegcp.ImageSlow, 0, 2 * time.Minute, 3, 0, "The configured timeout was reached."},
		{"image gone", fakegcp.ImageMissing, 3, 0, 1, 0, "Image '" + image + "' not found."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := startJobs(t)
			m := job(container())
			m.Template.Template.Retries = &runpb.TaskTemplate_MaxRetries{MaxRetries: test.retries}
			if test.timeout > 0 {
				m.Template.Template.Timeout = durationpb.New(test.timeout)
			}
			c.createJob(m)
			must(t, c.SetImage(image, test.behaviour))
			op, name := c.run(nil)
			c.Advance(time.Duration(test.minutes)*time.Minute - time.Second)
			if c.operation(op.GetName()).GetDone() {
				t.Error("done too early")
			}
			c.Advance(time.Second)
			failed := c.operation(op.GetName())
			want := codes.FailedPrecondition
			if test.behaviour == fakegcp.ImageMissing {
				want = codes.NotFound
			}
			wantError(t, status.FromProto(failed.GetError()).Err(), want, test.text)
			e, task := c.execution(name), c.tasksOf(name)[0]
			if e.GetFailedCount() != 1 || e.GetSucceededCount() != 0 || completed(e).GetState() != runpb.Condition_CONDITION_FAILED ||
				!strings.Contains(completed(e).GetMessage(), test.text) || (e.GetRetriedCount() > 0) != (task.GetRetried() > 0) {
				t.Errorf("execution: %v", e)
			}
			if test.behaviour == fakegcp.ImageMissing {
				return
			}
			if completed(e).GetExecutionReason() != runpb.Condition_NON_ZERO_EXIT_CODE || task.GetRetried() != test.retries ||
				task.GetLastAttemptResult().GetExitCode() != test.exit || task.GetLastAttemptResult().GetStatus().GetCode() == 0 {
				t.Errorf("task: %v", task)
			}
		})
	}
}

func TestSlowAndRecoveringTasks(t *testing.T) {
	c := startJobs(t)
	c.createJob(job(container()))
	must(t, c.SetImage(image, fakegcp.ImageSlow))
	slow, _ := c.run(nil)
	c.Advance(3 * time.Minute)
	if c.operation(slow.GetName()).GetDone() {
		t.Error("a slow image takes three times as long")
	}
	c.Advance(time.Minute)
	if op := c.operation(slow.GetName()); op.GetResponse() == nil {
		t.Errorf("slow: %v", op)
	}

	must(t, c.SetImage(image, fakegcp.ImageExits(1)))
	op, name := c.run(nil)
	c.Advance(time.Minute)
	must(t, c.SetImage(image, ""))
	c.Advance(2 * time.Minute)
	if op := c.operation(op.GetName()); op.GetResponse() == nil {
		t.Errorf("recovered: %v", op)
	}
	if e := c.execution(name); e.GetRetriedCount() != 1 || e.GetSucceededCount() != 1 || c.tasksOf(name)[0].GetRetried() != 1 {
		t.Errorf("recovered: %v", e)
	}
}

func TestCancelAndDeleteExecution(t *testing.T) {
	c := startJobs(t)
	c.createJob(job(container()))
	must(t, c.SetImage(image, fakegcp.ImageNeverReady))
	run, name := c.run(&runpb.RunJobRequest_Overrides{TaskCount: 4})
	c.Advance(time.Minute)
	cancel, err := c.executions.CancelExecution(c.ctx(), &runpb.CancelExecutionRequest{Name: name})
	must(t, err)
	if got := completed(c.execution(name)).GetExecutionReason(); got != runpb.Condition_CANCELLING {
		t.Errorf("while it is cancelled: %v", got)
	}
	c.done(cancel, nil)
	e := c.execution(name)
	if e.GetCancelledCount() != 4 || e.GetRunningCount() != 0 || completed(e).GetExecutionReason() != runpb.Condition_CANCELLED {
		t.Errorf("cancelled: %v", e)
	}
	if op := c.operation(run.GetName()); op.GetResponse() == nil {
		t.Errorf("the run: %v", op)
	}
	_, err = c.executions.CancelExecution(c.ctx(), &runpb.CancelExecutionRequest{Name: name})
	wantError(t, err, codes.FailedPrecondition, "already completed")

	c.done(c.executions.DeleteExecution(c.ctx(), &runpb.DeleteExecutionRequest{Name: name}))
	_, err = c.executions.GetExecution(c.ctx(), &runpb.GetExecutionRequest{Name: name})
	wantError(t, err, codes.NotFound, "of kind 'EXECUTION' in region 'asia-northeast1'")
	if m := c.job(); m.GetExecutionCount() != 1 || m.GetLatestCreatedExecution().GetDeleteTime() == nil {
		t.Errorf("the job: %v", m)
	}
	if len(c.tasksOf(name)) > 0 {
		t.Error("tasks are left")
	}
}

func TestDeletingAJobEndsItsExecutions(t *testing.T) {
	c := startJobs(t)
	c.createJob(job(container()))
	must(t, c.SetImage(image, fakegcp.ImageNeverReady))
	run, _ := c.run(nil)
	c.Advance(2 * time.Minute)
	op, err := c.jobs.DeleteJob(c.ctx(), &runpb.DeleteJobRequest{Name: migrate})
	must(t, err)
	var deleted runpb.Job
	must(t, op.GetMetadata().UnmarshalTo(&deleted))
	if deleted.GetDeleteTime() == nil || deleted.GetExpireTime() == nil {
		t.Errorf("the answer: %v", &deleted)
	}
	_, err = c.jobs.RunJob(c.ctx(), &runpb.RunJobRequest{Name: migrate})
	wantError(t, err, codes.FailedPrecondition, "being deleted")
	c.done(op, nil)
	wantError(t, status.FromProto(c.operation(run.GetName()).GetError()).Err(), codes.NotFound, "was deleted")
	if left, err := c.Remaining(); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestOverrides(t *testing.T) {
	c := startJobs(t)
	c.createJob(job(&runpb.Container{Image: image, Args: []string{"up"}, Env: []*runpb.EnvVar{plain("A", "1"), plain("B", "2")}}))
	_, name := c.run(&runpb.RunJobRequest_Overrides{
		TaskCount: 2, Timeout: durationpb.New(time.Hour),
		ContainerOverrides: []*runpb.RunJobRequest_Overrides_ContainerOverride{{Args: []string{"down"}, Env: []*runpb.EnvVar{plain("B", "3"), plain("C", "4")}}},
	})
	e := c.execution(name)
	got := e.GetTemplate().GetContainers()[0]
	if e.GetTaskCount() != 2 || e.GetTemplate().GetTimeout().AsDuration() != time.Hour || got.GetArgs()[0] != "down" || len(got.GetEnv()) != 3 || got.GetEnv()[1].GetValue() != "3" {
		t.Errorf("execution: %v", e)
	}
	if c.job().GetTemplate().GetTaskCount() != 1 {
		t.Error("the job has changed")
	}
	for text, o := range map[string]*runpb.RunJobRequest_Overrides{
		"no container named 'x'": {ContainerOverrides: []*runpb.RunJobRequest_Overrides_ContainerOverride{{Name: "x"}}},
		"task_count":             {TaskCount: -1},
		"reserved env names":     {ContainerOverrides: []*runpb.RunJobRequest_Overrides_ContainerOverride{{Env: []*runpb.EnvVar{plain("PORT", "1")}}}},
		"clear_args":             {ContainerOverrides: []*runpb.RunJobRequest_Overrides_ContainerOverride{{ClearArgs: true, Args: []string{"x"}}}},
	} {
		_, err := c.jobs.RunJob(c.ctx(), &runpb.RunJobRequest{Name: migrate, Overrides: o})
		wantError(t, err, codes.InvalidArgument, text)
	}
	c.Deny("run.jobs.runWithOverrides", "")
	_, err := c.jobs.RunJob(c.ctx(), &runpb.RunJobRequest{Name: migrate, Overrides: &runpb.RunJobRequest_Overrides{TaskCount: 2}})
	wantError(t, err, codes.PermissionDenied, "run.jobs.runWithOverrides")
	_, err = c.jobs.RunJob(c.ctx(), &runpb.RunJobRequest{Name: migrate})
	must(t, err)
}

func plain(name, value string) *runpb.EnvVar {
	return &runpb.EnvVar{Name: name, Values: &runpb.EnvVar_Value{Value: value}}
}

func TestHeldAndFailedRuns(t *testing.T) {
	c := startJobs(t)
	c.createJob(job(container()))
	must(t, c.SetImage(image, fakegcp.ImageExits(1)))
	must(t, c.SetOperation(fakegcp.OperationRule{Kind: "RUN", Occurrence: 1, Hold: true}))
	must(t, c.SetOperation(fakegcp.OperationRule{Kind: "RUN", Occurrence: 1, Code: codes.Internal, Message: "lost"}))
	held, name := c.run(nil)
	c.Advance(time.Hour)
	if c.operation(held.GetName()).GetDone() || c.execution(name).GetStartTime() != nil {
		t.Error("a held run went on")
	}
	_, err := c.ReleaseOperations("migrate")
	must(t, err)
	wantError(t, status.FromProto(c.operation(held.GetName()).GetError()).Err(), codes.FailedPrecondition, "exited with an error")
	if e := c.execution(name); e.GetFailedCount() != 1 || e.GetRetriedCount() != 1 || e.GetCompletionTime() == nil {
		t.Errorf("released: %v", e)
	}
	must(t, c.SetImage(image, ""))
	failed, name := c.run(nil)
	c.Advance(2 * time.Minute)
	wantError(t, status.FromProto(c.operation(failed.GetName()).GetError()).Err(), codes.Internal, "lost")
	if e := c.execution(name); completed(e).GetState() != runpb.Condition_CONDITION_FAILED {
		t.Errorf("failed: %v", e)
	}
}
