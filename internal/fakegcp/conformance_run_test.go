package fakegcp_test

import (
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

func deletion() *runpb.DeleteServiceRequest { return &runpb.DeleteServiceRequest{Name: api} }

// update changes the fields of the service that the paths name.
func (c *cloud) update(m *runpb.Service, paths ...string) (*longrunningpb.Operation, error) {
	m.Name = api
	return c.services.UpdateService(c.ctx(), &runpb.UpdateServiceRequest{Service: m, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}})
}

// release rolls an image out as a revision of its own name.
func (c *cloud) release(id, image string) *longrunningpb.Operation {
	c.t.Helper()
	m := service(&runpb.Container{Image: image})
	m.Template.Revision = id
	return c.done(c.update(m, "template"))
}

func toRevision(id string, percent int32, tag string) *runpb.TrafficTarget {
	return &runpb.TrafficTarget{
		Type:     runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION,
		Revision: id, Percent: percent, Tag: tag,
	}
}

func TestConformanceRunFailures(t *testing.T) {
	fact(t, "1.4", "a failed update keeps serving from the last ready revision", "google/cloud/run/v2/service.proto (reconciling)", func(t *testing.T) {
		c := start(t)
		c.done(c.create(service(container())))
		before := c.get()
		must(t, c.SetImage("broken:1", fakegcp.ImageCrashes))
		op := c.release("api-broken", "broken:1")
		wantError(t, status.FromProto(op.GetError()).Err(), codes.FailedPrecondition, "Revision 'api-broken' is not ready and cannot serve traffic.")
		m := c.get()
		if m.GetLatestReadyRevision() != before.GetLatestReadyRevision() || m.GetObservedGeneration() != before.GetObservedGeneration() ||
			m.GetGeneration() != 2 || !strings.HasSuffix(m.GetLatestCreatedRevision(), "/api-broken") ||
			m.GetTerminalCondition().GetState() != runpb.Condition_CONDITION_FAILED || len(m.GetTrafficStatuses()) != 1 {
			t.Errorf("after it: %v", m)
		}
	})
	fact(t, "1.4", "a failed create leaves the service", "hashicorp/terraform-provider-google#14493, #16765, #17245", func(t *testing.T) {
		c := start(t)
		must(t, c.SetImage(image, fakegcp.ImageMissing))
		op := c.done(c.create(service(container())))
		wantError(t, status.FromProto(op.GetError()).Err(), codes.NotFound, "Image '"+image+"' not found.")
		if m := c.get(); m.GetReconciling() || m.GetTerminalCondition().GetReason() != runpb.Condition_CONTAINER_MISSING || m.GetTrafficStatuses() != nil {
			t.Errorf("what is left: %v", m)
		}
		_, err := c.create(service(container()))
		wantError(t, err, codes.AlreadyExists, "Resource 'api' already exists.")
	})
	fact(t, "1.4", "a name is taken until its deletion is done", "hashicorp/terraform-provider-google IsCloudRunCreationConflict", func(t *testing.T) {
		c := start(t)
		c.done(c.create(service(container())))
		op, err := c.services.DeleteService(c.ctx(), deletion())
		must(t, err)
		var deleted runpb.Service
		must(t, op.GetMetadata().UnmarshalTo(&deleted))
		if deleted.GetDeleteTime() == nil || !deleted.GetExpireTime().AsTime().After(deleted.GetDeleteTime().AsTime()) {
			t.Errorf("the answer: %v", &deleted)
		}
		_, err = c.create(service(container()))
		wantError(t, err, codes.AlreadyExists, "Resource 'api' already exists.")
		c.done(op, nil)
		_, err = c.create(service(container()))
		must(t, err)
	})
	fact(t, "1.4", "a revision's name cannot be sent again with another template", "seven sightings of the text", func(t *testing.T) {
		c := start(t)
		c.done(c.create(service(container())))
		c.release("api-v2", "v:2")
		m := service(&runpb.Container{Image: "v:3"})
		m.Template.Revision = "api-v2"
		_, err := c.update(m, "template")
		wantError(t, err, codes.AlreadyExists, "Revision named 'api-v2' with different configuration already exists.")
		m.Template.Revision = "web-v3"
		_, err = c.update(m, "template")
		wantError(t, err, codes.InvalidArgument, "must be prefixed by the name of the enclosing resource")
	})
}

