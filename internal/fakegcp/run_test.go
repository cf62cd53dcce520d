package fakegcp_test

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

const (
	api   = location + "/services/api"
	image = "asia-docker.pkg.dev/acme/api/server:2.0.0"
)

func container(env ...*runpb.EnvVar) *runpb.Container {
	return &runpb.Container{Image: image, Env: env}
}

func fromSecret(name, secret, version string) *runpb.EnvVar {
	ref := &runpb.SecretKeySelector{Secret: secret, Version: version}
	return &runpb.EnvVar{Name: name, Values: &runpb.EnvVar_ValueSource{ValueSource: &runpb.EnvVarSource{SecretKeyRef: ref}}}
}

func service(c *runpb.Container) *runpb.Service {
	return &runpb.Service{Template: &runpb.RevisionTemplate{Containers: []*runpb.Container{c}}}
}

func (c *cloud) create(m *runpb.Service) (*longrunningpb.Operation, error) {
	return c.services.CreateService(c.ctx(), &runpb.CreateServiceRequest{Parent: location, ServiceId: "api", Service: m})
}

// done lets an operation end.
func (c *cloud) done(op *longrunningpb.Operation, err error) *longrunningpb.Operation {
	c.t.Helper()
	must(c.t, err)
	c.Advance(time.Minute)
	op, err = c.operations.GetOperation(c.ctx(), &longrunningpb.GetOperationRequest{Name: op.GetName()})
	must(c.t, err)
	if !op.GetDone() {
		c.t.Fatalf("operation %s is not done after its time", op.GetName())
	}
	return op
}

func (c *cloud) get() *runpb.Service {
	c.t.Helper()
	m, err := c.services.GetService(c.ctx(), &runpb.GetServiceRequest{Name: api})
	must(c.t, err)
	return m
}

func TestServiceIsThereWhileItsOperationRuns(t *testing.T) {
	c := start(t)
	op, err := c.create(service(container()))
	must(t, err)
	if op.GetDone() {
		t.Error("done at once")
	}
	if m := c.get(); !m.GetReconciling() || m.GetLatestReadyRevision() != "" || m.GetObservedGeneration() != 0 {
		t.Errorf("while it is made: %v", m)
	}
	again, err := c.operations.GetOperation(c.ctx(), &longrunningpb.GetOperationRequest{Name: op.GetName()})
	must(t, err)
	if again.GetDone() || !strings.HasSuffix(again.GetMetadata().GetTypeUrl(), "google.cloud.run.v2.Service") {
		t.Errorf("while it runs: %v", again)
	}
	_, err = c.create(service(container()))
	wantError(t, err, codes.AlreadyExists, "Resource 'api' already exists.")

	if op := c.done(op, nil); op.GetResponse() == nil {
		t.Errorf("in the end: %v", op)
	}
	m := c.get()
	switch {
	case m.GetReconciling(), m.GetTerminalCondition().GetState() != runpb.Condition_CONDITION_SUCCEEDED,
		m.GetGeneration() != m.GetObservedGeneration(), m.GetLatestReadyRevision() != m.GetLatestCreatedRevision(),
		len(m.GetTrafficStatuses()) != 1, !strings.HasPrefix(m.GetUri(), "https://api-"):
		t.Errorf("after it: %v", m)
	}
	if tpl := m.GetTemplate(); tpl.GetServiceAccount() != defaultCaller || tpl.GetMaxInstanceRequestConcurrency() != 80 ||
		tpl.GetContainers()[0].GetPorts()[0].GetContainerPort() != 8080 || tpl.GetContainers()[0].GetResources().GetLimits()["memory"] != "512Mi" {
		t.Errorf("defaults: %v", tpl)
	}
	r, err := c.revisions.GetRevision(c.ctx(), &runpb.GetRevisionRequest{Name: m.GetLatestReadyRevision()})
	must(t, err)
	if !strings.HasPrefix(r.GetName(), api+"/revisions/api-00001-") || r.GetService() == "" {
		t.Errorf("revision: %v", r)
	}
}

