package fakegcp

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/genproto/googleapis/api"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Defaults of a Cloud Run service. Source: the comments of google/cloud/run/v2/{service,revision_template,k8s.min}.proto and a
// service's JSON as firebase-tools records it.
const (
	defaultRunTimeout      = 300 // seconds
	defaultRunConcurrency  = 80
	defaultRunMaxInstances = 100
	defaultRunPort         = 8080
	defaultRunCPU          = "1000m"
	defaultRunMemory       = "512Mi"
	startupProbeSeconds    = 240
)

// defaultAccountOf is the default compute service account of the project that a name is in.
func (s *Server) defaultAccountOf(name string) string {
	p, _ := s.projectOf(name)
	return p.Number + "-compute@developer.gserviceaccount.com"
}

func serviceDefaults(s *Server, m *runpb.Service) {
	if m.GetIngress() == runpb.IngressTraffic_INGRESS_TRAFFIC_UNSPECIFIED {
		m.Ingress = runpb.IngressTraffic_INGRESS_TRAFFIC_ALL
	}
	if m.GetLaunchStage() == api.LaunchStage_LAUNCH_STAGE_UNSPECIFIED {
		m.LaunchStage = api.LaunchStage_GA
	}
	if len(m.GetTraffic()) == 0 {
		m.Traffic = []*runpb.TrafficTarget{{Type: runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST, Percent: 100}}
	}
	if m.GetScaling() == nil {
		m.Scaling = &runpb.ServiceScaling{}
	}
	if m.GetTemplate() == nil {
		m.Template = &runpb.RevisionTemplate{}
	}
	templateDefaults(s, m)
	m.Urls, m.Uri = runURLs(s, m), ""
	if m.GetDefaultUriDisabled() {
		m.Urls = nil
	} else {
		m.Uri = m.GetUrls()[1]
	}
}

func templateDefaults(s *Server, m *runpb.Service) {
	t := m.GetTemplate()
	t.ServiceAccount = cmp.Or(t.GetServiceAccount(), s.defaultAccountOf(m.GetName()))
	if t.GetTimeout() == nil {
		t.Timeout = &durationpb.Duration{Seconds: defaultRunTimeout}
	}
	if t.GetScaling() == nil {
		t.Scaling = &runpb.RevisionScaling{}
	}
	t.Scaling.MaxInstanceCount = cmp.Or(t.GetScaling().GetMaxInstanceCount(), defaultRunMaxInstances)
	vpcDefaults(t.GetVpcAccess())
	for _, c := range t.GetContainers() {
		limitDefaults(c)
	}
	if c := ingressContainer(t.GetContainers()); c != nil {
		ingressDefaults(c)
		if t.GetMaxInstanceRequestConcurrency() == 0 {
			t.MaxInstanceRequestConcurrency = 1
			if totalMillicores(t.GetContainers()) >= 1000 {
				t.MaxInstanceRequestConcurrency = defaultRunConcurrency
			}
		}
	}
}

// limitDefaults fills the limits, and the times of probes; without any resources idle CPU and the start-up boost are on as
// well.
func limitDefaults(c *runpb.Container) {
	if c.GetResources() == nil {
		c.Resources = &runpb.ResourceRequirements{CpuIdle: true, StartupCpuBoost: true}
	}
	if c.GetResources().GetLimits() == nil {
		c.Resources.Limits = map[string]string{}
	}
	c.Resources.Limits["cpu"] = cmp.Or(c.GetResources().GetLimits()["cpu"], defaultRunCPU)
	c.Resources.Limits["memory"] = cmp.Or(c.GetResources().GetLimits()["memory"], defaultRunMemory)
	for _, p := range []*runpb.Probe{c.GetStartupProbe(), c.GetLivenessProbe(), c.GetReadinessProbe()} {
		probeDefaults(p, 0) // only the one that gets the requests has a port to fall back to
	}
}

// ingressContainer is the one that gets the requests: the only one, or the one with a port.
func ingressContainer(containers []*runpb.Container) *runpb.Container {
	if len(containers) == 1 {
		return containers[0]
	}
	for _, c := range containers {
		if len(c.GetPorts()) > 0 {
			return c
		}
	}
	return nil
}

func ingressDefaults(c *runpb.Container) {
	if len(c.GetPorts()) == 0 {
		c.Ports = []*runpb.ContainerPort{{}}
	}
	port := c.GetPorts()[0]
	port.Name = cmp.Or(port.GetName(), "http1")
	port.ContainerPort = cmp.Or(port.GetContainerPort(), defaultRunPort)
	if c.GetStartupProbe() == nil {
		c.StartupProbe = &runpb.Probe{
			FailureThreshold: 1,
			PeriodSeconds:    startupProbeSeconds,
			TimeoutSeconds:   startupProbeSeconds,
			ProbeType:        &runpb.Probe_TcpSocket{TcpSocket: &runpb.TCPSocketAction{Port: port.GetContainerPort()}},
		}
	}
	for _, p := range []*runpb.Probe{c.GetStartupProbe(), c.GetLivenessProbe(), c.GetReadinessProbe()} {
		probeDefaults(p, port.GetContainerPort())
	}
}

func probeDefaults(p *runpb.Probe, port int32) {
	if p == nil {
		return
	}
	p.PeriodSeconds = cmp.Or(p.GetPeriodSeconds(), 10)
	p.TimeoutSeconds = cmp.Or(p.GetTimeoutSeconds(), 1)
	p.FailureThreshold = cmp.Or(p.GetFailureThreshold(), 3)
	switch a := p.GetProbeType().(type) {
	case *runpb.Probe_HttpGet:
		a.HttpGet.Port = cmp.Or(a.HttpGet.GetPort(), port)
		a.HttpGet.Path = cmp.Or(a.HttpGet.GetPath(), "/")
	case *runpb.Probe_TcpSocket:
		a.TcpSocket.Port = cmp.Or(a.TcpSocket.GetPort(), port)
	case *runpb.Probe_Grpc:
		a.Grpc.Port = cmp.Or(a.Grpc.GetPort(), port)
	}
}

// millicores reads a CPU quantity: "1", "0.5" or "500m". -1 when it is none.
func millicores(quantity string) int {
	if m, ok := strings.CutSuffix(quantity, "m"); ok {
		n, err := strconv.Atoi(m)
		if err != nil {
			return -1
		}
		return n
	}
	f, err := strconv.ParseFloat(quantity, 64)
	if err != nil {
		return -1
	}
	return int(f * 1000)
}

// regionCodes are the short names of regions in run.app host names, as far as they are known; other regions have the first
// letters of their words.
var regionCodes = map[string]string{
	"us-central1": "uc", "us-east1": "ue", "us-west1": "uw", "europe-west1": "ew", "europe-west3": "ey", "europe-west4": "ez",
	"asia-northeast1": "an", "asia-southeast1": "as", "asia-east1": "de", "australia-southeast1": "ts",
}

// runURLs are the deterministic address and the older one with a hash.
func runURLs(s *Server, m *runpb.Service) []string {
	p, _ := s.projectOf(m.GetName())
	region, id := segment(m.GetName(), 3), lastSegment(m.GetName())
	sum := sha256.Sum256([]byte(p.Number + "/" + region))
	code := regionCodes[region]
	if code == "" {
		for _, word := range strings.Split(region, "-") {
			code += word[:min(1, len(word))]
		}
	}
	return []string{
		fmt.Sprintf("https://%s-%s.%s.run.app", id, p.Number, region),
		fmt.Sprintf("https://%s-%x-%s.a.run.app", id, sum[:5], code),
	}
}