func TestConformanceRunTraffic(t *testing.T) {
	fact(t, "1.4", "traffic goes to the latest or to named revisions, with tags", "google/cloud/run/v2/traffic_target.proto", func(t *testing.T) {
		c := start(t)
		c.done(c.create(service(container())))
		c.release("api-v2", "v:2")
		c.done(c.update(&runpb.Service{Traffic: []*runpb.TrafficTarget{toRevision("api-v2", 100, "blue")}}, "traffic"))
		c.release("api-v3", "v:3")
		m := c.get()
		if st := m.GetTrafficStatuses(); len(st) != 1 || st[0].GetRevision() != "api-v2" || !strings.HasPrefix(st[0].GetUri(), "https://blue---api-") {
			t.Errorf("traffic: %v", st)
		}
		if !strings.HasSuffix(m.GetLatestReadyRevision(), "/api-v3") {
			t.Errorf("latest: %v", m.GetLatestReadyRevision())
		}
	})
	fact(t, "1.4", "traffic to a revision that is not there fails the operation", "an issue's text, with code 13", func(t *testing.T) {
		c := start(t)
		c.done(c.create(service(container())))
		op := c.done(c.update(&runpb.Service{Traffic: []*runpb.TrafficTarget{toRevision("api-none", 100, "")}}, "traffic"))
		wantError(t, status.FromProto(op.GetError()).Err(), codes.Internal,
			"Revision 'api-none' does not exist or is deleted. Update all traffic to route to currently available revisions.")
	})
	fact(t, "1.4", "the latest revision and those that serve cannot be deleted", "cloud.google.com/run/docs/managing/revisions; a sighting of the first text", func(t *testing.T) {
		c := start(t)
		c.done(c.create(service(container())))
		first := c.get().GetLatestReadyRevision()
		c.release("api-v2", "v:2")
		c.done(c.update(&runpb.Service{Traffic: []*runpb.TrafficTarget{toRevision("api-v2", 100, "")}}, "traffic"))
		c.release("api-v3", "v:3")
		remove := func(name string, validate bool) (*longrunningpb.Operation, error) {
			return c.revisions.DeleteRevision(c.ctx(), &runpb.DeleteRevisionRequest{Name: name, ValidateOnly: validate})
		}
		_, err := remove(api+"/revisions/api-v3", false)
		wantError(t, err, codes.FailedPrecondition, "latest created Revision cannot be directly deleted")
		_, err = remove(api+"/revisions/api-v2", false)
		wantError(t, err, codes.FailedPrecondition, "receives traffic")
		op, err := remove(first, true)
		must(t, err)
		if !op.GetDone() {
			t.Error("a validation is over at once")
		}
		c.done(remove(first, false))
		_, err = c.revisions.GetRevision(c.ctx(), &runpb.GetRevisionRequest{Name: first})
		wantError(t, err, codes.NotFound, "of kind 'REVISION'")
		l, err := c.revisions.ListRevisions(c.ctx(), &runpb.ListRevisionsRequest{Parent: api})
		must(t, err)
		if r := l.GetRevisions(); len(r) != 2 || !strings.HasSuffix(r[0].GetName(), "/api-v3") {
			t.Errorf("left: %v", r)
		}
	})
}

