package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

func TestParseImage(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("0a", 32)
	good := map[string]app.Image{
		"nginx:1.27":                   {Registry: "docker.io", Repository: "library/nginx", Tag: "1.27"},
		"acme/web:1":                   {Registry: "docker.io", Repository: "acme/web", Tag: "1"},
		"localhost:5000/web:1":         {Registry: "localhost:5000", Repository: "web", Tag: "1"},
		"gcr.io/acme/a__b.c-d:v1":      {Registry: "gcr.io", Repository: "acme/a__b.c-d", Tag: "v1"},
		"gcr.io/acme/web@" + digest:    {Registry: "gcr.io", Repository: "acme/web", Digest: digest},
		"gcr.io/acme/web:1@" + digest:  {Registry: "gcr.io", Repository: "acme/web", Tag: "1", Digest: digest},
		"gcr.io/web:latest@" + digest:  {Registry: "gcr.io", Repository: "web", Tag: "latest", Digest: digest},
		"us-docker.pkg.dev/a/b/c/d:1a": {Registry: "us-docker.pkg.dev", Repository: "a/b/c/d", Tag: "1a"},
	}
	for ref, want := range good {
		got, err := app.ParseImage(ref)
		if err != nil || got != want {
			t.Errorf("ParseImage(%q) = %+v, %v", ref, got, err)
		}
		if again, err := app.ParseImage(got.String()); err != nil || again != got {
			t.Errorf("%q does not parse to the same image: %+v, %v", got, again, err)
		}
	}
	for _, ref := range []string{
		"", "nginx", "nginx:latest", "nginx:", "nginx@", "Nginx:1", "gcr.io/acme/web:1:2", "gcr.io//web:1", "/web:1", "gcr.io/web@sha256:12",
		"https://gcr.io/web:1", "gcr.io/web:1 ", "gcr.io/../web:1", "gcr.io/web:" + strings.Repeat("t", 129), "gcr.io/" + strings.Repeat("a", 10<<20),
		"gcr.io/web:1\n", "gcr.io/web:1@" + strings.ToUpper(digest), "gcr.io/w\u202eb:1", "localhost:5000/web",
	} {
		if _, err := app.ParseImage(ref); err == nil {
			t.Errorf("%.60q was parsed", ref)
		} else if len(err.Error()) > 600 {
			t.Errorf("the error about %.60q has %d bytes", ref, len(err.Error()))
		}
	}
}

func TestEnvNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"A", "_", "log_level", "PATH", "LD_PRELOAD", "K_SERVICES", "PORTS", strings.Repeat("A", 253)} {
		if err := app.CheckEnvName(name); err != nil {
			t.Errorf("%q refused: %v", name, err)
		}
	}
	for _, name := range []string{
		"", "1A", "A-B", "A.B", "A=B", "A B", "Ä", "A\x00", "PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION", "CLOUD_RUN_JOB",
		"X_GOOGLE_A", "KUBERNETES_SERVICE_HOST", strings.Repeat("A", 254),
	} {
		if app.CheckEnvName(name) == nil {
			t.Errorf("%q accepted", name)
		}
	}
}

