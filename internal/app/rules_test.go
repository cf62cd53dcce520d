package app_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

// onGKE and onRun are apps that no rule finds anything in; a test row changes one thing.
func onGKE(changes ...func(*app.App)) app.App {
	a := app.App{
		Name: "shop", Image: "asia-docker.pkg.dev/acme/shop/web:1a2b3c4",
		GKE:     &app.GKE{Cluster: "projects/acme-dev/locations/asia-northeast1/clusters/dev", Namespace: "shop", Capacity: app.OnDemand},
		Config:  map[string]string{"LOG_LEVEL": "info"},
		Secrets: map[string]string{"SESSION_KEYS": "projects/acme-dev/secrets/shop-session-key/versions/3"},
		Processes: map[string]app.Process{
			"web":    {Port: 8080, Scale: app.Scale{Min: 2, Max: 10}, Readiness: &app.Probe{Path: "/healthz"}},
			"worker": {Command: []string{"/app", "worker"}, Scale: app.Scale{Min: 1, Max: 3}},
		},
	}
	return change(a, changes)
}

func onRun(changes ...func(*app.App)) app.App {
	a := onGKE()
	a.GKE, a.CloudRun = nil, &app.CloudRun{Project: "acme-dev", Location: "asia-northeast1", Public: true}
	a.Processes["web"] = app.Process{Scale: app.Scale{Max: 100, Concurrency: 80}}
	a.Processes["worker"] = app.Process{Command: []string{"/app", "worker"}, Scale: app.Scale{Min: 2, Max: 2}}
	return change(a, changes)
}

func change(a app.App, changes []func(*app.App)) app.App {
	for _, c := range changes {
		c(&a)
	}
	return a
}

func process(name string, f func(*app.Process)) func(*app.App) {
	return func(a *app.App) {
		p := a.Processes[name]
		f(&p)
		a.Processes[name] = p
	}
}

func config(name, value string) func(*app.App) {
	return func(a *app.App) { a.Config[name] = value }
}

const regionalVersion = "projects/acme-dev/locations/europe-west3/secrets/s/versions/1"

func secretRef(name, version string) func(*app.App) {
	return func(a *app.App) { a.Secrets[name] = version }
}

func label(key, value string) func(*app.App) {
	return func(a *app.App) { a.Labels = map[string]string{key: value} }
}

// ruleRow is an app with one change, and what the rules find in it, as "rule at path".
type ruleRow struct {
	app  app.App
	want []string
}

// allRows are those of every file.
func allRows() map[string]ruleRow {
	rows := maps.Clone(ruleRows)
	maps.Copy(rows, runRuleRows)
	return rows
}

