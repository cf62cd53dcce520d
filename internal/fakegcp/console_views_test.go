package fakegcp_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// shows fails unless the page has every part.
func (c *cloud) shows(path string, parts ...string) string {
	c.t.Helper()
	code, body := c.curl(http.MethodGet, path, "")
	if code != http.StatusOK {
		c.t.Errorf("%s: status %d", path, code)
	}
	for _, part := range parts {
		if !strings.Contains(body, part) {
			c.t.Errorf("%s does not show %q", path, part)
		}
	}
	return body
}

// rowOf is the text of the table row that begins with a link of the name.
func rowOf(body, name string) string {
	for _, row := range strings.Split(body, "<tr>") {
		row, _, _ = strings.Cut(row, "</tr>")
		if strings.Contains(row, ">"+name+"</a> <small>") {
			return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(row, " ")), " ")
		}
	}
	return ""
}

func TestConsoleSaysWhetherWhatIsGivenMayBeRead(t *testing.T) {
	c := start(t)
	c.secret("shop-key", "one", "two")
	runner := c.account("api-runner").GetEmail()
	m := service(container(fromSecret("KEY", "shop-key", "latest")))
	m.Template.ServiceAccount = runner
	_, err := c.create(m)
	must(t, err)
	c.Advance(time.Minute)
	body := c.shows("/console/", `class="wire refused"`)
	if row := rowOf(body, "api"); !strings.Contains(row, "KEY shop-key version latest, now 2 "+runner+" no Permission denied on secret") {
		t.Errorf("without a grant the row is %q", row)
	}
	c.SetPropagationDelay(time.Hour)
	c.grantSecret("shop-key", "roles/secretmanager.secretAccessor", "serviceAccount:"+runner)
	body = c.shows("/console/", `class="wire pending"`, "policies take 1h0m0s")
	if row := rowOf(body, "api"); !strings.HasSuffix(row, "not yet") {
		t.Errorf("with a pending grant the row is %q", row)
	}
	c.Advance(2 * time.Hour)
	body = c.shows("/console/")
	if row := rowOf(body, "api"); !strings.HasSuffix(row, " yes") || strings.Contains(body, `class="wire refused"`) {
		t.Errorf("with a grant the row is %q", row)
	}
}

func TestConsoleShowsAccessByTheProject(t *testing.T) {
	c := start(t)
	c.secret("shop-key", "one")
	must(t, c.UpdatePolicy(project, func(p *iampb.Policy) {
		p.Bindings = []*iampb.Binding{
			{Role: "roles/secretmanager.admin", Members: []string{"group:ops@example.com"}},
			{Role: "roles/secretmanager.viewer", Members: []string{"user:looks@example.com"}},
		}
	}))
	body := c.shows("/console/secrets", "group:ops@example.com", "roles/secretmanager.admin", "by the project")
	if strings.Contains(body, "looks@example.com") {
		t.Error("who may only look at the secret is said to read it")
	}
}

func TestConsoleShowsAccessToRegionalSecretsByTheProject(t *testing.T) {
	c := start(t)
	_, err := c.createSecret(location, "shop-key", &secretmanagerpb.Secret{})
	must(t, err)
	must(t, c.UpdatePolicy(project, func(p *iampb.Policy) {
		p.Bindings = []*iampb.Binding{{Role: "roles/secretmanager.admin", Members: []string{"group:ops@example.com"}}}
	}))
	c.shows("/console/secrets", "group:ops@example.com", "by the project")
}

func TestConsoleNamesSettingsInForce(t *testing.T) {
	c := start(t)
	if strings.Contains(c.shows("/console/"), `class="notices"`) {
		t.Error("a new fake has settings in force")
	}
	c.SetAPIEnabled("run.googleapis.com", false)
	c.Deny("run.services.get", "user:a@example.com")
	must(t, c.SetSpeed(60))
	must(t, c.SetLatency(fakegcp.Latency{Method: "GetSecret", Duration: 250 * time.Millisecond}))
	must(t, c.SetOperation(fakegcp.OperationRule{Kind: "CREATE_CLUSTER", Hold: true}))
	c.shows("/console/", "API disabled: run.googleapis.com", "denied: run.services.get to user:a@example.com", "clock runs ×60",
		"answered 250ms late: GetSecret", "operations ruled: CREATE_CLUSTER")
	c.Advance(48 * time.Hour)
	c.shows("/console/", "clock 48h0m0s ahead")
}

func TestConsoleFiltersEveryKind(t *testing.T) {
	g := wired(t)
	body := g.shows("/console/run?filter=mail", ">mail<")
	for _, other := range []string{">api<", ">admin<", ">migrate<"} {
		if strings.Contains(body, other) {
			t.Errorf("the filter mail leaves %s", other)
		}
	}
	if body = g.shows("/console/run?filter=migrate", ">migrate<"); strings.Contains(body, ">mail<") {
		t.Error("the filter migrate leaves the worker pool")
	}
}

func TestConsoleShowsAnObjectWithItsPolicyAndWhatIsBelow(t *testing.T) {
	g := wired(t)
	path := "/console/object?" + url.Values{"name": {project + "/secrets/shop-session-key"}}.Encode() // by the project's id
	g.shows(path, numbered+"/secrets/shop-session-key/versions/2</a>", "google.cloud.secretmanager.v1.Secret<", "IAM policy", "serviceAccount:api-runner@")
}

func TestConsoleBoundsThePicture(t *testing.T) {
	c := start(t)
	for i := range 45 {
		c.secret(fmt.Sprintf("secret-%02d", i))
	}
	body := c.shows("/console/", "5 more are not drawn")
	if n := strings.Count(body, `class="box c2"`); n != 40 {
		t.Errorf("%d secrets are drawn, want 40", n)
	}
}

func TestConsoleCutsLongNamesInThePicture(t *testing.T) {
	c := start(t)
	name := strings.Repeat("n", 60)
	c.secret(name)
	c.shows("/console/", ">"+name[:35]+"…<", "secrets/"+name+"</title>")
}

// BenchmarkConsole measures the pages beside 2,000 services and 4,000 secrets with a grant each.
func BenchmarkConsole(b *testing.B) {
	c := newLargeCloud(b)
	c.fill(b)
	for i := range largeSecrets {
		err := c.UpdatePolicy(fmt.Sprintf("%s/secrets/secret-%04d", project, i), func(p *iampb.Policy) {
			p.Bindings = []*iampb.Binding{{Role: "roles/secretmanager.secretAccessor", Members: []string{fmt.Sprintf("user:u%d@example.com", i)}}}
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for _, page := range []string{"", "clusters", "run", "secrets", "identities", "operations", "journal"} {
		b.Run("page="+page, func(b *testing.B) {
			for b.Loop() {
				r, err := http.Get("http://" + c.Addr() + "/console/" + page)
				if err != nil {
					b.Fatal(err)
				}
				_ = r.Body.Close()
				if r.StatusCode != http.StatusOK {
					b.Fatal(r.Status)
				}
			}
		})
	}
}
