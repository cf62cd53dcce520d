package cluster_test

import (
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// Every row is refused by a plan, before anything is called.
func TestClusterRefusesWrongInputAtPlanTime(t *testing.T) {
	t.Parallel()
	base := func(body string) change { return pool("base", body) }
	rows := []struct {
		wrong change
		want  string
	}{
		{set("name", `"Dev"`), `cluster name`},
		{set("name", `"a23456789012345678901234567890123456789012"`), `1 to 40 characters`},
		{set("project", `"123456789012"`), `project number`},
		{set("location", `"tokyo"`), `location`},
		{set("release_channel", `"REGULAR"`), `release_channel`},
		{set("network", `"projects/acme-dev/networks/default"`), `network`},
		{set("labels", `{ Team = "shop" }`), `Team`},
		{set("labels", `{ managed-by = "me" }`), `belongs to the provider`},
		{base(`machine_type = "e2-standard-2", min_nodes = 3, max_nodes = 2`), `min_nodes is above max_nodes`},
		{base(`machine_type = "e2-standard-2", max_nodes = 0`), `max_nodes`},
		{base(`machine_type = "e2 standard", max_nodes = 2`), `machine`},
		{base(`machine_type = "e2-standard-2", max_nodes = 2, capacity = "cheap"`), `on_demand`},
		{base(`machine_type = "e2-standard-2", max_nodes = 2, disk_gb = 5`), `disk_gb`},
		{base(`machine_type = "e2-standard-2", max_nodes = 2, labels = { "cloud.google.com/gke-spot" = "true" }`), `belongs to`},
		{base(`machine_type = "e2-standard-2", max_nodes = 2, labels = { team = "a b" }`), `node label value`},
		{base(`machine_type = "e2-standard-2", max_nodes = 2, taints = [{ key = "a", effect = "NO_SCHEDULE" }]`), `NoSchedule`},
		{base(`machine_type = "e2-standard-2", max_nodes = 2, service_account = "me@example.com"`), `service account`},
		{base(`max_nodes = 2`), `machine_type must be set in node pool "base"`},
		{base(`machine_type = "e2-standard-2"`), `max_nodes must be set in node pool "base"`},
		{base(`machine_type = "e2-standard-2", max_nodes = 2, taints = [{ effect = "NoSchedule" }]`), `key must be set in taint 1`},
		{base(`machine_type = "e2-standard-2", max_nodes = 2, taints = [{ key = "a" }]`), `effect must be set in taint 1`},
		{base(`machine_type = "e2-standard-2", max_nodes = 2, taints = [null]`), `null value`},
		{poolAs("base", "null"), `null value`},
		{pool("Batch", `machine_type = "e2-standard-2", max_nodes = 2`), `node pool name`},
		{func(d *declared) { d.pools = nil }, `at least 1`},
	}
	env := acctest.New(t)
	var steps []resource.TestStep
	for _, row := range rows {
		steps = append(steps, resource.TestStep{
			Config: env.Config(cluster(row.wrong)), PlanOnly: true, ExpectError: wrapped(row.want),
		})
	}
	env.Test(t, resource.TestCase{Steps: steps})
	if calls := len(env.Fake.Journal()); calls != 0 {
		t.Errorf("%d calls were made, want none", calls)
	}
}

// wrapped matches a text that the command may have broken into lines.
func wrapped(text string) *regexp.Regexp {
	return regexp.MustCompile(regexp.MustCompile(` +`).ReplaceAllString(regexp.QuoteMeta(text), `\s+(?:[│|]\s*)?`))
}

func TestClusterDeletionProtection(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	protected := env.Config(cluster(set("deletion_protection", "true")))
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: protected},
		{Config: protected, Destroy: true, ExpectError: wrapped(`Cluster "dev" is protected`)},
		{
			Config:      env.Config(cluster(set("deletion_protection", "true"), set("network", `"other"`))),
			ExpectError: wrapped(`Cluster "dev" is protected`),
		},
		{Config: env.Config(cluster(set("deletion_protection", "false")))},
	}})
}
