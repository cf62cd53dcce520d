package fakegcp_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// consoleCanary is the value of the secrets: no page may show it.
const consoleCanary = "canary-3f1c9a77d2"

// wired fills a fake with an application as an apply would wire it, with something of everything that the console shows.
func wired(t *testing.T) *gke {
	t.Helper()
	g := startGKE(t)
	g.create()
	for _, id := range []string{"shop-session-key", "payments-api-key"} {
		g.secret(id, consoleCanary+"-1", consoleCanary+"-2")
	}
	_, err := g.secrets.DisableSecretVersion(g.ctx(), &secretmanagerpb.DisableSecretVersionRequest{Name: project + "/secrets/shop-session-key/versions/1"})
	must(t, err)
	_, err = g.secrets.UpdateSecret(g.ctx(), &secretmanagerpb.UpdateSecretRequest{
		Secret: &secretmanagerpb.Secret{
			Name: project + "/secrets/shop-session-key", Labels: map[string]string{"app": "shop"}, VersionAliases: map[string]int64{"current": 2},
		},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"labels", "version_aliases"}},
	})
	must(t, err)
	runner := "serviceAccount:" + g.account("api-runner").GetEmail()
	_, err = g.accounts.DeleteServiceAccount(g.ctx(), &adminpb.DeleteServiceAccountRequest{Name: g.account("old-runner").GetName()})
	must(t, err)
	g.grantSecret("shop-session-key", "roles/secretmanager.secretAccessor", runner)
	g.wireRun(strings.TrimPrefix(runner, "serviceAccount:"))
	g.SetPropagationDelay(time.Hour)
	g.grantSecret("payments-api-key", "roles/secretmanager.secretAccessor", "principal://iam.googleapis.com/"+numbered+
		"/locations/global/workloadIdentityPools/acme-dev.svc.id.goog/subject/ns/shop/sa/web")
	must(t, g.SetStockout("asia-northeast1-a", true))
	must(t, g.Inject(fakegcp.Fault{Method: "AddSecretVersion", Occurrence: 3}))
	g.Deny("run.jobs.delete", "")
	return g
}

// wireRun makes a service with two revisions, a failed one, a worker pool and a job.
func (g *gke) wireRun(account string) {
	g.t.Helper()
	m := service(container(fromSecret("SESSION_KEYS", "shop-session-key", "2")))
	m.Template.ServiceAccount = account
	_, err := g.cloud.create(m)
	must(g.t, err)
	g.Advance(time.Minute)
	m.Name, m.Template.Containers[0].Image = api, image+"-next"
	_, err = g.services.UpdateService(g.ctx(), &runpb.UpdateServiceRequest{Service: m})
	must(g.t, err)
	g.Advance(time.Minute)
	stable := lastOf(g.get().GetLatestReadyRevision())
	m.Template.Containers[0].Image = image + "-canary"
	m.Traffic = []*runpb.TrafficTarget{toRevision(stable, 75, ""), {
		Type: runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST, Percent: 25, Tag: "canary",
	}}
	_, err = g.services.UpdateService(g.ctx(), &runpb.UpdateServiceRequest{Service: m})
	must(g.t, err)
	_, err = g.services.SetIamPolicy(g.ctx(), &iampb.SetIamPolicyRequest{
		Resource: api, Policy: &iampb.Policy{Bindings: []*iampb.Binding{{Role: "roles/run.invoker", Members: []string{"allUsers"}}}},
	})
	must(g.t, err)
	must(g.t, g.SetImage("shop:broken", fakegcp.ImageCrashes))
	_, err = g.services.CreateService(g.ctx(), &runpb.CreateServiceRequest{Parent: location, ServiceId: "admin", Service: service(&runpb.Container{Image: "shop:broken"})})
	must(g.t, err)
	_, err = g.pools.CreateWorkerPool(g.ctx(), &runpb.CreateWorkerPoolRequest{Parent: location, WorkerPoolId: "mail", WorkerPool: &runpb.WorkerPool{
		Template: &runpb.WorkerPoolRevisionTemplate{
			Containers: []*runpb.Container{container(fromSecret("PAYMENTS_API_KEY", "payments-api-key", "latest"))}, ServiceAccount: account,
		},
	}})
	must(g.t, err)
	jobs := runpb.NewJobsClient(g.conn)
	_, err = jobs.CreateJob(g.ctx(), &runpb.CreateJobRequest{Parent: location, JobId: "migrate", Job: &runpb.Job{
		Template: &runpb.ExecutionTemplate{Template: &runpb.TaskTemplate{Containers: []*runpb.Container{{Image: image}}}},
	}})
	must(g.t, err)
	g.Advance(time.Minute)
	_, err = jobs.RunJob(g.ctx(), &runpb.RunJobRequest{Name: location + "/jobs/migrate"})
	must(g.t, err)
	g.Advance(time.Hour)
}

