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
		{base(`machine_type = "e2-standard-2", max_nodes = 2, max_nodes_per_zone = 1`), `Keep min_nodes and max_nodes`},
		{base(`machine_type = "e2-standard-2", min_nodes_per_zone = 1`), `max_nodes_per_zone must be set`},
		{base(`machine_type = "e2-standard-2", min_nodes_per_zone = 3, max_nodes_per_zone = 2`), `min_nodes_per_zone is above max_nodes_per_zone`},
		{base(`machine_type = "e2-standard-2", max_nodes = 2, zones = ["europe-west1-b"]`), `outside of the cluster's region`},
		{base(`machine_type = "e2-standard-2", max_nodes = 2, zones = ["asia-northeast1"]`), `asia-northeast1-b`},
		{base(`machine_type = "e2-standard-2", max_nodes = 2, disk_type = "ssd"`), `pd-balanced`},
		{base(`machine_type = "e2-standard-2", max_nodes = 2, tags = ["Web"]`), `network tag`},
		{base(`machine_type = "e2-standard-2", max_nodes = 2, metadata = { kube-env = "x" }`), `belongs to GKE`},
		{base(`machine_type = "e2-standard-2", max_nodes = 2, max_pods_per_node = 7`), `max_pods_per_node`},
		{base(`machine_type = "e2-standard-2", max_nodes = 2, upgrade = { max_surge = 0 }`), `No way to replace a node`},
		{base(`machine_type = "e2-standard-2", max_nodes = 2, upgrade = { max_surge = 1, blue_green = { batch_nodes = 1 } }`), `Two ways to replace nodes`},
		{base(`machine_type = "e2-standard-2", max_nodes = 2, upgrade = { blue_green = {} }`), `One size of a batch`},
		{base(`machine_type = "e2-standard-2", max_nodes = 2, upgrade = { blue_green = { batch_nodes = 1, soak = "8d" } }`), `168h`},
		{set("pods_range", `"10.4.0.0/33"`), `secondary range`},
		{set("authorized_networks", `{ "203.0.113.7/24" = "office" }`), `write "203.0.113.0/24"`},
		{set("authorized_networks", `{ "office" = "203.0.113.0/24" }`), `address block`},
		{set("min_version", `"v1.33"`), `1.33.5-gke.1162000`},
		{set("logging", `["SYSTEM_COMPONENTS"]`), `system_components`},
		{set("binary_authorization", `"on"`), `enforce`},
		{set("security_posture", `"high"`), `basic`},
		{set("fleet_project", `"Fleet"`), `project id`},
		{set("maintenance", `{ daily_start = "3:00" }`), `03:00`},
		{set("maintenance", `{ daily_start = "03:00", window = { start = "2026-01-03T18:00:00Z", end = "2026-01-04T18:00:00Z", recurrence = "FREQ=DAILY" } }`), `Two maintenance windows`},
		{set("maintenance", `{ window = { start = "2026-01-03T18:00:00Z", end = "2026-01-04T18:00:00Z" } }`), `recurrence must be set`},
		{set("maintenance", `{ window = { start = "2026-01-03 18:00", end = "2026-01-04T18:00:00Z", recurrence = "FREQ=DAILY" } }`), `in UTC`},
		{set("maintenance", `{ exclusions = { a = { start = "2026-01-03T18:00:00Z" } } }`), `has no end`},
		{set("maintenance", `{ exclusions = { a = { start = "2026-01-03T18:00:00Z", end = "2026-01-03T18:00:00Z" } } }`), `end is not after start`},
		{set("maintenance", `{ exclusions = { twelvefactor-x = { start = "2026-01-03T18:00:00Z", end = "2026-01-04T18:00:00Z" } } }`), `belongs to the provider`},
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