func TestSecretIsReadableAfterTheGrantOnly(t *testing.T) {
	c := start(t)
	c.secret("shop-key", "one")
	m := service(container(fromSecret("KEY", "shop-key", "1")))
	op := c.done(c.create(m))
	wantError(t, status.FromProto(op.GetError()).Err(), codes.FailedPrecondition,
		"spec.template.spec.containers[0].env[0].value_from.secret_key_ref.name: Permission denied on secret: "+numbered+
			"/secrets/shop-key/versions/1 for Revision service account "+defaultCaller+". The service account used must be granted "+
			"the 'Secret Manager Secret Accessor' role (roles/secretmanager.secretAccessor) at the secret, project or higher level.")
	left := c.get()
	if left.GetTerminalCondition().GetReason() != runpb.Condition_SECRETS_ACCESS_CHECK_FAILED || left.GetLatestReadyRevision() != "" || left.GetObservedGeneration() != 0 {
		t.Errorf("what a failed create leaves: %v", left)
	}

	c.grantSecret("shop-key", accessor, "serviceAccount:"+defaultCaller)
	m.Name = api
	update := func() *longrunningpb.Operation {
		return c.done(c.services.UpdateService(c.ctx(), &runpb.UpdateServiceRequest{Service: m}))
	}
	if op := update(); op.GetError() == nil {
		t.Error("the same template makes no new revision, so the old failure stays")
	}
	m.Template.Annotations = map[string]string{"example.com/attempt": "2"}
	if op := update(); op.GetError() != nil {
		t.Errorf("after the grant: %v", op.GetError())
	}
	if m := c.get(); m.GetLatestReadyRevision() == "" || m.GetTerminalCondition().GetState() != runpb.Condition_CONDITION_SUCCEEDED {
		t.Errorf("after the grant: %v", m)
	}
}

func TestRevisionFailures(t *testing.T) {
	tests := []struct {
		name      string
		env       *runpb.EnvVar
		behaviour fakegcp.Behaviour
		code      codes.Code
		text      string
	}{
		{"image missing", nil, fakegcp.ImageMissing, codes.NotFound, "Image '" + image + "' not found."},
		{"crash", nil, fakegcp.ImageCrashes, codes.FailedPrecondition, "failed to start and listen on the port defined provided by the PORT=8080"},
		{"exit", nil, fakegcp.ImageExits(3), codes.FailedPrecondition, "failed to start and listen"},
		{"never ready", nil, fakegcp.ImageNeverReady, codes.FailedPrecondition, "is not ready and cannot serve traffic."},
		{"no such version", fromSecret("KEY", "shop-key", "9"), "", codes.FailedPrecondition, "/secrets/shop-key/versions/9 was not found"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := start(t)
			c.secret("shop-key", "one")
			c.grantSecret("shop-key", accessor, "serviceAccount:"+defaultCaller)
			m := service(container())
			if test.env != nil {
				m = service(container(test.env))
			}
			must(t, c.SetImage(image, test.behaviour))
			op := c.done(c.create(m))
			wantError(t, status.FromProto(op.GetError()).Err(), test.code, test.text)
			if got := c.get().GetTerminalCondition().GetState(); got != runpb.Condition_CONDITION_FAILED {
				t.Errorf("terminal condition %v", got)
			}
		})
	}
}