func TestConformanceRunChecks(t *testing.T) {
	probe := func(p *runpb.Probe) func(*runpb.Service) {
		return func(m *runpb.Service) { m.Template.Containers[0].StartupProbe = p }
	}
	traffic := func(targets ...*runpb.TrafficTarget) func(*runpb.Service) {
		return func(m *runpb.Service) { m.Traffic = targets }
	}
	vpc := func(v *runpb.VpcAccess) func(*runpb.Service) {
		return func(m *runpb.Service) { m.Template.VpcAccess = v }
	}
	network := &runpb.VpcAccess_NetworkInterface{Network: "default"}
	latest := runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
	tests := []struct {
		statement, source, text string
		change                  func(*runpb.Service)
	}{
		{"a startup probe begins within 240 s", "k8s.min.proto", "startup_probe.initial_delay_seconds", probe(&runpb.Probe{InitialDelaySeconds: 241})},
		{"a startup probe comes every 240 s at least", "k8s.min.proto", "startup_probe.period_seconds", probe(&runpb.Probe{PeriodSeconds: 241})},
		{"a probe's timeout is within its period", "k8s.min.proto", "must not be greater than period_seconds", probe(&runpb.Probe{PeriodSeconds: 5, TimeoutSeconds: 6})},
		{"percents sum to 100", "traffic_target.proto", "sum to 100, got 90", traffic(toRevision("api-a", 90, ""))},
		{"a percent is none below 0", "traffic_target.proto", "between 0 and 100", traffic(toRevision("api-a", -1, ""), toRevision("api-b", 101, ""))},
		{"the latest revision has no name", "traffic_target.proto", "must not be set", traffic(&runpb.TrafficTarget{Type: latest, Revision: "api-a", Percent: 100})},
		{"a target by revision has one", "traffic_target.proto", "must be set", traffic(toRevision("", 100, ""))},
		{"a tag names one target", "traffic_target.proto", "is used twice", traffic(toRevision("api-a", 50, "blue"), toRevision("api-b", 50, "blue"))},
		{"a tag is part of a host name", "traffic_target.proto", "must begin with a letter", traffic(toRevision("api-a", 100, "Blue_1"))},
		{"a connector excludes interfaces", "vendor_settings.proto", "must not be set together", vpc(&runpb.VpcAccess{Connector: "c", NetworkInterfaces: []*runpb.VpcAccess_NetworkInterface{network}})},
		{"there is one interface", "vendor_settings.proto", "only one network interface", vpc(&runpb.VpcAccess{NetworkInterfaces: []*runpb.VpcAccess_NetworkInterface{network, network}})},
		{"a description has 512 characters at most", "service.proto", "at most 512", func(m *runpb.Service) { m.Description = strings.Repeat("x", 513) }},
		{"reserved domains are refused in a template's labels", "service.proto", "not supported by the v2 API", func(m *runpb.Service) {
			m.Template.Labels = map[string]string{"autoscaling.knative.dev/x": "y"}
		}},
		{"less than one CPU means one request at a time", "k8s.min.proto", "Total cpu < 1 is not supported with concurrency > 1.", func(m *runpb.Service) {
			m.Template.MaxInstanceRequestConcurrency = 2
			m.Template.Containers[0].Resources = &runpb.ResourceRequirements{Limits: map[string]string{"cpu": "500m"}}
		}},
	}
	c := start(t)
	for _, test := range tests {
		fact(t, "1.4", test.statement, test.source, func(t *testing.T) {
			m := service(container())
			test.change(m)
			_, err := c.create(m)
			wantError(t, err, codes.InvalidArgument, test.text)
		})
	}
	for _, id := range []string{"1api", "api-", "Api", strings.Repeat("a", 50)} {
		_, err := c.services.CreateService(c.ctx(), &runpb.CreateServiceRequest{Parent: location, ServiceId: id, Service: service(container())})
		wantError(t, err, codes.InvalidArgument, "Violation in CreateServiceRequest.service_id")
	}
}