// ruleRows: what one change makes the rules find, as "rule at path".
var ruleRows = map[string]ruleRow{
	"a valid app on GKE":       {onGKE(), nil},
	"a valid app on Cloud Run": {onRun(), nil},
	"upper case name":          {onGKE(func(a *app.App) { a.Name = "Shop" }), []string{"service-name at name"}},
	"no runtime":               {onGKE(func(a *app.App) { a.GKE = nil }), []string{"one-runtime at gke"}},
	"two runtimes":             {onGKE(func(a *app.App) { a.CloudRun = &app.CloudRun{} }), []string{"one-runtime at cloud_run"}},
	"image without tag":        {onGKE(func(a *app.App) { a.Image = "nginx" }), []string{"pinned-image at image"}},
	"image latest":             {onRun(func(a *app.App) { a.Image = "nginx:latest" }), []string{"pinned-image at image"}},
	"system namespace":         {onGKE(func(a *app.App) { a.GKE.Namespace = "kube-system" }), []string{"namespace at gke.namespace"}},
	"unknown capacity":         {onGKE(func(a *app.App) { a.GKE.Capacity = "preemptible" }), []string{"capacity at gke.capacity"}},

	"file with a relative path": {onGKE(func(a *app.App) { a.ConfigFiles = filesOf(map[string]string{"a": "x"}) }), []string{"file-path at config_files.a"}},
	"file in scratch":           {onGKE(func(a *app.App) { a.ConfigFiles = filesOf(map[string]string{"/tmp/a": "x"}) }), []string{"file-conflict at config_files./tmp/a", "file-conflict at config_files./tmp/a"}},
	"file in /etc":              {onRun(func(a *app.App) { a.ConfigFiles = filesOf(map[string]string{"/etc/a": "x"}) }), []string{"file-directory at config_files./etc/a"}},
	"file that is no text":      {onGKE(func(a *app.App) { a.ConfigFiles = filesOf(map[string]string{"/etc/a": "hunter2\xff"}) }), []string{"file-content at config_files./etc/a"}},
	"file with a password":      {onGKE(func(a *app.App) { a.ConfigFiles = filesOf(map[string]string{"/etc/a": "db://u:hunter2@h"}) }), []string{"secret-in-file at config_files./etc/a"}},

	"regional secret on run":   {onRun(secretRef("A", regionalVersion)), []string{"regional-secret at secrets.A"}},
	"regional secret on GKE":   {onGKE(secretRef("A", regionalVersion)), nil},
	"regional secret, latest":  {onGKE(secretRef("A", "projects/acme-dev/locations/eu/secrets/s/versions/latest")), []string{"secret-version at secrets.A"}},
	"reserved name":            {onGKE(config("PORT", "1")), []string{"env-name at config.PORT"}},
	"malformed name":           {onGKE(config("1A", "1")), []string{"env-name at config.1A"}},
	"config and secret":        {onGKE(config("SESSION_KEYS", "")), []string{"config-or-secret at config.SESSION_KEYS"}},
	"NUL in config":            {onGKE(config("A", "a\x00b")), []string{"config-value at config.A"}},
	"invalid UTF-8 in config":  {onGKE(config("A", "a\xffb")), []string{"config-value at config.A"}},
	"33 KiB on Cloud Run":      {onRun(config("A", strings.Repeat("x", 33<<10))), []string{"config-value at config.A"}},
	"33 KiB on GKE":            {onGKE(config("A", strings.Repeat("x", 33<<10))), nil},
	"large in the record only": {onGKE(config("A", strings.Repeat("\x01", 50<<10))), []string{"config-size at config"}},
	"latest secret": {
		onGKE(func(a *app.App) { a.Secrets["A"] = "projects/acme-dev/secrets/s/versions/latest" }), []string{"secret-version at secrets.A"},
	},
	"value as secret":   {onGKE(func(a *app.App) { a.Secrets["A"] = "hunter2" }), []string{"secret-version at secrets.A"}},
	"password in URL":   {onGKE(config("DATABASE_URL", "postgres://shop:hunter2@db/shop")), []string{"secret-in-config at config.DATABASE_URL"}},
	"URL, no password":  {onGKE(config("DATABASE_URL", "postgres://shop@db/shop")), nil},
	"secret by name":    {onGKE(config("STRIPE_API_KEY", "x")), []string{"secret-in-config at config.STRIPE_API_KEY"}},
	"name that goes on": {onGKE(config("TOKEN_TTL", "60s")), nil},

	"no process":         {onGKE(func(a *app.App) { a.Processes = nil }), []string{"process-declared at processes"}},
	"process name":       {onGKE(process("Web_1", func(*app.Process) {})), []string{"process-name at processes.Web_1"}},
	"empty program":      {onGKE(process("worker", func(p *app.Process) { p.Command = []string{""} })), []string{"process-command at processes.worker.command"}},
	"NUL in args":        {onGKE(process("worker", func(p *app.Process) { p.Args = []string{"", "a\x00"} })), []string{"process-command at processes.worker.args"}},
	"relative scratch":   {onGKE(process("web", func(p *app.Process) { p.Scratch = map[string]string{"tmp": "1Mi"} })), []string{"scratch at processes.web.scratch.tmp"}},
	"scratch over /proc": {onRun(process("web", func(p *app.Process) { p.Scratch = map[string]string{"/proc/x": "1Mi"} })), []string{"scratch at processes.web.scratch./proc/x"}},
	"scratch size":       {onGKE(process("web", func(p *app.Process) { p.Scratch = map[string]string{"/a": "64"} })), []string{"scratch at processes.web.scratch./a"}},
	"no web on run":      {onRun(func(a *app.App) { delete(a.Processes, "web") }), []string{"web-on-cloud-run at processes"}},
	"no web on GKE":      {onGKE(func(a *app.App) { delete(a.Processes, "web") }), nil},
	"port on a worker":   {onGKE(process("worker", func(p *app.Process) { p.Port = 9090 })), nil},
	"port too high":      {onGKE(process("web", func(p *app.Process) { p.Port = 65536 })), []string{"port at processes.web.port"}},

	"negative scale":        {onGKE(process("web", func(p *app.Process) { p.Scale.Min = -1 })), []string{"scale-bounds at processes.web.scale"}},
	"min above max":         {onRun(process("web", func(p *app.Process) { p.Scale.Min = 101 })), []string{"scale-bounds at processes.web.scale.max"}},
	"zero on GKE":           {onGKE(process("worker", func(p *app.Process) { p.Scale.Min, p.Scale.MinSet = 0, true })), []string{"scale-to-zero at processes.worker.scale.min"}},
	"worker range on run":   {onRun(process("worker", func(p *app.Process) { p.Scale.Max = 3 })), []string{"worker-scale at processes.worker.scale"}},
	"worker max on run":     {onRun(process("worker", func(p *app.Process) { p.Scale = app.Scale{Max: 3} })), nil},
	"concurrency on GKE":    {onGKE(process("web", func(p *app.Process) { p.Scale.Concurrency = 80 })), []string{"concurrency at processes.web.scale.concurrency"}},
	"concurrency of worker": {onRun(process("worker", func(p *app.Process) { p.Scale.Concurrency = 80 })), []string{"concurrency at processes.worker.scale.concurrency"}},
	"concurrency 1001":      {onRun(process("web", func(p *app.Process) { p.Scale.Concurrency = 1001 })), []string{"concurrency at processes.web.scale.concurrency"}},
	"cpu_percent on run":    {onRun(process("web", func(p *app.Process) { p.Scale.CPUPercent = 70 })), []string{"cpu-percent at processes.web.scale.cpu_percent"}},
	"cpu_percent 101":       {onGKE(process("web", func(p *app.Process) { p.Scale.CPUPercent = 101 })), []string{"cpu-percent at processes.web.scale.cpu_percent"}},

	"CPU quantity":          {onGKE(process("web", func(p *app.Process) { p.CPU = "one" })), []string{"resources at processes.web.cpu"}},
	"memory without unit":   {onGKE(process("web", func(p *app.Process) { p.Memory = "256" })), []string{"resources at processes.web.memory"}},
	"three CPUs on run":     {onRun(process("web", func(p *app.Process) { p.CPU = "3" })), []string{"resources at processes.web.cpu"}},
	"three CPUs on GKE":     {onGKE(process("web", func(p *app.Process) { p.CPU = "3" })), nil},
	"memory for CPU on run": {onRun(process("web", func(p *app.Process) { p.CPU = "4" })), []string{"resources at processes.web.memory"}},
	"small and concurrent":  {onRun(process("web", func(p *app.Process) { p.CPU = "500m" })), []string{"resources at processes.web.scale.concurrency"}},
	"small worker":          {onRun(process("worker", func(p *app.Process) { p.CPU = "500m" })), []string{"resources at processes.worker.cpu"}},

	"grace on run": {onRun(process("web", func(p *app.Process) { p.ShutdownGrace = 11 * time.Second })), []string{"shutdown-grace at processes.web.shutdown_grace"}},
	"grace on GKE": {onGKE(process("web", func(p *app.Process) { p.ShutdownGrace = time.Minute })), nil},
	"fraction of a second": {
		onGKE(process("web", func(p *app.Process) { p.ShutdownGrace = 1500 * time.Millisecond })), []string{"shutdown-grace at processes.web.shutdown_grace"},
	},
	"grace on Spot": {
		onGKE(func(a *app.App) { a.GKE.Capacity = app.Spot }, process("worker", func(p *app.Process) { p.ShutdownGrace = 26 * time.Second })),
		[]string{"spot-shutdown-grace at processes.worker.shutdown_grace", "spot-single-replica at processes.worker.scale.min"},
	},
	"one web on Spot": {
		onGKE(func(a *app.App) { a.GKE.Capacity = app.Spot }, process("web", func(p *app.Process) { p.Scale = app.Scale{} })),
		[]string{"spot-single-replica at processes.web.scale.min", "spot-single-replica at processes.worker.scale.min"},
	},
	"one web, and one worker and more, mixed": {
		onGKE(func(a *app.App) { a.GKE.Capacity = app.Mixed }, process("web", func(p *app.Process) { p.Scale = app.Scale{} }),
			process("worker", func(p *app.Process) { p.Scale = app.Scale{Max: 3} })),
		[]string{"spot-single-replica at processes.worker.scale.min"},
	},
	"probe of two kinds": {onRun(process("web", func(p *app.Process) { p.Readiness = &app.Probe{Path: "/", GRPC: true} })), []string{"probe at processes.web.readiness"}},
	"probe of no kind":   {onGKE(process("web", func(p *app.Process) { p.Liveness = &app.Probe{} })), []string{"probe at processes.web.liveness"}},
	"probe path":         {onGKE(process("web", func(p *app.Process) { p.Startup = &app.Probe{Path: "healthz"} })), []string{"probe at processes.web.startup"}},
	"probe of a worker":  {onGKE(process("worker", func(p *app.Process) { p.Liveness = &app.Probe{TCP: true} })), []string{"probe at processes.worker.liveness"}},
	"tcp readiness, run": {onRun(process("web", func(p *app.Process) { p.Readiness = &app.Probe{TCP: true} })), []string{"probe at processes.web.readiness"}},
	"tcp readiness, GKE": {onGKE(process("web", func(p *app.Process) { p.Readiness = &app.Probe{TCP: true} })), nil},
	"slow startup on run": {
		onRun(process("web", func(p *app.Process) { p.Startup = &app.Probe{TCP: true, FailureThreshold: 25} })), []string{"probe at processes.web.startup"},
	},
	"timeout above period": {
		onGKE(process("web", func(p *app.Process) { p.Liveness = &app.Probe{TCP: true, Timeout: time.Minute} })), []string{"probe at processes.web.liveness"},
	},

	"label of ours":       {onRun(label("twelvefactor-stack", "x")), []string{"labels at labels.twelvefactor-stack"}},
	"label in upper case": {onRun(label("Team", "web")), []string{"labels at labels.Team"}},
	"the same on GKE":     {onGKE(label("Team", "Web")), nil},
	"selector injection":  {onGKE(label("team", "a,b!=c")), []string{"labels at labels.team"}},
	"too many labels": {onGKE(func(a *app.App) {
		a.Labels = map[string]string{}
		for i := range 62 {
			a.Labels[fmt.Sprintf("l%d", i)] = ""
		}
	}), []string{"labels at labels"}},
	"unknown ingress": {onRun(func(a *app.App) { a.CloudRun.Ingress = "none" }), []string{"ingress at cloud_run.ingress"}},
	"allUsers":        {onRun(func(a *app.App) { a.CloudRun.Public, a.CloudRun.Invokers = false, []string{"allUsers"} }), []string{"invokers at cloud_run.invokers"}},
	"deleted member":  {onRun(func(a *app.App) { a.CloudRun.Public, a.CloudRun.Invokers = false, []string{"deleted:user:a@b.c"} }), []string{"invokers at cloud_run.invokers"}},
	"named invoker": {onRun(func(a *app.App) {
		a.CloudRun.Public, a.CloudRun.Invokers = false, []string{"serviceAccount:a@b.iam.gserviceaccount.com"}
	}), nil},
	"public and named": {onRun(func(a *app.App) { a.CloudRun.Invokers = []string{"group:a@b.c"} }), []string{"invokers at cloud_run.invokers"}},
}