func TestParseSecretVersion(t *testing.T) {
	t.Parallel()
	for ref, want := range map[string]app.SecretVersion{
		"projects/123456789012/secrets/shop_key/versions/12":                   {Project: "123456789012", Secret: "shop_key", Version: "12"},
		"projects/acme-dev/locations/europe-west3/secrets/shop-key/versions/1": {Project: "acme-dev", Location: "europe-west3", Secret: "shop-key", Version: "1"},
		"projects/acme-dev/locations/eu/secrets/shop-key/versions/1":           {Project: "acme-dev", Location: "eu", Secret: "shop-key", Version: "1"},
	} {
		if got, err := app.ParseSecretVersion(ref); got != want || err != nil {
			t.Errorf("%s: %+v, %v", ref, got, err)
		}
	}
	for _, ref := range []string{
		"", "hunter2", "projects/acme-dev/secrets/s", "projects/acme-dev/secrets/s/versions/latest", "projects/acme-dev/secrets/s/versions/0",
		"projects/acme-dev/secrets/s/versions/1/x", "projects/acme-dev/secrets/../versions/1", "//secretmanager.googleapis.com/projects/acme-dev/secrets/s/versions/1",
		"projects/acme-dev/locations/europe-west3-a/secrets/s/versions/1", "projects/acme-dev/locations/global/secrets/s/versions/1",
		"projects/acme-dev/locations//secrets/s/versions/1", "projects/acme-dev/locations/evil.example.com/secrets/s/versions/1",
		"projects/acme-dev/locations/europe-west3/secrets/s/versions/latest", "projects/acme-dev/locations/europe-west3/secrets/s",
	} {
		err := app.CheckSecretVersion(ref)
		if err == nil {
			t.Errorf("%q accepted", ref)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows what may be a value: %v", err)
		}
	}
}

func TestQuantities(t *testing.T) {
	t.Parallel()
	for quantity, want := range map[string]int{"250m": 250, "1": 1000, "0.5": 500, "1.25": 1250, "": 0, "0": 0, "0m": 0, "1.5m": 0, "-1": 0, "1e3": 0, "1 ": 0} {
		if got, err := app.ParseCPU(quantity); got != want || (err == nil) != (want > 0) {
			t.Errorf("ParseCPU(%q) = %d, %v", quantity, got, err)
		}
	}
	for quantity, want := range map[string]int64{"256Mi": 256 << 20, "1Gi": 1 << 30, "512M": 512e6, "256": 0, "256m": 0, "1Ki": 0, "": 0, "1.5Gi": 0} {
		if got, err := app.ParseMemory(quantity); got != want || (err == nil) != (want > 0) {
			t.Errorf("ParseMemory(%q) = %d, %v", quantity, got, err)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	ready := func(threshold int, p app.Probe) *app.Probe {
		p.Period, p.Timeout, p.FailureThreshold = 10*time.Second, time.Second, threshold
		return &p
	}
	tmp := map[string]string{"/tmp": "64Mi"}
	tests := map[string]struct {
		app  app.App
		want map[string]app.Process
	}{
		"GKE": {
			app.App{Name: "shop", GKE: &app.GKE{}, Processes: map[string]app.Process{"web": {}, "worker": {Scale: app.Scale{Max: 3}}}},
			map[string]app.Process{
				"web": {
					Port: 8080, CPU: "250m", Memory: "256Mi", Scale: app.Scale{Min: 1, Max: 1}, Readiness: ready(3, app.Probe{TCP: true}),
					ShutdownGrace: 25 * time.Second, Scratch: tmp,
				},
				"worker": {CPU: "250m", Memory: "256Mi", Scale: app.Scale{Min: 1, Max: 3, CPUPercent: 80}, ShutdownGrace: 25 * time.Second, Scratch: tmp},
			},
		},
		"Spot": {
			app.App{Name: "shop", GKE: &app.GKE{Capacity: app.Spot}, Processes: map[string]app.Process{"worker": {Scratch: map[string]string{"/tmp": "1Gi", "/a": "1Mi"}}}},
			map[string]app.Process{"worker": {
				CPU: "250m", Memory: "256Mi", Scale: app.Scale{Min: 1, Max: 1}, ShutdownGrace: 15 * time.Second, Scratch: map[string]string{"/tmp": "1Gi", "/a": "1Mi"},
			}},
		},
		"Cloud Run": {
			app.App{Name: "api", CloudRun: &app.CloudRun{}, Processes: map[string]app.Process{
				"web": {Readiness: &app.Probe{Path: "/ready"}}, "worker": {Scale: app.Scale{Max: 3}}, "mail": {},
			}},
			map[string]app.Process{
				"web": {
					Port: 8080, CPU: "1", Memory: "512Mi", Scale: app.Scale{Max: 100, Concurrency: 80}, ShutdownGrace: 10 * time.Second,
					Startup: ready(24, app.Probe{Path: "/ready"}), Readiness: ready(3, app.Probe{Path: "/ready"}),
				},
				"worker": {CPU: "1", Memory: "512Mi", Scale: app.Scale{Min: 3, Max: 3}, ShutdownGrace: 10 * time.Second},
				"mail":   {CPU: "1", Memory: "512Mi", Scale: app.Scale{Min: 1, Max: 1}, ShutdownGrace: 10 * time.Second},
			},
		},
		"small on Cloud Run": {
			app.App{Name: "api", CloudRun: &app.CloudRun{}, Processes: map[string]app.Process{"web": {CPU: "0.5", Scale: app.Scale{Min: 200}}}},
			map[string]app.Process{"web": {
				Port: 8080, CPU: "0.5", Memory: "512Mi", Scale: app.Scale{Min: 200, Max: 200, Concurrency: 1}, ShutdownGrace: 10 * time.Second,
			}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := app.WithDefaults(test.app)
			if diff := cmp.Diff(test.want, got.Processes); diff != "" {
				t.Errorf("(-want, +got)\n%s", diff)
			}
			if diff := cmp.Diff(got, app.WithDefaults(got)); diff != "" {
				t.Errorf("applied twice it changes more (-once, +twice)\n%s", diff)
			}
		})
	}
	if g := app.WithDefaults(tests["GKE"].app).GKE; g.Namespace != "shop" || g.Capacity != app.OnDemand {
		t.Errorf("GKE %+v", g)
	}
}

func TestEncodingIsCanonicalAndRoundTrips(t *testing.T) {
	t.Parallel()
	a := app.WithDefaults(onGKE(config("URL", "https://a/?b=<c>&d"), config("RTL", "a\u202eb")))
	first, err := app.Encode(a)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if again, _ := app.Encode(app.WithDefaults(onGKE(config("RTL", "a\u202eb"), config("URL", "https://a/?b=<c>&d")))); string(again) != string(first) {
			t.Fatalf("the same app encodes to\n%s and\n%s", first, again)
		}
	}
	back, err := app.Decode(first)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, back); diff != "" {
		t.Errorf("(-want, +got)\n%s", diff)
	}
	for _, bad := range []string{"", "null x", `{"name":1}`, strings.Repeat(" ", 257<<10)} {
		if _, err := app.Decode([]byte(bad)); err == nil {
			t.Errorf("%.20q was decoded", bad)
		}
	}
}