func TestUpdateService(t *testing.T) {
	c := start(t)
	c.done(c.create(service(container())))
	first := c.get()

	labels := &runpb.Service{Name: api, Labels: map[string]string{"team": "shop"}, Description: "not in the mask"}
	mask := &fieldmaskpb.FieldMask{Paths: []string{"labels"}}
	c.done(c.services.UpdateService(c.ctx(), &runpb.UpdateServiceRequest{Service: labels, UpdateMask: mask}))
	second := c.get()
	if second.GetLabels()["team"] != "shop" || second.GetDescription() != "" || second.GetLatestCreatedRevision() != first.GetLatestCreatedRevision() ||
		second.GetGeneration() != 2 || second.GetEtag() == first.GetEtag() {
		t.Errorf("after a masked update: %v", second)
	}

	second.Etag = first.GetEtag()
	_, err := c.services.UpdateService(c.ctx(), &runpb.UpdateServiceRequest{Service: second})
	wantError(t, err, codes.Aborted, "Conflict for resource 'api': version")

	op, err := c.services.UpdateService(c.ctx(), &runpb.UpdateServiceRequest{Service: &runpb.Service{Name: location + "/services/new", Template: service(container()).GetTemplate()}, ValidateOnly: true, AllowMissing: true})
	must(t, err)
	if !op.GetDone() {
		t.Error("a validation has no operation to wait for")
	}
	_, err = c.services.GetService(c.ctx(), &runpb.GetServiceRequest{Name: location + "/services/new"})
	wantError(t, err, codes.NotFound, "does not exist")

	c.done(c.services.DeleteService(c.ctx(), &runpb.DeleteServiceRequest{Name: api}))
	_, err = c.services.GetService(c.ctx(), &runpb.GetServiceRequest{Name: api})
	wantError(t, err, codes.NotFound, "Resource 'api' of kind 'SERVICE' in region 'asia-northeast1' in project 'acme-dev' does not exist.")
	if left, err := c.Remaining(); err != nil || len(left) > 0 {
		t.Errorf("after the deletion: %v, %v", left, err)
	}
}

func TestServiceIsRefused(t *testing.T) {
	c := start(t)
	tests := map[string]struct {
		change func(*runpb.Service)
		code   codes.Code
		text   string
	}{
		"reserved environment": {func(m *runpb.Service) { m.Template.Containers[0].Env = []*runpb.EnvVar{{Name: "PORT"}} }, codes.InvalidArgument, "The following reserved env names were provided: PORT."},
		"no container":         {func(m *runpb.Service) { m.Template.Containers = nil }, codes.InvalidArgument, "at least one container"},
		"min above max": {func(m *runpb.Service) {
			m.Template.Scaling = &runpb.RevisionScaling{MinInstanceCount: 3, MaxInstanceCount: 2}
		}, codes.InvalidArgument, "min_instance_count"},
		"traffic":            {func(m *runpb.Service) { m.Traffic = []*runpb.TrafficTarget{{Percent: 50}} }, codes.InvalidArgument, "sum to 100"},
		"unknown account":    {func(m *runpb.Service) { m.Template.ServiceAccount = "app@acme-dev.iam.gserviceaccount.com" }, codes.PermissionDenied, "iam.serviceaccounts.actAs"},
		"knative annotation": {func(m *runpb.Service) { m.Annotations = map[string]string{"run.googleapis.com/x": "y"} }, codes.InvalidArgument, "not supported by the v2 API"},
	}
	for name, test := range tests {
		m := service(container())
		test.change(m)
		_, err := c.create(m)
		t.Run(name, func(t *testing.T) { wantError(t, err, test.code, test.text) })
	}
	_, err := c.create(nil)
	wantError(t, err, codes.InvalidArgument, "missing")
}

func TestWorkerPool(t *testing.T) {
	c := start(t)
	pool := &runpb.WorkerPool{Template: &runpb.WorkerPoolRevisionTemplate{Containers: []*runpb.Container{container()}}}
	op := c.done(c.pools.CreateWorkerPool(c.ctx(), &runpb.CreateWorkerPoolRequest{Parent: location, WorkerPoolId: "worker", WorkerPool: pool}))
	if op.GetError() != nil {
		t.Fatal(op.GetError())
	}
	m, err := c.pools.GetWorkerPool(c.ctx(), &runpb.GetWorkerPoolRequest{Name: location + "/workerPools/worker"})
	must(t, err)
	if m.GetReconciling() || m.GetScaling().GetManualInstanceCount() != 1 || len(m.GetInstanceSplitStatuses()) != 1 || m.GetLatestReadyRevision() == "" {
		t.Errorf("worker pool: %v", m)
	}
}

func TestPublicService(t *testing.T) {
	c := start(t)
	c.done(c.create(service(container())))
	_, err := c.services.SetIamPolicy(c.ctx(), &iampb.SetIamPolicyRequest{Resource: api, Policy: &iampb.Policy{Bindings: []*iampb.Binding{binding("roles/run.invoker", "allUsers")}}})
	must(t, err)
	if !c.Effective("user:anyone@example.com", "run.routes.invoke", api) {
		t.Error("allUsers may invoke, and anyone may not")
	}
}
