package fakegcp_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

func TestConformanceJobs(t *testing.T) {
	fact(t, "1.4", "creating a job runs nothing, and fills in the defaults", "google/cloud/run/v2/job.proto, task_template.proto", func(t *testing.T) {
		c := startJobs(t)
		op, err := c.jobs.CreateJob(c.ctx(), &runpb.CreateJobRequest{Parent: location, JobId: "migrate", Job: job(container())})
		must(t, err)
		if m := c.job(); !m.GetReconciling() || m.GetGeneration() != 1 || m.GetObservedGeneration() != 0 || !strings.HasPrefix(m.GetEtag(), `"`) {
			t.Errorf("while it is made: %v", m)
		}
		c.done(op, nil)
		m := c.job()
		task := m.GetTemplate().GetTemplate()
		if m.GetReconciling() || m.GetObservedGeneration() != 1 || m.GetTerminalCondition().GetState() != runpb.Condition_CONDITION_SUCCEEDED ||
			m.GetExecutionCount() != 0 || m.GetLatestCreatedExecution() != nil {
			t.Errorf("job: %v", m)
		}
		if m.GetTemplate().GetTaskCount() != 1 || task.GetMaxRetries() != 3 || task.GetTimeout().GetSeconds() != 600 || task.GetServiceAccount() != defaultCaller ||
			task.GetExecutionEnvironment() != runpb.ExecutionEnvironment_EXECUTION_ENVIRONMENT_GEN2 || task.GetContainers()[0].GetResources().GetLimits()["memory"] != "512Mi" {
			t.Errorf("defaults: %v", m.GetTemplate())
		}
	})
	fact(t, "1.4", "a failed create leaves the job, and its name taken", "sighting \"nevertheless, the job has been created\"", func(t *testing.T) {
		c := startJobs(t)
		must(t, c.SetImage(image, fakegcp.ImageMissing))
		op := c.createJob(job(container()))
		wantError(t, status.FromProto(op.GetError()).Err(), codes.NotFound, "Image '"+image+"' not found.")
		if m := c.job(); m.GetTerminalCondition().GetReason() != runpb.Condition_CONTAINER_MISSING || m.GetObservedGeneration() != 0 {
			t.Errorf("what is left: %v", m)
		}
		_, err := c.jobs.CreateJob(c.ctx(), &runpb.CreateJobRequest{Parent: location, JobId: "migrate", Job: job(container())})
		wantError(t, err, codes.AlreadyExists, "Resource 'migrate' already exists.")
	})
	fact(t, "1.4", "secrets are checked for the tasks' account", "hashicorp/terraform-docs-samples#168", func(t *testing.T) {
		c := startJobs(t)
		c.secret("shop-key", "one")
		op := c.createJob(job(container(fromSecret("KEY", "shop-key", "1"))))
		wantError(t, status.FromProto(op.GetError()).Err(), codes.FailedPrecondition, "Permission denied on secret: "+numbered+"/secrets/shop-key/versions/1")
		c.grantSecret("shop-key", accessor, "serviceAccount:"+defaultCaller)
		run, _ := c.run(nil)
		c.Advance(2 * time.Minute)
		if op := c.operation(run.GetName()); op.GetResponse() == nil {
			t.Errorf("after the grant: %v", op)
		}
	})
	fact(t, "1.4", "an update replaces; allow_missing makes the job, validate_only nothing, an old etag is ABORTED", "google/cloud/run/v2/job.proto", jobUpdates)
	fact(t, "1.4", "a run that failed ends its operation with an error, one that was cancelled without", "apache/airflow#57791, #67767", func(t *testing.T) {
		c := startJobs(t)
		m := job(container())
		m.Template.Template.Retries = &runpb.TaskTemplate_MaxRetries{}
		c.createJob(m)
		must(t, c.SetImage(image, fakegcp.ImageExits(2)))
		failed, _ := c.run(nil)
		cancelled, name := c.run(nil)
		_, err := c.executions.CancelExecution(c.ctx(), &runpb.CancelExecutionRequest{Name: name})
		must(t, err)
		c.Advance(2 * time.Minute)
		if c.operation(failed.GetName()).GetError() == nil || c.operation(cancelled.GetName()).GetResponse() == nil {
			t.Error("want an error and a response")
		}
		if got := c.job().GetLatestCreatedExecution().GetCompletionStatus(); got != runpb.ExecutionReference_EXECUTION_CANCELLED {
			t.Errorf("the job says %v", got)
		}
	})
	fact(t, "1.4", "executions are listed the newest first", "google/cloud/run/v2/execution.proto", func(t *testing.T) {
		c := startJobs(t)
		c.createJob(job(container()))
		_, first := c.run(nil)
		c.Advance(time.Minute)
		_, second := c.run(nil)
		for _, parent := range []string{migrate, location + "/jobs/-"} {
			l, err := c.executions.ListExecutions(c.ctx(), &runpb.ListExecutionsRequest{Parent: parent})
			must(t, err)
			if len(l.GetExecutions()) != 2 || l.GetExecutions()[0].GetName() != second || l.GetExecutions()[1].GetName() != first {
				t.Errorf("%s: %v", parent, l)
			}
		}
		_, err := c.executions.ListExecutions(c.ctx(), &runpb.ListExecutionsRequest{Parent: location + "/jobs/other"})
		wantError(t, err, codes.NotFound, "Resource 'other' of kind 'JOB'")
	})
}

