package service_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	fwresource "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	services "github.com/twelvefactor/terraform-provider-twelvefactor/internal/resources/service"
)

const dataAddress = "data.twelvefactor_service.it"

// stateOnly are the attributes of the resource that no service has.
var stateOnly = []string{"timeouts"}

func schemaOfResource(t *testing.T) fwresource.SchemaResponse {
	t.Helper()
	var of fwresource.SchemaResponse
	services.New().Schema(t.Context(), fwresource.SchemaRequest{}, &of)
	return of
}

// The data source has every attribute of the resource, with the same type, and nobody can set one but those that find the
// service.
func TestDataSourceShowsWhatTheResourceShows(t *testing.T) {
	t.Parallel()
	var shown datasource.SchemaResponse
	services.NewDataSource().Schema(t.Context(), datasource.SchemaRequest{}, &shown)
	of := schemaOfResource(t)
	if diags := shown.Schema.ValidateImplementation(t.Context()); diags.HasError() {
		t.Fatal(diags)
	}
	types := shown.Schema.Type().(attr.TypeWithAttributeTypes).AttributeTypes()
	for name, attribute := range of.Schema.Attributes {
		got, ok := types[name]
		switch {
		case slices.Contains(stateOnly, name):
			if ok {
				t.Errorf("%s is of the state, not of the service", name)
			}
		case !ok:
			t.Errorf("the data source does not show %s", name)
		case !got.Equal(attribute.GetType()):
			t.Errorf("%s is %s, and %s in the resource", name, got, attribute.GetType())
		}
	}
	arguments := []string{"id", "name", "project", "gke", "cloud_run"}
	for name, attribute := range shown.Schema.Attributes {
		if _, ok := of.Schema.Attributes[name]; !ok {
			t.Errorf("%s is no attribute of the resource", name)
		}
		if attribute.IsOptional() != slices.Contains(arguments, name) || !attribute.IsComputed() {
			t.Errorf("%s: optional %v, computed %v", name, attribute.IsOptional(), attribute.IsComputed())
		}
		for _, said := range []string{"A change makes", "Default: none", "Default: `false`"} {
			if text := attribute.GetMarkdownDescription(); strings.Contains(text, said) {
				t.Errorf("%s is described for those who set it: %s", name, text)
			}
		}
	}
}

// sameAsResource compares every attribute of the data source with the resource's.
func sameAsResource(t *testing.T) []statecheck.StateCheck {
	t.Helper()
	var checks []statecheck.StateCheck
	for name := range schemaOfResource(t).Schema.Attributes {
		if !slices.Contains(stateOnly, name) {
			checks = append(checks, statecheck.CompareValuePairs(address, tfjsonpath.New(name), dataAddress, tfjsonpath.New(name), compare.ValuesSame()))
		}
	}
	return checks
}

func data(lines ...string) string {
	return "data \"twelvefactor_service\" \"it\" {\n  " + strings.Join(lines, "\n  ") + "\n}\n"
}

// Whatever is declared, the data source shows what the resource shows, field by field, found by id and by name.
func TestDataSourceOfAServiceOnCloudRun(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, env *acctest.Env) {
		const after = "depends_on = [twelvefactor_service.shop]"
		declared := onRun(withKey, set("config", `{ LOG_LEVEL = "info" }`), set("labels", `{ team = "web" }`),
			set("cloud_run", `{ location = "asia-northeast1", ingress = "internal" }`),
			process("web", `{ cpu = "1", scale = { min = 0, max = 3 }, startup = { path = "/healthz", period = "1m", failure_threshold = 3 } }`),
			process("worker", `{ command = ["/app", "work"] }`))
		env.Test(t, resource.TestCase{Steps: []resource.TestStep{
			{Config: env.Config(sessionKey(env, "1"), declared, data("id = twelvefactor_service.shop.id", after)), ConfigStateChecks: sameAsResource(t)},
			{
				Config: env.Config(sessionKey(env, "1"), onRun(withKey), data("name = twelvefactor_service.shop.name",
					`cloud_run = {}`, after)),
				ConfigStateChecks: sameAsResource(t),
			},
		}})
	})
}

// The id is known after the apply only: the data source waits for it.
func TestDataSourceOfAServiceOnGKE(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	declared := onGKE(env, cluster, withKey, set("config", "{}"), process("worker", `{ scratch = { "/var/cache" = "32Mi" } }`))
	place := fmt.Sprintf("gke = { cluster = %q, namespace = %q }", cluster, env.Name("web"))
	env.Test(t, resource.TestCase{
		Steps: []resource.TestStep{
			{
				Config: env.Config(sessionKey(env, "1"), declared, data("id = twelvefactor_service.shop.id", "depends_on = [twelvefactor_service.shop]")),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(dataAddress, plancheck.ResourceActionRead),
				}},
				ConfigStateChecks: sameAsResource(t),
			},
			{Config: env.Config(sessionKey(env, "1"), declared, data(fmt.Sprintf("name = %q", env.Name("shop")), place)), ConfigStateChecks: sameAsResource(t)},
			{
				Config:      env.Config(sessionKey(env, "1"), declared, data(`name = "nobody"`, place)),
				ExpectError: wrapped("The service was not found"),
			},
			{
				Config:      env.Config(sessionKey(env, "1"), declared, data(`name = "nobody"`, fmt.Sprintf("gke = { cluster = %q }", cluster+"-not"))),
				ExpectError: wrapped("The service was not found"),
			},
			{Config: env.Config(sessionKey(env, "1"), declared)},
		},
		CheckDestroy: nothingLeft(t, env, cluster),
	})
}

func TestDataSourceOfWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	refused := func(message string, lines ...string) resource.TestStep {
		return resource.TestStep{Config: env.Config(data(lines...)), ExpectError: wrapped(message)}
	}
	env.Test(t, resource.TestCase{
		CheckDestroy: func(*terraform.State) error { return nil }, // the service by hand is somebody else's
		Steps: []resource.TestStep{
			refused("The service was not found", `name = "shop"`, "cloud_run = {}"),
			refused("Missing place", `name = "shop"`),
			refused("Missing cluster", `name = "shop"`, "gke = {}"),
			refused("No attribute specified when one (and only one) of [id,name] is required", "cloud_run = {}"),
			refused("cannot be specified when", `name = "shop"`, "cloud_run = {}", `gke = { cluster = "projects/acme-dev/locations/asia-northeast1/clusters/dev" }`),
			refused("cannot be specified when", `id = "`+runID+`"`, "cloud_run = {}"),
			refused("is not the full name of", `id = "shop"`),
			{
				PreConfig: func() { makeServiceByHand(t, env) }, Config: env.Config(data(`id = "` + runID + `"`)),
				ExpectError: wrapped("The service was not made by this provider"),
			},
		},
	})
}

// makeServiceByHand takes the record away from a service, which is then as one that another tool made.
func makeServiceByHand(t *testing.T, env *acctest.Env) {
	t.Helper()
	cli := env.CLI(t)
	cli.Write(t, "main.tf", env.Config(onRun()))
	cli.MustRun(t, "apply", "-auto-approve")
	if err := env.Fake.UpdateRunService(runID, func(s *runpb.Service) { s.Annotations = nil }); err != nil {
		t.Fatal(err)
	}
}