func TestReleaseID(t *testing.T) {
	t.Parallel()
	base := app.ReleaseID(onGKE())
	if len(base) != 12 {
		t.Errorf("release id %q, want 12 characters", base)
	}
	same := map[string]app.App{
		"scale":   onGKE(process("web", func(p *app.Process) { p.Scale.Max = 99 })),
		"labels":  onGKE(label("team", "web")),
		"runtime": onGKE(func(a *app.App) { a.GKE.Capacity = app.Spot }),
	}
	for what, a := range same {
		if app.ReleaseID(a) != base {
			t.Errorf("another %s is another release", what)
		}
	}
	other := map[string]app.App{
		"image":   onGKE(func(a *app.App) { a.Image += "x" }),
		"config":  onGKE(config("A", "")),
		"secret":  onGKE(func(a *app.App) { a.Secrets["SESSION_KEYS"] = "projects/acme-dev/secrets/shop-session-key/versions/4" }),
		"command": onGKE(process("worker", func(p *app.Process) { p.Command = []string{"/app", "mail"} })),
		"args":    onGKE(process("worker", func(p *app.Process) { p.Args = []string{"-v"} })),
		"process": onGKE(process("mail", func(*app.Process) {})),
	}
	for what, a := range other {
		if app.ReleaseID(a) == base {
			t.Errorf("another %s is the same release", what)
		}
	}
}