func jobUpdates(t *testing.T) {
	c := startJobs(t)
	update := func(m *runpb.Job, validate, allow bool) (*longrunningpb.Operation, error) {
		m.Name = migrate
		return c.jobs.UpdateJob(c.ctx(), &runpb.UpdateJobRequest{Job: m, ValidateOnly: validate, AllowMissing: allow})
	}
	_, err := update(job(container()), false, false)
	wantError(t, err, codes.NotFound, "of kind 'JOB'")
	op, err := update(job(container()), true, true)
	must(t, err)
	if !op.GetDone() {
		t.Error("a validation is over at once")
	}
	if left, _ := c.Remaining(); len(left) > 0 {
		t.Errorf("a validation made %v", left)
	}
	c.done(update(job(container()), false, true))
	first := c.job()
	_, name := c.run(nil)
	changed := job(container())
	changed.Template.TaskCount = 2
	c.done(update(changed, false, false))
	if m := c.job(); m.GetGeneration() != 2 || m.GetTemplate().GetTaskCount() != 2 || m.GetExecutionCount() != 1 || c.execution(name).GetTaskCount() != 1 {
		t.Errorf("after the update: %v", m)
	}
	changed.Etag = first.GetEtag()
	_, err = update(changed, false, false)
	wantError(t, err, codes.Aborted, "Conflict for resource 'migrate': version")
	_, err = c.jobs.RunJob(c.ctx(), &runpb.RunJobRequest{Name: migrate, Etag: first.GetEtag()})
	wantError(t, err, codes.Aborted, "Conflict for resource 'migrate': version")
	_, err = c.jobs.DeleteJob(c.ctx(), &runpb.DeleteJobRequest{Name: migrate, Etag: first.GetEtag()})
	wantError(t, err, codes.Aborted, "Conflict for resource 'migrate': version")
	op, err = c.jobs.RunJob(c.ctx(), &runpb.RunJobRequest{Name: migrate, ValidateOnly: true})
	must(t, err)
	if !op.GetDone() || c.job().GetExecutionCount() != 1 {
		t.Error("a validation ran the job")
	}
}

func TestJobIsRefused(t *testing.T) {
	c := startJobs(t)
	tests := map[string]struct {
		change func(*runpb.Job)
		code   codes.Code
		text   string
	}{
		"start token": {func(m *runpb.Job) { m.CreateExecution = &runpb.Job_StartExecutionToken{StartExecutionToken: "a"} }, codes.Unimplemented, "start_execution_token"},
		"run token":   {func(m *runpb.Job) { m.CreateExecution = &runpb.Job_RunExecutionToken{RunExecutionToken: "a"} }, codes.Unimplemented, "run_execution_token"},
		"tasks":       {func(m *runpb.Job) { m.Template.TaskCount = 10001 }, codes.InvalidArgument, "task_count"},
		"parallelism": {func(m *runpb.Job) { m.Template.Parallelism = -1 }, codes.InvalidArgument, "parallelism"},
		"retries":     {func(m *runpb.Job) { m.Template.Template.Retries = &runpb.TaskTemplate_MaxRetries{MaxRetries: 11} }, codes.InvalidArgument, "max_retries"},
		"account":     {func(m *runpb.Job) { m.Template.Template.ServiceAccount = "app@acme-dev.iam.gserviceaccount.com" }, codes.PermissionDenied, "iam.serviceaccounts.actAs"},
		"container":   {func(m *runpb.Job) { m.Template.Template.Containers = nil }, codes.InvalidArgument, "at least one container"},
		"label":       {func(m *runpb.Job) { m.Labels = map[string]string{"run.googleapis.com/x": "y"} }, codes.InvalidArgument, "not supported by the v2 API"},
		"network": {func(m *runpb.Job) {
			m.Template.Template.VpcAccess = &runpb.VpcAccess{NetworkInterfaces: []*runpb.VpcAccess_NetworkInterface{{}}}
		}, codes.InvalidArgument, "at least one of network and subnetwork"},
	}
	for name, test := range tests {
		m := job(container())
		test.change(m)
		_, err := c.jobs.CreateJob(c.ctx(), &runpb.CreateJobRequest{Parent: location, JobId: "migrate", Job: m})
		t.Run(name, func(t *testing.T) { wantError(t, err, test.code, test.text) })
	}
	_, err := c.jobs.CreateJob(c.ctx(), &runpb.CreateJobRequest{Parent: location, JobId: "Migrate", Job: job(container())})
	wantError(t, err, codes.InvalidArgument, "Violation in CreateJobRequest.job_id")
}

