package fakegcp_test

import (
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// withSidecar is a service whose process waits for a sidecar.
func withSidecar(sidecar *runpb.Container) *runpb.Service {
	m := service(&runpb.Container{
		Name: "web", Image: image, Ports: []*runpb.ContainerPort{{ContainerPort: 8080}}, DependsOn: []string{"proxy"},
	})
	sidecar.Name, sidecar.Image = "proxy", "proxy:1"
	m.Template.Containers = append(m.Template.Containers, sidecar)
	return m
}

func tcpProbe(port int32) *runpb.Probe {
	return &runpb.Probe{ProbeType: &runpb.Probe_TcpSocket{TcpSocket: &runpb.TCPSocketAction{Port: port}}}
}

func portVariable() *runpb.EnvVar {
	return &runpb.EnvVar{Name: "PORT", Values: &runpb.EnvVar_Value{Value: "9001"}}
}

func TestConformanceRunContainers(t *testing.T) {
	fact(t, "1.4", "what another container waits for has a startup probe", "GoogleCloudPlatform/cloud-run-samples#230", func(t *testing.T) {
		c := start(t)
		_, err := c.create(withSidecar(&runpb.Container{}))
		wantError(t, err, codes.InvalidArgument,
			"spec.template.spec.containers[0].depends_on: Dependent container 'proxy' must have startup probe specified")
		c.done(c.create(withSidecar(&runpb.Container{StartupProbe: tcpProbe(9001), Env: []*runpb.EnvVar{portVariable()}})))
		if got := c.get().GetTemplate().GetContainers(); len(got) != 2 || len(got[1].GetPorts()) != 0 || got[0].GetDependsOn()[0] != "proxy" {
			t.Errorf("containers: %v", got)
		}
	})
	fact(t, "1.4", "PORT is set of the container that takes the requests", "cloud.google.com/run/docs/container-contract#env-vars", func(t *testing.T) {
		c := start(t)
		m := withSidecar(&runpb.Container{StartupProbe: tcpProbe(9001)})
		m.Template.Containers[0].Env = []*runpb.EnvVar{portVariable()}
		_, err := c.create(m)
		wantError(t, err, codes.InvalidArgument, "The following reserved env names were provided: PORT.")
	})
	fact(t, "1.4", "containers cannot wait for each other, for what is not there, or for what has no port to ask",
		"google/cloud/run/v2/k8s.min.proto (depends_on, ports)", func(t *testing.T) {
			c := start(t)
			circle := withSidecar(&runpb.Container{StartupProbe: tcpProbe(9001), DependsOn: []string{"web"}})
			circle.Template.Containers[0].StartupProbe = tcpProbe(8080)
			nobody := withSidecar(&runpb.Container{StartupProbe: tcpProbe(9001), DependsOn: []string{"agent"}})
			portless := withSidecar(&runpb.Container{StartupProbe: tcpProbe(0)})
			tcp := withSidecar(&runpb.Container{StartupProbe: tcpProbe(9001), LivenessProbe: tcpProbe(9001)})
			for what, m := range map[string]*runpb.Service{
				"Circular dependency": circle, "does not exist": nobody, "Probe port must be specified": portless, "TCP liveness": tcp,
			} {
				_, err := c.create(m)
				wantError(t, err, codes.InvalidArgument, what)
			}
		})
	fact(t, "1.4", "a sidecar that does not start fails the revision, and is named", "a guess", func(t *testing.T) {
		c := start(t)
		must(t, c.SetImage("proxy:1", fakegcp.ImageNeverReady))
		op := c.done(c.create(withSidecar(&runpb.Container{StartupProbe: tcpProbe(9001)})))
		wantError(t, status.FromProto(op.GetError()).Err(), codes.FailedPrecondition,
			"The user-provided container 'proxy' failed the configured startup probe checks.")
	})
}
