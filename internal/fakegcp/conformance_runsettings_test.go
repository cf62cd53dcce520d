package fakegcp_test

import (
	"strings"
	"testing"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

const refusedMember = "One or more users named in the policy do not belong to a permitted customer,  perhaps due to an organization policy."

// allow gives members the role of callers.
func (c *cloud) allow(members ...string) error {
	_, err := c.services.SetIamPolicy(c.ctx(), &iampb.SetIamPolicyRequest{Resource: api, Policy: &iampb.Policy{
		Bindings: []*iampb.Binding{{Role: "roles/run.invoker", Members: members}},
	}})
	return err
}

func TestConformanceRunAccess(t *testing.T) {
	fact(t, "1.4", "domain restricted sharing refuses allUsers in a policy, and leaves those that are there", "a dozen public issues", func(t *testing.T) {
		c := start(t)
		c.done(c.create(service(container())))
		must(t, c.allow("allUsers"))
		must(t, c.SetConstraint("constraints/"+fakegcp.AllowedPolicyMemberDomains, true))
		must(t, c.allow("allUsers", "group:callers@acme.example"))
		must(t, c.allow("group:callers@acme.example"))
		wantError(t, c.allow("allUsers"), codes.FailedPrecondition, refusedMember)
		wantError(t, c.allow("allAuthenticatedUsers"), codes.FailedPrecondition, refusedMember)
		must(t, c.SetConstraint(fakegcp.AllowedPolicyMemberDomains, false))
		must(t, c.allow("allUsers"))
	})
	fact(t, "1.4", "without the invoker check no policy is looked at", "cloud.google.com/run/docs/securing/managing-access", func(t *testing.T) {
		c := start(t)
		c.done(c.create(service(container())))
		const anyone, invoke = "user:anyone@example.com", "run.routes.invoke"
		if c.Effective(anyone, invoke, api) {
			t.Error("everybody may call from the start")
		}
		c.done(c.update(&runpb.Service{InvokerIamDisabled: true}, "invoker_iam_disabled"))
		if !c.Effective(anyone, invoke, api) || c.Effective(anyone, "run.services.get", api) {
			t.Error("without the check, calling and nothing else is open")
		}
	})
	fact(t, "1.4", "an organization can require the invoker check; a validation tells", "cloud.google.com/run/docs/securing/managing-access", func(t *testing.T) {
		c := start(t)
		c.done(c.create(service(container())))
		must(t, c.SetConstraint(fakegcp.RequireInvokerIAM, true))
		_, err := c.update(&runpb.Service{InvokerIamDisabled: true}, "invoker_iam_disabled")
		wantError(t, err, codes.FailedPrecondition, "constraints/run.managed.requireInvokerIam")
		open := service(container())
		open.InvokerIamDisabled = true
		_, err = c.services.CreateService(c.ctx(), &runpb.CreateServiceRequest{Parent: location, ServiceId: "other", Service: open, ValidateOnly: true})
		wantError(t, err, codes.FailedPrecondition, "constraints/run.managed.requireInvokerIam")
		c.done(c.update(&runpb.Service{Labels: map[string]string{"a": "b"}}, "labels"))
	})
}

func TestConstraintsAreSetByTheControlAPI(t *testing.T) {
	c := start(t)
	if err := c.SetConstraint("iam.none", true); err == nil || !strings.Contains(err.Error(), fakegcp.RequireInvokerIAM) {
		t.Errorf("an unknown constraint: %v", err)
	}
	if code, answer := c.curl("POST", "/_fake/constraints", `{"constraint": "run.managed.requireInvokerIam", "enforced": true}`); code/100 != 2 {
		t.Errorf("%d %s", code, answer)
	}
	if code, answer := c.curl("POST", "/_fake/constraints", `{"constraint": "run.managed.requireInvokerIam"}`); code/100 != 4 {
		t.Errorf("%d %s", code, answer)
	}
	if _, answer := c.curl("GET", "/_fake/constraints", ""); !strings.Contains(answer, fakegcp.RequireInvokerIAM) {
		t.Errorf("enforced: %s", answer)
	}
	must(t, c.Reset())
	if left := c.Constraints(); len(left) > 0 {
		t.Errorf("after a reset: %v", left)
	}
}

func TestConformanceRunSettings(t *testing.T) {
	fact(t, "1.4", "settings are kept as they are sent, and a revision has those of its template", "service.proto, revision_template.proto", func(t *testing.T) {
		c := start(t)
		m := service(container())
		m.CustomAudiences = []string{"https://api.example.com"}
		m.Scaling = &runpb.ServiceScaling{MinInstanceCount: 1, MaxInstanceCount: 7}
		m.Template.SessionAffinity = true
		m.Template.ExecutionEnvironment = runpb.ExecutionEnvironment_EXECUTION_ENVIRONMENT_GEN2
		m.Template.Timeout = &durationpb.Duration{Seconds: 60}
		m.Template.Scaling = &runpb.RevisionScaling{MinInstanceCount: 1, MaxInstanceCount: 5}
		m.Template.VpcAccess = &runpb.VpcAccess{
			Egress:            runpb.VpcAccess_ALL_TRAFFIC,
			NetworkInterfaces: []*runpb.VpcAccess_NetworkInterface{{Network: "shared", Subnetwork: "apps", Tags: []string{"a"}}},
		}
		m.Template.Containers[0].Ports = []*runpb.ContainerPort{{Name: "h2c", ContainerPort: 9000}}
		c.done(c.create(m))
		got := c.get()
		if !proto.Equal(got.GetScaling(), m.GetScaling()) || len(got.GetCustomAudiences()) != 1 || !proto.Equal(got.GetTemplate().GetVpcAccess(), m.GetTemplate().GetVpcAccess()) ||
			got.GetTemplate().GetContainers()[0].GetPorts()[0].GetName() != "h2c" {
			t.Errorf("kept: %v", got)
		}
		r, err := c.revisions.GetRevision(c.ctx(), &runpb.GetRevisionRequest{Name: got.GetLatestReadyRevision()})
		must(t, err)
		if !r.GetSessionAffinity() || r.GetTimeout().GetSeconds() != 60 || r.GetExecutionEnvironment() != m.GetTemplate().GetExecutionEnvironment() ||
			!proto.Equal(r.GetScaling(), m.GetTemplate().GetScaling()) || r.GetVpcAccess() == nil {
			t.Errorf("revision: %v", r)
		}
	})
	fact(t, "1.4", "a change of the service's own settings makes no revision", "cloud.google.com/run/docs/configuring/min-instances", func(t *testing.T) {
		c := start(t)
		c.done(c.create(service(container())))
		first := c.get().GetLatestCreatedRevision()
		c.done(c.update(&runpb.Service{
			Scaling: &runpb.ServiceScaling{MinInstanceCount: 2, MaxInstanceCount: 9}, CustomAudiences: []string{"a"}, InvokerIamDisabled: true,
		}, "scaling", "custom_audiences", "invoker_iam_disabled"))
		if got := c.get(); got.GetLatestCreatedRevision() != first || got.GetScaling().GetMaxInstanceCount() != 9 {
			t.Errorf("after it: %v", got)
		}
	})
	fact(t, "1.4", "the subnetwork of the network's name is taken, and the scaling block is there with zeros", "vendor_settings.proto; csoh.org#665", func(t *testing.T) {
		c := start(t)
		m := service(container())
		m.Template.VpcAccess = &runpb.VpcAccess{NetworkInterfaces: []*runpb.VpcAccess_NetworkInterface{{Network: "projects/host/global/networks/shared"}}}
		c.done(c.create(m))
		got := c.get()
		if got.GetTemplate().GetVpcAccess().GetNetworkInterfaces()[0].GetSubnetwork() != "shared" || got.GetScaling() == nil || got.GetTemplate().GetScaling().GetMaxInstanceCount() != 100 {
			t.Errorf("filled in: %v", got)
		}
	})
	fact(t, "1.4", "without its default address a service has none", "service.proto", func(t *testing.T) {
		c := start(t)
		m := service(container())
		m.DefaultUriDisabled = true
		c.done(c.create(m))
		if got := c.get(); got.GetUri() != "" || len(got.GetUrls()) > 0 {
			t.Errorf("addresses: %q %q", got.GetUri(), got.GetUrls())
		}
	})
}

func TestConformanceRunSizes(t *testing.T) {
	size := func(cpu, memory string, idle bool) *runpb.ResourceRequirements {
		return &runpb.ResourceRequirements{Limits: map[string]string{"cpu": cpu, "memory": memory}, CpuIdle: idle}
	}
	of := func(r *runpb.ResourceRequirements, e runpb.ExecutionEnvironment) func(*runpb.Service) {
		return func(m *runpb.Service) {
			m.Template.Containers[0].Resources, m.Template.ExecutionEnvironment = r, e
		}
	}
	interfaces := func(i *runpb.VpcAccess_NetworkInterface) func(*runpb.Service) {
		return func(m *runpb.Service) {
			m.Template.VpcAccess = &runpb.VpcAccess{NetworkInterfaces: []*runpb.VpcAccess_NetworkInterface{i}}
		}
	}
	scaling := func(s *runpb.ServiceScaling) func(*runpb.Service) { return func(m *runpb.Service) { m.Scaling = s } }
	ready := func(p *runpb.Probe) func(*runpb.Service) {
		return func(m *runpb.Service) { m.Template.Containers[0].ReadinessProbe = p }
	}
	const gen1, gen2 = runpb.ExecutionEnvironment_EXECUTION_ENVIRONMENT_GEN1, runpb.ExecutionEnvironment_EXECUTION_ENVIRONMENT_GEN2
	c := start(t)
	for _, test := range []struct {
		statement, source, text string
		change                  func(*runpb.Service)
	}{
		{"always allocated CPU is a whole one", "seen by the dozen", "Total cpu < 1 is not supported with cpu always allocated (unthrottled).", of(size("500m", "512Mi", false), 0)},
		{"always allocated CPU has 512 MiB", "seen by the dozen", "Total memory < 512 Mi is not supported with cpu always allocated (unthrottled).", of(size("1", "256Mi", false), gen1)},
		{"gen2 has a whole CPU", "run/docs/configuring/services/cpu", "Total cpu < 1 is not supported with gen2 execution environment.", of(size("500m", "512Mi", true), gen2)},
		{"gen2 has 512 MiB", "oboapp/oboapp#449", "Total memory < 512 Mi is not supported with gen2 execution environment.", of(size("1000m", "0.25Gi", true), gen2)},
		{"an interface leads somewhere", "vendor_settings.proto", "at least one of network and subnetwork", interfaces(&runpb.VpcAccess_NetworkInterface{})},
		{"a network has a name", "vendor_settings.proto", "is not the name of a network", interfaces(&runpb.VpcAccess_NetworkInterface{Network: "https://x"})},
		{"a subnetwork has a name", "vendor_settings.proto", "is not the name of a subnetwork", interfaces(&runpb.VpcAccess_NetworkInterface{Subnetwork: "A"})},
		{"a network tag is one", "vendor_settings.proto", "is not a network tag", interfaces(&runpb.VpcAccess_NetworkInterface{Network: "a", Tags: []string{"A"}})},
		{"the bounds of a service go together", "vendor_settings.proto", "scaling.min_instance_count", scaling(&runpb.ServiceScaling{MinInstanceCount: 3, MaxInstanceCount: 2})},
		{"bounds are not negative", "vendor_settings.proto", "must not be negative", scaling(&runpb.ServiceScaling{MinInstanceCount: -1})},
		{"manual scaling has a number", "vendor_settings.proto", "manual_instance_count", scaling(&runpb.ServiceScaling{ScalingMode: runpb.ServiceScaling_MANUAL})},
		{"a port speaks http1 or h2c", "k8s.min.proto", "is not one of http1, h2c", func(m *runpb.Service) {
			m.Template.Containers[0].Ports = []*runpb.ContainerPort{{Name: "grpc", ContainerPort: 80}}
		}},
		{"readiness is asked by HTTP or gRPC", "run/docs/configuring/healthchecks", "must be an HTTP or gRPC probe", ready(&runpb.Probe{ProbeType: &runpb.Probe_TcpSocket{TcpSocket: &runpb.TCPSocketAction{}}})},
		{"readiness is asked at once", "run/docs/configuring/healthchecks", "initial_delay_seconds", ready(&runpb.Probe{InitialDelaySeconds: 1, ProbeType: &runpb.Probe_HttpGet{HttpGet: &runpb.HTTPGetAction{}}})},
	} {
		fact(t, "1.4", test.statement, test.source, func(t *testing.T) {
			m := service(container())
			test.change(m)
			_, err := c.create(m)
			wantError(t, err, codes.InvalidArgument, test.text)
		})
	}
	fact(t, "1.4", "a worker has a whole CPU and 512 MiB", "run/docs/configuring/workerpools", func(t *testing.T) {
		pool := &runpb.WorkerPool{Template: &runpb.WorkerPoolRevisionTemplate{Containers: []*runpb.Container{container()}}}
		pool.Template.Containers[0].Resources = size("1", "128Mi", false)
		_, err := c.pools.CreateWorkerPool(c.ctx(), &runpb.CreateWorkerPoolRequest{Parent: location, WorkerPoolId: "mail", WorkerPool: pool})
		wantError(t, err, codes.InvalidArgument, "Total memory < 512 Mi is not supported with cpu always allocated (unthrottled).")
	})
	must(t, func() error { _, err := c.create(service(container())); return err }())
}
