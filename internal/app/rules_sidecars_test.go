package app_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

// proxy is a sidecar that no rule finds anything in.
func proxy(changes ...func(*app.Sidecar)) app.Sidecar {
	s := app.Sidecar{Image: "gcr.io/acme/proxy:1", Port: 9001, Startup: &app.Probe{TCP: true}}
	for _, c := range changes {
		c(&s)
	}
	return s
}

func sidecars(all map[string]app.Sidecar) func(*app.App) {
	return func(a *app.App) { a.Sidecars = all }
}

func oneSidecar(changes ...func(*app.Sidecar)) func(*app.App) {
	return sidecars(map[string]app.Sidecar{"proxy": proxy(changes...)})
}

// agent is a second sidecar, on another port.
func agent(s *app.Sidecar) { s.Port = 9002 }

// half is the other half of a whole CPU and 512 MiB.
func half(s *app.Sidecar) { s.CPU, s.Memory = "500m", "256Mi" }

func after(names ...string) func(*app.Sidecar) { return func(s *app.Sidecar) { s.After = names } }

func beside(names ...string) func(*app.Sidecar) { return func(s *app.Sidecar) { s.Processes = names } }

func annotation(key, value string) func(*app.App) {
	return func(a *app.App) { a.Annotations = map[string]string{key: value} }
}

func affinity(capacity app.Capacity) func(*app.App) {
	return func(a *app.App) {
		a.GKE.SessionAffinity, a.GKE.Capacity = true, capacity
		delete(a.Processes, "worker")
	}
}

func identityWait(w app.IdentityWait) func(*app.App) {
	return func(a *app.App) { a.GKE.IdentityWait = &w }
}

func init() { maps.Copy(ruleRows, podRows) }

