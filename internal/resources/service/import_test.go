package service_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// wordings are services that differ in one thing, or in how it is written.
func wordings() map[string][]change {
	const shared = `{ port = 9090, cpu = "1000m", memory = "1Gi", scale = { min = 1, max = 3 }, readiness = { path = "/healthz", period = "60s" } }`
	return map[string][]change{
		"least":               nil,
		"empty maps":          {set("config", "{}"), set("labels", "{}"), set("secrets", "{}")},
		"config and labels":   {set("config", `{ LEVEL = "info", EMPTY = "" }`), set("labels", `{ team = "web" }`)},
		"secrets":             {withKey},
		"default label again": {set("labels", `{ owner = "platform" }`)},
		"defaults said":       {process("web", `{ port = 8080, scale = {} }`)},
		"web in full":         {process("web", shared)},
		"other durations":     {process("web", `{ readiness = { path = "/", period = "1m0s" }, liveness = { path = "/", period = "30000ms" } }`)},
		"commands":            {process("web", `{ command = ["/app"], args = [] }`)},
		"worker":              {process("worker", `{ command = ["/app", "worker"], scale = { min = 1, max = 1 } }`)},
		"scratch":             {process("web", `{ scratch = { "/var/cache" = "32Mi" } }`)},
		"project said":        {set("project", `"acme-dev"`)},
		"timeouts":            {set("timeouts", `{ create = "7m" }`)},
	}
}

// An import of what this provider made plans no change, however it was written. Timeouts are known to the configuration
// only: they come into the state with the next apply, which changes nothing else.
func TestImportOfOwnServicesPlansNothing(t *testing.T) {
	t.Parallel()
	for runtime, world := range map[string]func(*testing.T) (*acctest.Env, func(...change) string, string){
		"Cloud Run": func(t *testing.T) (*acctest.Env, func(...change) string, string) {
			t.Helper()
			return acctest.New(t), func(changes ...change) string { return onRun(changes...) }, runID
		},
		"GKE": func(t *testing.T) (*acctest.Env, func(...change) string, string) {
			t.Helper()
			env, cluster := acctest.SharedCluster(t)
			id := fmt.Sprintf("%s/namespaces/%s/services/%s", cluster, env.Name("web"), env.Name("shop"))
			return env, func(changes ...change) string { return onGKE(env, cluster, changes...) }, id
		},
	} {
		t.Run(runtime, func(t *testing.T) {
			t.Parallel()
			env, block, id := world(t)
			cli := env.CLI(t)
			t.Cleanup(func() { cli.MustRun(t, "destroy", "-auto-approve") })
			provider := env.Provider(`default_labels = { owner = "platform" }`)
			for name, changes := range wordings() {
				config := provider + sessionKey(env, "1") + block(changes...)
				cli.Write(t, "main.tf", config)
				cli.MustRun(t, "apply", "-auto-approve")
				cli.MustRun(t, "state", "rm", address)
				cli.MustRun(t, "import", address, id)
				said := flat(cli.MustRun(t, "plan", "-no-color").Stdout)
				if name == "timeouts" {
					if !strings.Contains(said, "0 to add, 1 to change, 0 to destroy") && !strings.Contains(said, "No changes") {
						t.Errorf("%s: %s", name, said)
					}
					continue
				}
				if !strings.Contains(said, "No changes") {
					t.Errorf("%s: the plan after an import is\n%s", name, said)
				}
			}
		})
	}
}
