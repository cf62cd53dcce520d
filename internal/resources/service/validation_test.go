package service_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// Every row is refused by a plan, before anything is called. What each rule says at which attribute is tested with the
// rules and with checkApp.
func TestServiceRefusesWrongInputAtPlanTime(t *testing.T) {
	t.Parallel()
	gke := func(setting string) change {
		return func(d *declared) {
			d.arguments["cloud_run"] = ""
			d.arguments["gke"] = `{ cluster = "projects/acme-dev/locations/asia-northeast1/clusters/dev", ` + setting + ` }`
		}
	}
	rows := []struct {
		wrong change
		want  string
	}{
		{set("cloud_run", ""), `Neither gke nor cloud_run is set`},
		{set("gke", `{ cluster = "projects/acme-dev/locations/asia-northeast1/clusters/dev" }`), `Both gke and cloud_run are set`},
		{set("name", `"Shop"`), `service name`},
		{set("image", `"asia-docker.pkg.dev/acme/shop/web"`), `neither tag nor digest`},
		{set("image", `"asia-docker.pkg.dev/acme/shop/web:latest"`), `latest`},
		{set("config", `{ PORT = "80" }`), `set processes.web.port instead`},
		{set("config", `{ K_SERVICE = "shop" }`), `is reserved`},
		{set("config", `{ "1ST" = "x" }`), `is not valid`},
		{set("config", `{ A = null }`), `null`},
		{set("secrets", `{ A = "payments-api-key" }`), `secret version`},
		{set("secrets", `{ A = "projects/acme-dev/secrets/a/versions/latest" }`), `is pinned`},
		{set("secrets", `{ A = "projects/acme-dev/locations/asia-northeast1/secrets/a/versions/1" }`), `Cloud Run cannot use a regional secret`},
		{set("project", `"123456789012"`), `project number`},
		{set("identity", `"shop"`), `is not the full name`},
		{set("cloud_run", `{ location = "asia-northeast1-b" }`), `is a zone`},
		{set("cloud_run", `{ ingress = "" }`), `must be one of all`},
		{set("cloud_run", `{ invokers = [null] }`), `null value`},
		{gke(`namespace = ""`), `must be a Kubernetes namespace`},
		{gke(`capacity = ""`), `must be one of on_demand`},
		{process("worker", `{ scale = { min = 1, max = 3 } }`), `worker pool has a fixed number`},
		{process("web", `{ port = 0 }`), `at least 1`},
		{process("web", `{ shutdown_grace = "soon" }`), `such as "10s": "soon" is not a duration`},
		{set("cloud_run", `{ request_timeout = "60" }`), `such as "300s": "60" is not a duration; if seconds are meant, write "60s"`},
		{process("web", `null`), `null`},
	}
	env := acctest.New(t)
	var steps []resource.TestStep
	for _, row := range rows {
		steps = append(steps, resource.TestStep{Config: env.Config(onRun(row.wrong)), PlanOnly: true, ExpectError: wrapped(row.want)})
	}
	env.Test(t, resource.TestCase{Steps: steps})
	if calls := len(env.Fake.Journal()); calls != 0 {
		t.Errorf("%d calls were made, want none", calls)
	}
}
