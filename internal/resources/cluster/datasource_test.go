package cluster_test

import (
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	fwresource "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	clusters "github.com/twelvefactor/terraform-provider-twelvefactor/internal/resources/cluster"
)

const dataAddress = "data.twelvefactor_cluster.it"

func atData(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(dataAddress, tfjsonpath.New(attribute), value)
}

// stateOnly are the attributes of the resource that no cluster has.
var stateOnly = []string{"deletion_protection", "min_version", "timeouts", "upgrade_after", "upgrades"}

// The data source has every attribute of the resource, with the same type, and nobody can set one but those that
// find the cluster.
func TestDataSourceShowsWhatTheResourceShows(t *testing.T) {
	t.Parallel()
	var shown datasource.SchemaResponse
	clusters.NewDataSource().Schema(t.Context(), datasource.SchemaRequest{}, &shown)
	var of fwresource.SchemaResponse
	clusters.New().Schema(t.Context(), fwresource.SchemaRequest{}, &of)
	if diags := shown.Schema.ValidateImplementation(t.Context()); diags.HasError() {
		t.Fatal(diags)
	}
	types := shown.Schema.Type().(attr.TypeWithAttributeTypes).AttributeTypes()
	for name, attribute := range of.Schema.Attributes {
		got, ok := types[name]
		switch {
		case slices.Contains(stateOnly, name):
			if ok {
				t.Errorf("%s is of the state, not of the cluster", name)
			}
		case !ok:
			t.Errorf("the data source does not show %s", name)
		case !got.Equal(attribute.GetType()):
			t.Errorf("%s is %s, and %s in the resource", name, got, attribute.GetType())
		}
	}
	for name, attribute := range shown.Schema.Attributes {
		if _, ok := of.Schema.Attributes[name]; !ok {
			t.Errorf("%s is no attribute of the resource", name)
		}
		if settable := attribute.IsOptional(); settable != slices.Contains([]string{"id", "name", "project", "location"}, name) || !attribute.IsComputed() {
			t.Errorf("%s: optional %v, computed %v", name, settable, attribute.IsComputed())
		}
		for _, said := range []string{"Changing it", "A change", "Default: `"} {
			if text := attribute.GetMarkdownDescription(); strings.Contains(text, said) {
				t.Errorf("%s is described for those who set it: %s", name, text)
			}
		}
	}
}

// What the data source shows is what the resource shows, field by field.
func TestDataSourceOfAClusterOfOurs(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		declared := cluster(set("labels", `{ team = "shop" }`), pool("base", `machine_type = "e2-standard-2", min_nodes = 1, max_nodes = 3,
			labels = { tier = "web" }, taints = [{ key = "acme.example/batch", effect = "NoSchedule" }]`))
		data := "data \"twelvefactor_cluster\" \"it\" {\n  name = " + address + ".name\n  depends_on = [" + address + "]\n}\n"
		var checks []statecheck.StateCheck
		var of fwresource.SchemaResponse
		clusters.New().Schema(t.Context(), fwresource.SchemaRequest{}, &of)
		for name := range of.Schema.Attributes {
			if !slices.Contains(stateOnly, name) {
				checks = append(checks, statecheck.CompareValuePairs(address, tfjsonpath.New(name), dataAddress, tfjsonpath.New(name), compare.ValuesSame()))
			}
		}
		env.Test(t, resource.TestCase{Steps: []resource.TestStep{
			{Config: env.Config(declared, data), ConfigStateChecks: checks},
		}})
	})
}

// A cluster that somebody else made is shown with all of its pools and labels, to a caller who may only read.
func TestDataSourceOfAClusterMadeByHand(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	makeByHand(t, env, oldCluster())
	reader := env.As(t, acctest.WithAccessToken(acctest.ReadOnlyToken))
	reader.Test(t, resource.TestCase{
		CheckDestroy: func(*terraform.State) error { return nil }, // it is somebody else's
		Steps: []resource.TestStep{
			{
				Config: reader.Config(`data "twelvefactor_cluster" "it" { name = "dev" }`),
				ConfigStateChecks: []statecheck.StateCheck{
					atData("id", knownvalue.StringExact(clusterID)),
					atData("project", knownvalue.StringExact("acme-dev")),
					atData("location", knownvalue.StringExact("asia-northeast1")),
					atData("status", knownvalue.StringExact("ready")),
					atData("network", knownvalue.StringExact("web")),
					atData("labels", knownvalue.MapExact(map[string]knownvalue.Check{"owner": knownvalue.StringExact("ann")})),
					atData("workload_pool", knownvalue.Null()),
					atData("endpoint", knownvalue.NotNull()),
					atData("ca_certificate", knownvalue.NotNull()),
					statecheck.ExpectKnownValue(dataAddress, tfjsonpath.New("node_pools").AtMapKey("default-pool").AtMapKey("machine_type"),
						knownvalue.StringExact("e2-medium")),
				},
			},
			{
				PreConfig:         func() { setStatus(t, env, containerpb.Cluster_PROVISIONING) },
				Config:            reader.Config(`data "twelvefactor_cluster" "it" { name = "dev" }`), // it does not wait
				ConfigStateChecks: []statecheck.StateCheck{atData("status", knownvalue.StringExact("creating"))},
			},
			{
				PreConfig:   func() { setStatus(t, env, containerpb.Cluster_RUNNING) },
				Config:      reader.Config(`data "twelvefactor_cluster" "it" { name = "prod" }`),
				ExpectError: wrapped(`Project "acme-dev" has no cluster "prod" in "asia-northeast1"`),
			},
			{
				Config:      reader.Config(`data "twelvefactor_cluster" "it" {}`),
				ExpectError: wrapped("No attribute specified when one (and only one) of [id,name] is required"),
			},
			{
				Config:      reader.Config("data \"twelvefactor_cluster\" \"it\" {\n  id = \"" + clusterID + "\"\n  location = \"us-west2\"\n}"),
				ExpectError: wrapped(`Attribute "id" cannot be specified when "location" is specified`),
			},
			{
				Config:      reader.Config(`data "twelvefactor_cluster" "it" { id = "dev" }`),
				ExpectError: wrapped("is not the full name of a GKE cluster"),
			},
			{
				Config:            reader.Config(`data "twelvefactor_cluster" "it" { id = "` + clusterID + `" }`),
				ConfigStateChecks: []statecheck.StateCheck{atData("name", knownvalue.StringExact("dev"))},
			},
		},
	})
}