func TestJobPolicy(t *testing.T) {
	c := startJobs(t)
	c.createJob(job(container()))
	_, err := c.jobs.SetIamPolicy(c.ctx(), &iampb.SetIamPolicyRequest{Resource: migrate, Policy: &iampb.Policy{Bindings: []*iampb.Binding{binding("roles/run.invoker", "user:anyone@example.com")}}})
	must(t, err)
	p, err := c.jobs.GetIamPolicy(c.ctx(), &iampb.GetIamPolicyRequest{Resource: migrate})
	must(t, err)
	if len(p.GetBindings()) != 1 || !c.Effective("user:anyone@example.com", "run.jobs.run", migrate) {
		t.Errorf("policy: %v", p)
	}
	_, err = c.jobs.GetIamPolicy(c.ctx(), &iampb.GetIamPolicyRequest{Resource: migrate + "s"})
	wantError(t, err, codes.NotFound, "does not exist")
	got, err := c.jobs.TestIamPermissions(c.ctx(), &iampb.TestIamPermissionsRequest{Resource: migrate, Permissions: []string{"run.jobs.run"}})
	must(t, err)
	if len(got.GetPermissions()) != 1 {
		t.Errorf("permissions: %v", got)
	}
	_, err = c.jobs.RunJob(c.readOnly(), &runpb.RunJobRequest{Name: migrate})
	wantError(t, err, codes.PermissionDenied, "Permission 'run.jobs.run' denied on resource '"+migrate+"'")
}

func TestJobsOverREST(t *testing.T) {
	c := startJobs(t)
	want := func(verb, path, body string, code int, parts ...string) string {
		t.Helper()
		got, answer := c.curl(verb, "/v2/"+path, body)
		for _, part := range parts {
			if got != code || !strings.Contains(strings.ReplaceAll(answer, `": `, `":`), part) {
				t.Errorf("%s %s: %d %s\nwant %d …%s…", verb, path, got, answer, code, part)
			}
		}
		return answer
	}
	want(http.MethodPost, location+"/jobs?jobId=migrate", `{"template":{"template":{"containers":[{"image":"m:1"}]}}}`, 200, `"@type":"type.googleapis.com/google.cloud.run.v2.Job"`)
	c.Advance(time.Minute)
	want(http.MethodGet, migrate, "", 200, `"generation":"1"`, `"maxRetries":3`, `"timeout":"600s"`)
	want(http.MethodGet, location+"/jobs", "", 200, `"name":"`+migrate+`"`)
	want(http.MethodPost, migrate+":run", `{}`, 200, `"@type":"type.googleapis.com/google.cloud.run.v2.Execution"`)
	l, err := c.executions.ListExecutions(c.ctx(), &runpb.ListExecutionsRequest{Parent: migrate})
	must(t, err)
	execution := l.GetExecutions()[0].GetName()
	want(http.MethodGet, execution+"/tasks", "", 200, `-task0"`)
	want(http.MethodGet, l.GetExecutions()[0].GetName()+"/tasks/none", "", 404, "of kind 'TASK'")
	want(http.MethodPost, execution+":cancel", `{}`, 200, `CANCELLING`)
	c.Advance(time.Minute)
	want(http.MethodGet, migrate+"/executions", "", 200, `"cancelledCount":1`)
	want(http.MethodGet, execution, "", 200, `"executionReason":"CANCELLED"`)
	want(http.MethodDelete, execution, "", 200, `deleteTime`)
	want(http.MethodPatch, migrate, `{"template":{"taskCount":2,"template":{"containers":[{"image":"m:1"}]}}}`, 200, `"taskCount":2`)
	want(http.MethodDelete, migrate, "", 200, `expireTime`)
	c.Advance(time.Minute)
	if left, err := c.Remaining(); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
