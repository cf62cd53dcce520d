package service_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// After every step the testing library itself looks for empty plans, without and with a refresh.
func TestServiceOnGKE(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	id := fmt.Sprintf("%s/namespaces/%s/services/%s", cluster, env.Name("web"), env.Name("shop"))
	spot := set("gke", fmt.Sprintf(`{ cluster = %q, namespace = %q, capacity = "spot" }`, cluster, env.Name("web")))
	config := set("config", `{ LOG_LEVEL = "debug", REGION = "tokyo" }`)
	scaled := process("web", `{ scale = { min = 3, max = 5, cpu_percent = 60 }, readiness = { path = "/healthz" } }`)
	worker := process("worker", `{ command = ["/app", "worker"], scale = { min = 1, max = 3 }, scratch = { "/var/cache" = "32Mi" } }`)
	key := sessionKey(env, "1")
	gke := func(changes ...change) string {
		return env.Config(key, onGKE(env, cluster, append([]change{spot}, changes...)...))
	}
	env.Test(t, resource.TestCase{
		Steps: []resource.TestStep{
			{
				Config: gke(withKey, set("config", `{ LOG_LEVEL = "info" }`), set("labels", `{ team = "web" }`),
					process("web", `{ port = 8080, scale = { min = 2, max = 10 }, readiness = { path = "/healthz" } }`)),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
					plancheck.ExpectKnownValue(address, tfjsonpath.New("id"), knownvalue.StringExact(id)),
					plancheck.ExpectKnownValue(address, tfjsonpath.New("project"), knownvalue.StringExact("acme-dev")),
				}},
				ConfigStateChecks: append(ready(),
					at("url", knownvalue.StringExact(fmt.Sprintf("http://%s.%s.svc.cluster.local", env.Name("shop"), env.Name("web")))),
					at("effective_labels", knownvalue.MapExact(map[string]knownvalue.Check{"team": knownvalue.StringExact("web")})),
				),
				PostApplyFunc: func() {
					checkSpot(t, env, cluster)
					checkRestricted(t, env, cluster)
				},
			},
			imported(id),
			updated(gke(withKey, config)),
			updated(gke(withKey, config, set("image", `"`+nextImage+`"`))),
			updated(gke(withKey, config, scaled)),
			updated(gke(withKey, config, scaled, worker)),
			imported(id),
			updated(gke(config, process("web", `{ scale = { min = 1 } }`), process("jobs", `{}`))),
			updated(gke(process("web", ""), process("jobs", `{}`), set("config", "{}"), set("labels", "null"))),
			imported(id),
		},
		CheckDestroy: nothingLeft(t, env, cluster),
	})
}

// nothingLeft is the check that a destroy took everything, the namespace included.
func nothingLeft(t *testing.T, env *acctest.Env, cluster string) func(*terraform.State) error {
	return func(*terraform.State) error {
		if namespaceExists(t, env, cluster) {
			return fmt.Errorf("namespace %s is left with %v", env.Name("web"), deployments(t, env, cluster))
		}
		return env.CheckNothingLeft()
	}
}

func TestTwoServicesInOneNamespace(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	shop := onGKE(env, cluster)
	cart := onGKE(env, cluster, labelled("cart"), set("name", fmt.Sprintf("%q", env.Name("cart"))))
	one := func(blocks, left string) resource.TestStep {
		return resource.TestStep{
			Config: env.Config(blocks),
			PostApplyFunc: func() {
				if got := deployments(t, env, cluster); !slices.Equal(got, []string{env.Name(left) + "-web"}) && len(got) != 1 {
					t.Errorf("deployments are %v, want that of %s", got, left)
				}
				waitAvailable(t, env, cluster)
			},
		}
	}
	both := resource.TestStep{
		Config: env.Config(shop, cart),
		PostApplyFunc: func() {
			if got := deployments(t, env, cluster); len(got) != 2 {
				t.Errorf("deployments are %v", got)
			}
		},
	}
	env.Test(t, resource.TestCase{
		Steps:        []resource.TestStep{both, one(cart, "cart"), both, one(shop, "shop"), both},
		CheckDestroy: nothingLeft(t, env, cluster),
	})
}

func TestRotationRollsTheServiceOnGKE(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	var before string
	env.Test(t, resource.TestCase{
		Steps: []resource.TestStep{
			{
				Config:        env.Config(sessionKey(env, "1"), onGKE(env, cluster, withKey)),
				PostApplyFunc: func() { before = secretOfPods(t, env, cluster) },
			},
			{
				Config: env.Config(sessionKey(env, "2"), onGKE(env, cluster, withKey)),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
					plancheck.ExpectUnknownValue(address, tfjsonpath.New("release_id")),
				}},
				ConfigStateChecks: ready(),
				PostApplyFunc: func() {
					if after := secretOfPods(t, env, cluster); after == "" || after == before {
						t.Errorf("pods read %q, before the rotation %q", after, before)
					}
				},
			},
		},
		CheckDestroy: nothingLeft(t, env, cluster),
	})
}