func TestConformanceRunDefaults(t *testing.T) {
	fact(t, "1.4", "concurrency is 1 below one CPU, and egress PRIVATE_RANGES_ONLY", "revision_template.proto, vendor_settings.proto", func(t *testing.T) {
		c := start(t)
		m := service(container())
		m.Template.Containers[0].Resources = &runpb.ResourceRequirements{Limits: map[string]string{"cpu": "500m"}, CpuIdle: true}
		m.Template.VpcAccess = &runpb.VpcAccess{NetworkInterfaces: []*runpb.VpcAccess_NetworkInterface{{Network: "default"}}}
		m.DefaultUriDisabled, m.InvokerIamDisabled = true, true
		c.done(c.create(m))
		got := c.get()
		tpl := got.GetTemplate()
		if tpl.GetMaxInstanceRequestConcurrency() != 1 || tpl.GetVpcAccess().GetEgress() != runpb.VpcAccess_PRIVATE_RANGES_ONLY ||
			tpl.GetContainers()[0].GetResources().GetStartupCpuBoost() {
			t.Errorf("template: %v", tpl)
		}
		if got.GetUri() != "" || !got.GetInvokerIamDisabled() || got.GetIngress() != runpb.IngressTraffic_INGRESS_TRAFFIC_ALL {
			t.Errorf("service: %v", got)
		}
	})
	fact(t, "1.4", "etags are quoted, change with every write and are optional", "recorded by firebase-tools", func(t *testing.T) {
		c := start(t)
		c.done(c.create(service(container())))
		first := c.get().GetEtag()
		c.done(c.update(&runpb.Service{Labels: map[string]string{"a": "b"}}, "labels"))
		if second := c.get().GetEtag(); second == first || !strings.HasPrefix(second, `"`) || !strings.HasSuffix(second, `"`) {
			t.Errorf("etags %s, %s", first, second)
		}
		_, err := c.update(&runpb.Service{Etag: first}, "labels")
		wantError(t, err, codes.Aborted, "Conflict for resource 'api': version")
		_, err = c.update(&runpb.Service{}, "no_such_field")
		wantError(t, err, codes.InvalidArgument, "Invalid field mask path: no_such_field")
	})
	fact(t, "1.4", "worker pools have revisions of their own, and no ports", "google/cloud/run/v2/worker_pool.proto, revision.proto", func(t *testing.T) {
		c := start(t)
		const mail = location + "/workerPools/mail"
		pool := &runpb.WorkerPool{Template: &runpb.WorkerPoolRevisionTemplate{Containers: []*runpb.Container{container()}}}
		c.done(c.pools.CreateWorkerPool(c.ctx(), &runpb.CreateWorkerPoolRequest{Parent: location, WorkerPoolId: "mail", WorkerPool: pool}))
		pool.Name = mail
		pool.Template.Containers[0].Image = "mail:2"
		c.done(c.pools.UpdateWorkerPool(c.ctx(), &runpb.UpdateWorkerPoolRequest{WorkerPool: pool}))
		l, err := c.revisions.ListRevisions(c.ctx(), &runpb.ListRevisionsRequest{Parent: mail})
		must(t, err)
		if len(l.GetRevisions()) != 2 || !strings.HasPrefix(l.GetRevisions()[0].GetName(), mail+"/revisions/mail-00002-") {
			t.Fatalf("revisions: %v", l)
		}
		if code, answer := c.curl("DELETE", "/v2/"+l.GetRevisions()[0].GetName(), ""); code != 400 || !strings.Contains(answer, "latest created Revision") {
			t.Errorf("the latest: %d %s", code, answer)
		}
		if code, answer := c.curl("DELETE", "/v2/"+l.GetRevisions()[1].GetName(), ""); code != 200 {
			t.Errorf("the first: %d %s", code, answer)
		}
		pool.Template.Containers[0].Ports = []*runpb.ContainerPort{{ContainerPort: 80}}
		_, err = c.pools.UpdateWorkerPool(c.ctx(), &runpb.UpdateWorkerPoolRequest{WorkerPool: pool})
		wantError(t, err, codes.InvalidArgument, "Worker pools do not support ports")
	})
}
