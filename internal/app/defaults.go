package app

import (
	"maps"
	"slices"
	"time"
)

// The defaults of both runtimes.
const (
	DefaultPort             = 8080 // Cloud Run's own default
	DefaultProbePeriod      = 10 * time.Second
	DefaultProbeTimeout     = time.Second
	DefaultFailureThreshold = 3
	// DefaultStartupThreshold is how often a startup check may fail: with the default period four minutes, the longest
	// that Cloud Run waits for an instance to start.
	DefaultStartupThreshold = 24
)

// The defaults on GKE.
const (
	DefaultGKECPU     = "250m"
	DefaultGKEMemory  = "256Mi"
	DefaultCPUPercent = 80 // the autoscaler's own default (Kubernetes, autoscaling/v2)
	// DefaultScratchPath is always writable, because almost every runtime and library expects it, and the root
	// filesystem is read-only.
	DefaultScratchPath = "/tmp"
	DefaultScratchSize = "64Mi"
)

// The defaults on Cloud Run.
const (
	DefaultRunCPU         = "1"
	DefaultRunMemory      = "512Mi"
	DefaultRunMax         = 100 // said explicitly: the API's own default depends on the project's quota
	DefaultRunConcurrency = 80
)

// The time that a process gets between the signal to end and its end.
const (
	// RunShutdownGrace is fixed by Cloud Run. Source: Cloud Run container runtime contract, "Instance shutdown".
	RunShutdownGrace = 10 * time.Second
	// MaxSpotGrace is all that a preempted GKE Spot node has; only the first 15 s of it are certain for pods that are
	// not the system's. Source: GKE documentation, "Spot VMs", graceful termination.
	MaxSpotGrace         = 25 * time.Second
	DefaultSpotGrace     = 15 * time.Second
	DefaultOnDemandGrace = 25 * time.Second
)

// WithDefaults fills what the user left out, by the table above. The result shares nothing with a. Applying it twice
// changes nothing more. With neither or both runtimes only what both have in common is filled.
func WithDefaults(a App) App {
	switch a.Runtime() {
	case GKERuntime:
		a.GKE = gkeDefaults(a)
	case CloudRunRuntime:
		r := *a.CloudRun
		r.Invokers = slices.Clone(r.Invokers)
		r.Ingress = orDefault(r.Ingress, IngressAll)
		r.RunSettings = runSettingsDefaults(r.RunSettings)
		a.CloudRun = &r
	}
	a.Ownership = a.withDefaults()
	a.Config, a.Secrets, a.Labels = maps.Clone(a.Config), maps.Clone(a.Secrets), maps.Clone(a.Labels)
	a.Annotations, a.Sidecars = maps.Clone(a.Annotations), maps.Clone(a.Sidecars)
	for name, s := range a.Sidecars {
		a.Sidecars[name] = sidecarDefaults(a, s)
	}
	a.ConfigFiles, a.SecretFiles = maps.Clone(a.ConfigFiles), maps.Clone(a.SecretFiles)
	processes := make(map[string]Process, len(a.Processes))
	for name, p := range a.Processes {
		processes[name] = processDefaults(a, name, p)
	}
	a.Processes = processes
	return a
}

func gkeDefaults(a App) *GKE {
	g := *a.GKE
	g.Namespace = orDefault(g.Namespace, a.Name)
	g.Capacity = orDefault(g.Capacity, OnDemand)
	g.IdentityWait = waitDefaults(g.IdentityWait)
	return &g
}

func processDefaults(a App, name string, p Process) Process {
	p.Command, p.Args, p.Scratch = slices.Clone(p.Command), slices.Clone(p.Args), maps.Clone(p.Scratch)
	if name == Web {
		p.Port = orDefault(p.Port, DefaultPort)
	}
	switch a.Runtime() {
	case GKERuntime:
		p = gkeProcess(*a.GKE, name, p)
	case CloudRunRuntime:
		p = runProcess(name, p)
	}
	p.Startup = probeDefaults(p.Startup, DefaultStartupThreshold)
	p.Liveness = probeDefaults(p.Liveness, DefaultFailureThreshold)
	p.Readiness = probeDefaults(p.Readiness, DefaultFailureThreshold)
	return p
}

func gkeProcess(g GKE, name string, p Process) Process {
	p.CPU = orDefault(p.CPU, DefaultGKECPU)
	p.Memory = orDefault(p.Memory, DefaultGKEMemory)
	if !p.Scale.MinSet {
		p.Scale.Min = orDefault(p.Scale.Min, 1)
	}
	p.Scale.Max = orDefault(p.Scale.Max, p.Scale.Min)
	if p.Scale.Max > p.Scale.Min {
		p.Scale.CPUPercent = orDefault(p.Scale.CPUPercent, DefaultCPUPercent)
	}
	if name == Web && p.Readiness == nil {
		p.Readiness = &Probe{TCP: true}
	}
	p.Scratch = withScratch(p.Scratch)
	grace := DefaultSpotGrace
	if g.Capacity == OnDemand {
		grace = DefaultOnDemandGrace
	}
	p.ShutdownGrace = orDefault(p.ShutdownGrace, grace)
	return p
}

// withScratch adds the path that is always writable on GKE to a map of the caller's own.
func withScratch(scratch map[string]string) map[string]string {
	if scratch == nil {
		scratch = map[string]string{}
	}
	scratch[DefaultScratchPath] = orDefault(scratch[DefaultScratchPath], DefaultScratchSize)
	return scratch
}

func runProcess(name string, p Process) Process {
	p.CPU = orDefault(p.CPU, DefaultRunCPU)
	p.Memory = orDefault(p.Memory, DefaultRunMemory)
	p.ShutdownGrace = orDefault(p.ShutdownGrace, RunShutdownGrace)
	if name != Web {
		p.Scale = workerPoolScale(p.Scale)
		return p
	}
	p.Scale.Max = orDefault(p.Scale.Max, max(p.Scale.Min, DefaultRunMax))
	concurrency := DefaultRunConcurrency
	if millis, err := ParseCPU(p.CPU); err == nil && millis < 1000 {
		concurrency = 1 // Cloud Run demands it below one core
	}
	p.Scale.Concurrency = orDefault(p.Scale.Concurrency, concurrency)
	if p.Startup == nil && p.Readiness != nil {
		// Cloud Run takes a revision for good once its startup check passes. On GKE the readiness check decides that, so
		// here it does too: a release that never becomes ready fails on both.
		p.Startup = &Probe{Path: p.Readiness.Path, TCP: p.Readiness.TCP, GRPC: p.Readiness.GRPC, GRPCService: p.Readiness.GRPCService}
	}
	return p
}

// workerPoolScale: a worker pool has one number, so whichever bound is given is the other one too.
func workerPoolScale(s Scale) Scale {
	if !s.MinSet {
		s.Min = orDefault(s.Min, max(s.Max, 1))
	}
	s.Max = orDefault(s.Max, s.Min)
	return s
}

func probeDefaults(p *Probe, threshold int) *Probe {
	if p == nil {
		return nil
	}
	q := *p
	q.Period = orDefault(q.Period, DefaultProbePeriod)
	q.Timeout = orDefault(q.Timeout, DefaultProbeTimeout)
	q.FailureThreshold = orDefault(q.FailureThreshold, threshold)
	return &q
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}
