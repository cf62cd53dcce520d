package service_test

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// A key of any map can be added, renamed and removed, with everything else unchanged.
func TestKeysOfEveryMapComeAndGo(t *testing.T) {
	t.Parallel()
	for name, with := range map[string]func(entries string) change{
		"config":    func(entries string) change { return set("config", `{ A = "1", `+entries+` }`) },
		"secrets":   func(entries string) change { return set("secrets", `{ `+entries+` }`) },
		"labels":    func(entries string) change { return set("labels", `{ a = "1", `+entries+` }`) },
		"scratch":   func(entries string) change { return process("web", `{ scratch = { "/tmp" = "1Mi", `+entries+` } }`) },
		"processes": func(entries string) change { return process("web", `{}, `+entries) },
	} {
		entry := map[string]func(key string) string{
			"config":    func(key string) string { return fmt.Sprintf("K%s = %q", key, "2") },
			"secrets":   func(key string) string { return fmt.Sprintf("K%s = twelvefactor_session_key.shop.version_id", key) },
			"labels":    func(key string) string { return fmt.Sprintf("k%s = %q", key, "2") },
			"scratch":   func(key string) string { return fmt.Sprintf("%q = %q", "/k"+key, "2Mi") },
			"processes": func(key string) string { return fmt.Sprintf("k%s = { scale = { min = 1 } }", key) },
		}[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := acctest.New(t)
			config := func(entries string) string { return env.Config(sessionKey(env, "1"), onRun(with(entries))) }
			env.Test(t, resource.TestCase{Steps: []resource.TestStep{
				{Config: config(""), ConfigStateChecks: ready()},
				updated(config(entry("1"))),
				updated(config(entry("1") + ", " + entry("2"))),
				updated(config(entry("3") + ", " + entry("2"))),
				updated(config("")),
			}})
		})
	}
}