func TestRules(t *testing.T) {
	t.Parallel()
	for name, row := range allRows() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, f := range app.Check(row.app) {
				got = append(got, f.Rule+" at "+strings.Join(f.Path, "."))
				checkPresentable(t, f)
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("found %q, want %q", got, row.want)
			}
		})
	}
}

// A diagnostic has a short summary without a period, a detail of whole sentences, and is safe to print.
func checkPresentable(t *testing.T, f app.Finding) {
	t.Helper()
	if len(f.Summary) > 80 || strings.HasSuffix(f.Summary, ".") || !strings.HasSuffix(f.Detail, ".") {
		t.Errorf("%s: summary %q, detail %q", f.Rule, f.Summary, f.Detail)
	}
	if len(f.Detail) > 1000 || !utf8.ValidString(f.Detail) || strings.ContainsFunc(f.Detail, func(r rune) bool { return r < ' ' }) {
		t.Errorf("%s: detail is not safe to print: %.300q", f.Rule, f.Detail)
	}
	if strings.Contains(f.Detail, "hunter2") {
		t.Errorf("%s: detail shows a value: %q", f.Rule, f.Detail)
	}
	if app.Factors[f.Factor] == "" {
		t.Errorf("%s: unknown factor %q", f.Rule, f.Factor)
	}
	if !slices.ContainsFunc(f.Uses, func(p []string) bool { return slices.Equal(p, f.Path) }) {
		t.Errorf("%s: uses %q without its own path %q", f.Rule, f.Uses, f.Path)
	}
}

