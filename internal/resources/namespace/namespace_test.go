package namespace_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// full has every attribute.
func full() attributes {
	return attributes{
		"labels": `{ team = "web" }`, "annotations": `{ "acme.example/owner" = "web@acme.example" }`, "pod_security": `"baseline"`,
		"network": `{ ingress_from = ["gateway:8080", "130.211.0.0/22"], egress_to = ["10.20.0.0/16:5432", "cart", "2001:db8::/32:443"] }`,
		"quota":   `{ "requests.cpu" = "10", "limits.memory" = "20Gi", pods = "50", "count/jobs.batch" = "5" }`,
		"limits": `{ default_request = { cpu = "0.1" }, default_limit = { memory = "1024Mi" }, min = { memory = "8Mi" },
			max = { memory = "4Gi" } }`,
		"force_destroy": "true",
	}
}

// After every step the testing library itself looks for empty plans, without and with a refresh.
func TestNamespace(t *testing.T) {
	t.Parallel()
	acctest.Core(t, func(t *testing.T, own *acctest.Env) {
		env, cluster := acctest.SharedCluster(t, acctest.WithBinary(own.Binary))
		id := idOf(env, cluster)
		config := func(a attributes) string { return env.Config(block(env, cluster, a)) }
		env.Test(t, resource.TestCase{
			Steps: []resource.TestStep{
				{
					Config: config(nil),
					ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
						plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
						plancheck.ExpectKnownValue(address, tfjsonpath.New("id"), knownvalue.StringExact(id)),
					}},
					ConfigStateChecks: append(ready(),
						at("pod_security", knownvalue.StringExact("restricted")), at("default_deny", knownvalue.Bool(true)),
						at("objects", knownvalue.ListExact([]knownvalue.Check{
							knownvalue.StringExact(id), knownvalue.StringExact(id + "/NetworkPolicy/twelvefactor"),
						})),
					),
				},
				imported(id),
				updated(config(full())),
				imported(id),
				importBlock(resource.ImportBlockWithID),
				updated(config(attributes{"network": "{}", "labels": "{}", "quota": "{}", "limits": "{ min = {} }"})),
				imported(id),
				importBlock(resource.ImportBlockWithID),
				updated(config(attributes{"default_deny": "false"})),
				imported(id),
			},
			CheckDestroy: gone(t, env, cluster),
		})
	})
}

// Terraform before 1.12 has no identities.
func TestImportByIdentity(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	env.Test(t, resource.TestCase{
		Steps: []resource.TestStep{
			{Config: env.Config(block(env, cluster, full())), ConfigStateChecks: ready()},
			importBlock(resource.ImportBlockWithResourceIdentity),
		},
		CheckDestroy: gone(t, env, cluster),
	})
}