func lastOf(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// consolePaths are all pages, one of an object of each kind, and one that is not there.
func consolePaths() []string {
	paths := []string{"/console/", "/console/clusters", "/console/run", "/console/secrets", "/console/identities", "/console/operations",
		"/console/journal", "/console/journal?errors=1&changes=1", "/console/secrets?filter=shop"}
	for _, name := range []string{devCluster, api, numbered + "/secrets/shop-session-key", numbered + "/secrets/shop-session-key/versions/2"} {
		paths = append(paths, "/console/object?"+url.Values{"name": {name}}.Encode())
	}
	return paths
}

func TestConsoleShowsWhatIsWired(t *testing.T) {
	g := wired(t)
	for path, want := range map[string][]string{
		"/console/":           {"<svg", ">shop-session-key<", ">shop / web<", `class="wire pending"`, `class="wire"`, `class="wire refused"`, "given shop-session-key:2", "no machines in asia-northeast1-a", "fault: error", "denied: run.jobs.delete"},
		"/console/clusters":   {">dev<", ">running<", "<td>Spot</td>", "e2-standard-2", "asia-northeast1-b 1", "kubeconfig?cluster=projects%2facme-dev%2flocations%2fasia-northeast1%2fclusters%2fdev"},
		"/console/run":        {">api<", ">public<", "75 %", "25 %", ">canary<", image + "-next", ">admin<", "failed to start and listen", ">mail<", ">migrate<", "1/1"},
		"/console/secrets":    {">shop-session-key<", ">disabled<", ">enabled<", ">current<", "app=shop", "api-runner@acme-dev"},
		"/console/identities": {"api-runner@acme-dev", "deleted, can come back", "roles/secretmanager.secretAccessor", "not yet", "allUsers"},
		"/console/operations": {"CREATE_CLUSTER", ">done<", ">failed<"},
		"/console/journal":    {"SecretManagerService/AddSecretVersion", "developer@example.com"},
	} {
		code, body := g.curl(http.MethodGet, path, "")
		if code != http.StatusOK {
			t.Errorf("%s: status %d", path, code)
		}
		for _, part := range want {
			if !strings.Contains(body, part) {
				t.Errorf("%s does not show %q", path, part)
			}
		}
	}
}

func TestConsoleNeverShowsAValue(t *testing.T) {
	g := wired(t)
	for _, path := range consolePaths() {
		code, body := g.curl(http.MethodGet, path, "")
		if code != http.StatusOK || strings.Contains(body, consoleCanary) {
			t.Errorf("%s: status %d, shows the value: %v", path, code, strings.Contains(body, consoleCanary))
		}
	}
}

// TestConsoleRendersNamesAsText: labels and descriptions are whatever a client sent.
func TestConsoleRendersNamesAsText(t *testing.T) {
	c := start(t)
	const script = `<script>alert(1)</script>`
	_, err := c.accounts.CreateServiceAccount(c.ctx(), &adminpb.CreateServiceAccountRequest{
		Name: project, AccountId: "shop-runner", ServiceAccount: &adminpb.ServiceAccount{DisplayName: script},
	})
	must(t, err)
	for _, path := range []string{"/console/identities", "/console/object?name=" + url.QueryEscape(script), "/console/journal?filter=" + url.QueryEscape(`"><script>alert(1)</script>`)} {
		if _, body := c.curl(http.MethodGet, path, ""); strings.Contains(body, script) || !strings.Contains(body, "&lt;script&gt;") {
			t.Errorf("%s has the script as it was sent:\n%s", path, body)
		}
	}
}

func TestConsoleOnlyShows(t *testing.T) {
	c := start(t)
	for _, q := range []struct {
		verb, path, host string
		code             int
	}{
		{"GET", "/console/", "", 200},
		{"GET", "/console/none", "", 404},
		{"GET", "/console/object?name=none", "", 404},
		{"GET", "/console/console.css", "", 200},
		{"GET", "/console/none.css", "", 404},
		{"POST", "/console/", "", 405},
		{"GET", "/console/", "fake.example.com", 403},
	} {
		r, err := http.NewRequestWithContext(c.ctx(), q.verb, "http://"+c.Addr()+q.path, nil)
		must(t, err)
		if q.host != "" {
			r.Host = q.host
		}
		answer, err := http.DefaultClient.Do(r)
		must(t, err)
		_ = answer.Body.Close()
		policy := answer.Header.Get("Content-Security-Policy")
		if answer.StatusCode != q.code || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s %s as %q: %s with policy %q, want %d", q.verb, q.path, q.host, answer.Status, policy, q.code)
		}
	}
}