var podRows = map[string]ruleRow{
	"a sidecar on GKE":       {onGKE(oneSidecar()), nil},
	"a sidecar on Cloud Run": {onRun(oneSidecar()), nil},
	"sidecar named as a process": {
		onGKE(sidecars(map[string]app.Sidecar{"web": proxy()})), []string{"sidecar-name at sidecars.web"},
	},
	"sidecar name":            {onRun(sidecars(map[string]app.Sidecar{"Proxy_1": proxy()})), []string{"sidecar-name at sidecars.Proxy_1"}},
	"sidecar name of ours":    {onGKE(sidecars(map[string]app.Sidecar{"twelvefactor-x": proxy()})), []string{"sidecar-name at sidecars.twelvefactor-x"}},
	"process name of ours":    {onGKE(process("twelvefactor-x", func(*app.Process) {})), []string{"process-name at processes.twelvefactor-x"}},
	"image of a sidecar":      {onRun(oneSidecar(func(s *app.Sidecar) { s.Image = "envoy:latest" })), []string{"sidecar-image at sidecars.proxy.image"}},
	"process that is not":     {onGKE(oneSidecar(beside("web", "jobs"))), []string{"sidecar-processes at sidecars.proxy.processes"}},
	"after what is not":       {onGKE(oneSidecar(after("agent"))), []string{"sidecar-order at sidecars.proxy.after"}},
	"after a process":         {onGKE(oneSidecar(after("web"))), []string{"sidecar-order at sidecars.proxy.after"}},
	"after itself":            {onGKE(oneSidecar(after("proxy"))), []string{"sidecar-order at sidecars.proxy.after"}},
	"ten containers too many": {onGKE(sidecars(many(10))), []string{"sidecar-name at sidecars"}},
	"a circle": {
		onGKE(sidecars(map[string]app.Sidecar{"a": proxy(after("b")), "b": proxy(agent, after("a"))})), []string{"sidecar-order at sidecars.a.after"},
	},
	"after without startup check": {
		onGKE(sidecars(map[string]app.Sidecar{"a": proxy(after("b")), "b": proxy(agent, func(s *app.Sidecar) { s.Startup = nil })})),
		[]string{"sidecar-order at sidecars.a.after"},
	},
	"after one of another process": {
		onGKE(sidecars(map[string]app.Sidecar{"a": proxy(after("b")), "b": proxy(agent, beside("web"))})), []string{"sidecar-order at sidecars.a.after"},
	},
	"in order": {onRun(sidecars(map[string]app.Sidecar{"a": proxy(after("b")), "b": proxy(agent)})), nil},

	"env name of a sidecar": {
		onGKE(oneSidecar(func(s *app.Sidecar) { s.Config = map[string]string{"1A": ""} })), []string{"env-name at sidecars.proxy.config.1A"},
	},
	"both in a sidecar": {
		onGKE(oneSidecar(func(s *app.Sidecar) {
			s.Config, s.Secrets = map[string]string{"A": ""}, map[string]string{"A": "projects/acme-dev/secrets/s/versions/1"}
		})), []string{"config-or-secret at sidecars.proxy.config.A"},
	},
	"NUL in a sidecar": {
		onGKE(oneSidecar(func(s *app.Sidecar) { s.Config = map[string]string{"A": "\x00"} })), []string{"config-value at sidecars.proxy.config.A"},
	},
	"latest secret of a sidecar": {
		onGKE(oneSidecar(func(s *app.Sidecar) {
			s.Secrets = map[string]string{"A": "projects/acme-dev/secrets/s/versions/latest"}
		})),
		[]string{"secret-version at sidecars.proxy.secrets.A"},
	},
	"regional secret of a sidecar": {
		onRun(oneSidecar(func(s *app.Sidecar) { s.Secrets = map[string]string{"A": regionalVersion} })), []string{"regional-secret at sidecars.proxy.secrets.A"},
	},
	"secret in a sidecar's config": {
		onGKE(oneSidecar(func(s *app.Sidecar) { s.Config = map[string]string{"URL": "http://a:hunter2@b/"} })),
		[]string{"secret-in-config at sidecars.proxy.config.URL"},
	},
	"large sidecar, recorded twice": {
		onGKE(oneSidecar(func(s *app.Sidecar) { s.Config = map[string]string{"A": strings.Repeat("x", 125<<10)} })), []string{"config-size at config"},
	},
	"large arguments, recorded twice": {
		onGKE(process("web", func(p *app.Process) { p.Args = []string{strings.Repeat("x", 125<<10)} })), []string{"config-size at config"},
	},
	"command of a sidecar": {
		onGKE(oneSidecar(func(s *app.Sidecar) { s.Args = []string{"\x00"} })), []string{"process-command at sidecars.proxy.args"},
	},
	"scratch of a sidecar": {
		onGKE(oneSidecar(func(s *app.Sidecar) { s.Scratch = map[string]string{"/proc": "1Mi"} })), []string{"scratch at sidecars.proxy.scratch./proc"},
	},
	"memory of a sidecar":    {onGKE(oneSidecar(func(s *app.Sidecar) { s.Memory = "64" })), []string{"resources at sidecars.proxy.memory"}},
	"port of web":            {onGKE(oneSidecar(func(s *app.Sidecar) { s.Port = 8080 })), []string{"port at sidecars.proxy.port"}},
	"port of web, elsewhere": {onGKE(oneSidecar(func(s *app.Sidecar) { s.Port = 8080 }, beside("worker"))), nil},
	"port of another sidecar": {
		onGKE(sidecars(map[string]app.Sidecar{"a": proxy(), "b": proxy()})), []string{"port at sidecars.b.port"},
	},
	"check without a port": {onGKE(oneSidecar(func(s *app.Sidecar) { s.Port = 0 })), []string{"probe at sidecars.proxy.startup"}},
	"readiness of a sidecar on run": {
		onRun(oneSidecar(func(s *app.Sidecar) { s.Readiness = &app.Probe{Path: "/"} })), []string{"probe at sidecars.proxy.readiness"},
	},
	"readiness of a sidecar on GKE": {onGKE(oneSidecar(func(s *app.Sidecar) { s.Readiness = &app.Probe{Path: "/"} })), nil},
	"tcp liveness of a sidecar on run": {
		onRun(oneSidecar(func(s *app.Sidecar) { s.Liveness = &app.Probe{TCP: true} })), []string{"probe at sidecars.proxy.liveness"},
	},
	"instance of nine CPUs": {
		onRun(process("web", func(p *app.Process) { p.CPU, p.Memory = "8", "4Gi" }), oneSidecar(beside("web"))), []string{"resources at processes.web.cpu"},
	},
	"instance of 17 GiB": {
		onRun(process("web", func(p *app.Process) { p.CPU, p.Memory = "2", "8Gi" }), oneSidecar(beside("web"), func(s *app.Sidecar) { s.Memory = "9Gi" })),
		[]string{"resources at processes.web.memory"},
	},
	"two halves are a CPU": {
		onRun(process("web", func(p *app.Process) { p.CPU = "500m"; p.Scale.Concurrency = 80 }), oneSidecar(beside("web"), func(s *app.Sidecar) { s.CPU = "500m" })), nil,
	},
	"less than a CPU together": {
		onRun(process("web", func(p *app.Process) { p.CPU = "500m"; p.Scale.Concurrency = 80 }), oneSidecar(beside("web"), func(s *app.Sidecar) { s.CPU = "100m" })),
		[]string{"resources at processes.web.scale.concurrency"},
	},
	"small worker and sidecar": {
		onRun(process("worker", func(p *app.Process) { p.CPU = "500m" }), oneSidecar(beside("worker"), func(s *app.Sidecar) { s.CPU = "100m" })),
		[]string{"resources at processes.worker.cpu"},
	},

	"small worker and small sidecar": {
		onRun(process("worker", func(p *app.Process) { p.Memory = "256Mi" }), oneSidecar(beside("worker"), func(s *app.Sidecar) { s.Memory = "128Mi" })),
		[]string{"resources at processes.worker.memory"},
	},
	"512 MiB of worker and sidecar": {
		onRun(process("worker", func(p *app.Process) { p.Memory = "256Mi" }), oneSidecar(beside("worker"), func(s *app.Sidecar) { s.Memory = "256Mi" })), nil,
	},
	"gen2 with its sidecar":        {onRun(gen2, webSize("500m", "256Mi"), oneSidecar(beside("web"), half)), nil},
	"CPU always, with its sidecar": {onRun(always, webSize("500m", "256Mi"), oneSidecar(beside("web"), half)), nil},
	"gen2 with a sidecar elsewhere": {
		onRun(gen2, webSize("500m", "256Mi"), oneSidecar(beside("worker"), half)), []string{"execution-environment at cloud_run.execution_environment"},
	},

	"check of a worker with a port": {
		onGKE(process("worker", func(p *app.Process) { p.Port, p.Readiness = 9090, &app.Probe{TCP: true} })), nil,
	},
	"readiness of a worker on run": {
		onRun(process("worker", func(p *app.Process) { p.Port, p.Readiness = 9090, &app.Probe{TCP: true} })), []string{"probe at processes.worker.readiness"},
	},
	"startup of a worker on run": {
		onRun(process("worker", func(p *app.Process) { p.Port, p.Startup = 9090, &app.Probe{TCP: true} })), nil,
	},
	"tcp liveness on run": {
		onRun(process("web", func(p *app.Process) { p.Liveness = &app.Probe{TCP: true} })), []string{"probe at processes.web.liveness"},
	},
	"grpc_service without grpc": {
		onGKE(process("web", func(p *app.Process) { p.Liveness = &app.Probe{TCP: true, GRPCService: "a"} })), []string{"probe at processes.web.liveness"},
	},

	"affinity on Spot":      {onGKE(affinity(app.Spot)), []string{"spot-session-affinity at gke.session_affinity"}},
	"affinity on demand":    {onGKE(affinity(app.OnDemand)), nil},
	"affinity on both":      {onGKE(affinity(app.Mixed)), nil},
	"no wait, whatever":     {onGKE(identityWait(app.IdentityWait{Off: true, Image: "x"})), nil},
	"wait with latest":      {onGKE(identityWait(app.IdentityWait{Image: "busybox:latest"})), []string{"identity-wait at gke.identity_wait.image"}},
	"wait for ten minutes":  {onGKE(identityWait(app.IdentityWait{Timeout: 10 * time.Minute})), []string{"identity-wait at gke.identity_wait.timeout"}},
	"annotation":            {onGKE(annotation("prometheus.io/scrape", "true")), nil},
	"annotation of NEGs":    {onGKE(annotation("cloud.google.com/neg", "{}")), nil},
	"annotation of ours":    {onGKE(annotation("twelvefactor.dev/app", "x")), []string{"annotations at annotations.twelvefactor.dev/app"}},
	"kubectl's annotation":  {onGKE(annotation("kubectl.kubernetes.io/restartedAt", "x")), []string{"annotations at annotations.kubectl.kubernetes.io/restartedAt"}},
	"annotation of v1":      {onRun(annotation("run.googleapis.com/cpu-throttling", "x")), []string{"annotations at annotations.run.googleapis.com/cpu-throttling"}},
	"annotation within v1":  {onRun(annotation("a.run.googleapis.com/b", "x")), []string{"annotations at annotations.a.run.googleapis.com/b"}},
	"annotation key":        {onRun(annotation("a b", "x")), []string{"annotations at annotations.a b"}},
	"annotations of 9 KiB":  {onRun(annotation("a", strings.Repeat("x", 9<<10))), []string{"annotations at annotations"}},
	"annotation not UTF-8":  {onGKE(annotation("a", "\xff")), []string{"annotations at annotations.a"}},
	"one worker on Spot":    {onGKE(func(a *app.App) { a.GKE.Capacity = app.Spot }), []string{"spot-single-replica at processes.worker.scale.min"}},
	"one worker, on demand": {onGKE(), nil},
}

