package service_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// A service may be on both runtimes for a moment, so that a change of the runtime need not take it down.
func TestServiceMovesCreatedBeforeDestroyed(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	createdFirst := func(block string) string {
		return strings.Replace(block, "{\n", "{\n  lifecycle {\n    create_before_destroy = true\n  }\n", 1)
	}
	key := sessionKey(env, "1")
	files := set("config_files", `{ "/etc/shop/conf/features.toml" = "checkout = true" }`)
	web := process("web", `{ readiness = { path = "/healthz" } }`) // both runtimes ask for a path
	gke := env.Config(key, createdFirst(onGKE(env, cluster, withKey, files, web)))
	run := env.Config(key, createdFirst(onGKE(env, cluster, withKey, files, web, set("gke", ""), set("cloud_run", `{ location = "asia-northeast1" }`))))
	moved := func(config string) resource.TestStep {
		return resource.TestStep{
			Config:            config,
			ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionCreateBeforeDestroy),
			ConfigStateChecks: ready(),
		}
	}
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: gke, ConfigStateChecks: ready()}, moved(run), moved(gke),
	}})
}