func TestBrowsersFindTheConsole(t *testing.T) {
	c := start(t)
	r, err := http.NewRequestWithContext(c.ctx(), http.MethodGet, "http://"+c.Addr()+"/", nil)
	must(t, err)
	r.Header.Set("Accept", "text/html,*/*")
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.Request.URL.Path != "/console/" {
		t.Errorf("a browser ends at %s with %s", answer.Request.URL, answer.Status)
	}
	if code, _ := c.curl(http.MethodGet, "/", ""); code != http.StatusNotFound {
		t.Errorf("a client of APIs gets %d, want 404", code)
	}
}

func TestConsoleBoundsWhatItShows(t *testing.T) {
	c := start(t)
	for i := range 210 {
		c.secret(fmt.Sprintf("secret-%03d", i))
	}
	_, body := c.curl(http.MethodGet, "/console/secrets", "")
	if strings.Count(body, `<section class="card">`) != 200 || !strings.Contains(body, "200 of 210 secrets") {
		t.Errorf("%d secrets are shown, want 200 of 210", strings.Count(body, `<section class="card">`))
	}
	if _, body = c.curl(http.MethodGet, "/console/secrets?filter=secret-209", ""); strings.Count(body, `<section class="card">`) != 1 {
		t.Error("the filter does not find the last one")
	}
}

// TestConsoleInChromium looks at the pages as a browser renders them: make test-console.
func TestConsoleInChromium(t *testing.T) {
	chromium, check := os.Getenv("TWELVEFACTOR_CHROMIUM"), os.Getenv("TWELVEFACTOR_CONSOLE_CHECK")
	if chromium == "" || check == "" {
		t.Skip("make test-console runs it: TWELVEFACTOR_CHROMIUM and TWELVEFACTOR_CONSOLE_CHECK name Chromium and tools/console")
	}
	out := os.Getenv("TWELVEFACTOR_CONSOLE_OUT")
	if out == "" {
		out = filepath.Join(t.TempDir(), "console")
	}
	g := wired(t)
	staging := declared()
	staging.Name = "staging"
	_, err := g.manager.CreateCluster(g.ctx(), &containerpb.CreateClusterRequest{Parent: location, Cluster: staging})
	must(t, err)
	arguments := append([]string{"--chromium", chromium, "--base", "http://" + g.Addr(), "--out", out, "--never", consoleCanary, "--call", "/v1/" + project + "/secrets"}, consolePaths()...)
	report, err := exec.CommandContext(t.Context(), check, arguments...).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, report)
	}
	t.Logf("%s", report)
}