func TestDriftOnGKEIsShownAndRepaired(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	config := env.Config(sessionKey(env, "1"), onGKE(env, cluster, withKey, set("config", `{ A = "1" }`),
		process("web", `{ scale = { min = 2, max = 3 } }`), process("worker", `{}`)))
	steps := []resource.TestStep{{Config: config, ConfigStateChecks: ready()}}
	for _, drift := range driftsOnGKE(t, env, cluster) {
		steps = append(steps,
			resource.TestStep{
				PreConfig: drift.change, RefreshState: true, ExpectNonEmptyPlan: true,
				RefreshPlanChecks: resource.RefreshPlanChecks{PostRefresh: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
				}},
				Check: checkDrift(drift.shown),
			},
			updated(config))
	}
	env.Test(t, resource.TestCase{Steps: steps, CheckDestroy: nothingLeft(t, env, cluster)})
}

// checkDrift looks for a text in any line of drift.
func checkDrift(text string) resource.TestCheckFunc {
	return func(s *terraform.State) error {
		attributes := s.RootModule().Resources[address].Primary.Attributes
		for key, value := range attributes {
			if strings.HasPrefix(key, "drift.") && strings.Contains(value, text) {
				return nil
			}
		}
		return fmt.Errorf("drift does not show %q: %v", text, attributes)
	}
}

// The namespace with all that was in it is gone: the next plan makes the service anew.
func TestServiceOnGKEThatIsGoneIsMadeAnew(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	config := env.Config(onGKE(env, cluster))
	env.Test(t, resource.TestCase{
		Steps: []resource.TestStep{
			{Config: config, ConfigStateChecks: ready()},
			{
				PreConfig: func() { deleteNamespace(t, env, cluster) }, Config: config,
				ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionCreate),
				ConfigStateChecks: ready(),
			},
		},
		CheckDestroy: nothingLeft(t, env, cluster),
	})
}

func TestServiceMovesBetweenRuntimes(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	replaced := func(config string) resource.TestStep {
		return resource.TestStep{
			Config: env.Config(config), ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionReplace), ConfigStateChecks: ready(),
		}
	}
	env.Test(t, resource.TestCase{
		Steps: []resource.TestStep{
			{Config: env.Config(onGKE(env, cluster)), ConfigStateChecks: ready()},
			replaced(onRun(set("name", fmt.Sprintf("%q", env.Name("shop"))))),
			replaced(onGKE(env, cluster)),
		},
		CheckDestroy: nothingLeft(t, env, cluster),
	})
}

func TestServiceWithAnIdentityOnGKE(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	identity := fmt.Sprintf("resource \"twelvefactor_workload_identity\" \"shop\" {\n  name = %q\n  cluster = %q\n  namespace = %q\n}\n",
		env.Name("publisher"), cluster, env.Name("web"))
	id := fmt.Sprintf("%s/namespaces/%s/services/%s", cluster, env.Name("web"), env.Name("shop"))
	env.Test(t, resource.TestCase{
		Steps: []resource.TestStep{
			{
				Config: env.Config(identity, sessionKey(env, "1"),
					onGKE(env, cluster, withKey, set("identity", "twelvefactor_workload_identity.shop.id"))),
				ConfigStateChecks: ready(),
			},
			imported(id),
			{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithID},
			{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithResourceIdentity},
			updated(env.Config(identity, sessionKey(env, "1"), onGKE(env, cluster, withKey))),
		},
		CheckDestroy: nothingLeft(t, env, cluster),
	})
}

// A release that does not become ready leaves the old one serving, and the next plan is a repair.
func TestReleaseThatFailsOnGKEIsRepaired(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	broken := "asia-docker.pkg.dev/acme/shop/web:broken" + env.Name("")
	next := env.Config(onGKE(env, cluster, set("image", fmt.Sprintf("%q", broken))))
	repair := updated(env.Config(onGKE(env, cluster)))
	repair.PostApplyFunc = func() { waitAvailable(t, env, cluster) }
	env.Test(t, resource.TestCase{
		Steps: []resource.TestStep{
			{PreConfig: behave(t, env, broken, fakegcp.ImageMissing), Config: next, ExpectError: wrapped("did not become ready")},
			{
				Config:            env.Config(onGKE(env, cluster)),
				ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionReplace),
				ConfigStateChecks: ready(),
			},
			{PreConfig: behave(t, env, broken, fakegcp.ImageCrashes), Config: next, ExpectError: wrapped("CrashLoopBackOff")},
			{
				RefreshState: true, ExpectNonEmptyPlan: true,
				Check: resource.TestCheckResourceAttr(address, "status", "degraded"),
			},
			repair,
		},
		CheckDestroy: nothingLeft(t, env, cluster),
	})
}