func TestEveryRuleHasARowThatFailsIt(t *testing.T) {
	t.Parallel()
	failed := map[string]bool{}
	for _, row := range allRows() {
		for _, f := range app.Check(row.app) {
			failed[f.Rule] = true
		}
	}
	seen := map[string]bool{}
	for _, r := range app.Rules {
		if !failed[r.ID] {
			t.Errorf("no row fails rule %s", r.ID)
		}
		if seen[r.ID] || app.Factors[r.Factor] == "" || !strings.HasSuffix(r.Reason, ".") {
			t.Errorf("rule %s: twice, or factor %q unknown, or reason %q without period", r.ID, r.Factor, r.Reason)
		}
		seen[r.ID] = true
	}
}

func TestFindingsTellWhatTheyUsed(t *testing.T) {
	t.Parallel()
	a := onRun(process("worker", func(p *app.Process) { p.Scale.Max = 3 }))
	want := []string{"processes.worker.scale.min", "processes.worker.scale.max", "processes.worker.scale", "gke", "cloud_run"}
	for _, f := range app.Check(a) {
		var got []string
		for _, p := range f.Uses {
			got = append(got, strings.Join(p, "."))
		}
		if !slices.Equal(got, want) {
			t.Errorf("uses %q, want %q", got, want)
		}
	}
}

func TestCheckDoesNotChangeTheApp(t *testing.T) {
	t.Parallel()
	a := onGKE()
	before, _ := app.Encode(a)
	app.Check(a)
	if after, _ := app.Encode(a); string(after) != string(before) {
		t.Errorf("the app became %s, was %s", after, before)
	}
}