func many(n int) map[string]app.Sidecar {
	all := map[string]app.Sidecar{}
	for i := range n {
		all["s"+string(rune('a'+i))] = proxy(func(s *app.Sidecar) { s.Port = 9100 + i })
	}
	return all
}

func TestSidecarsOf(t *testing.T) {
	t.Parallel()
	a := onGKE(sidecars(map[string]app.Sidecar{
		"a": proxy(after("c")), "b": proxy(beside("web")), "c": proxy(after("d")), "d": proxy(), "e": proxy(beside("worker")),
	}))
	for process, want := range map[string][]string{"web": {"d", "c", "a", "b"}, "worker": {"d", "c", "a", "e"}} {
		for range 20 {
			if got := a.SidecarsOf(process); !slices.Equal(got, want) {
				t.Fatalf("sidecars of %s start as %v, want %v", process, got, want)
			}
		}
	}
}

// A sidecar is part of the release, and its secrets are part of the Kubernetes Secret's name.
func TestSidecarsInHashes(t *testing.T) {
	t.Parallel()
	base := onGKE(oneSidecar())
	for what, changed := range map[string]app.App{
		"image":   onGKE(oneSidecar(func(s *app.Sidecar) { s.Image = "gcr.io/acme/proxy:2" })),
		"args":    onGKE(oneSidecar(func(s *app.Sidecar) { s.Args = []string{"a"} })),
		"config":  onGKE(oneSidecar(func(s *app.Sidecar) { s.Config = map[string]string{"A": "b"} })),
		"secrets": onGKE(oneSidecar(func(s *app.Sidecar) { s.Secrets = map[string]string{"A": "projects/acme-dev/secrets/s/versions/1"} })),
		"none":    onGKE(),
	} {
		if app.ReleaseID(base) == app.ReleaseID(changed) {
			t.Errorf("another %s is the same release", what)
		}
		if other := app.SecretsHash(base) != app.SecretsHash(changed); other != (what == "secrets") {
			t.Errorf("another %s: other secrets is %v", what, other)
		}
	}
	if app.ReleaseID(base) != app.ReleaseID(onGKE(oneSidecar(func(s *app.Sidecar) { s.CPU = "1" }))) {
		t.Error("another size is another release")
	}
}

// The keys of a Kubernetes Secret tell the app's SESSION_KEYS from a sidecar's.
func TestSecretUsesHaveTheirOwnKeys(t *testing.T) {
	t.Parallel()
	a := onGKE(oneSidecar(func(s *app.Sidecar) {
		s.Secrets = map[string]string{"SESSION_KEYS": "projects/acme-dev/secrets/s/versions/1"}
	}))
	var keys []string
	for _, use := range app.SecretUses(a) {
		keys = append(keys, use.Key+" at "+strings.Join(use.Path(), "."))
	}
	want := []string{"SESSION_KEYS at secrets.SESSION_KEYS", "proxy.SESSION_KEYS at sidecars.proxy.secrets.SESSION_KEYS"}
	if !slices.Equal(keys, want) {
		t.Errorf("keys are %q, want %q", keys, want)
	}
}
