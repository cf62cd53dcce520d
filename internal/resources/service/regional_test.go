package service_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// regionalKey is the session key of sessionKey in a region.
func regionalKey(env *acctest.Env, trigger string) string {
	return strings.Replace(sessionKey(env, trigger), "{\n", "{\n  location = \"asia-northeast1\"\n", 1)
}

// TestServiceOnGKEWithARegionalSecret goes from a regional secret to a global one of the same name and back to a newer
// version of the regional one.
func TestServiceOnGKEWithARegionalSecret(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	regional := "projects/acme-dev/locations/asia-northeast1/secrets/" + env.Name("shop-key")
	readers := func(want int) func() {
		return func() {
			if got := membersOf(t, env, regional, "roles/secretmanager.secretAccessor"); len(got) != want {
				t.Errorf("readers of the regional secret are %q, want %d", got, want)
			}
		}
	}
	first := resource.TestStep{
		Config: env.Config(regionalKey(env, "1"), onGKE(env, cluster, withKey)),
		ConfigStateChecks: append(ready(), at("secrets", knownvalue.MapExact(map[string]knownvalue.Check{
			"SESSION_KEYS": knownvalue.StringExact(regional + "/versions/1"),
		}))),
		PostApplyFunc: readers(1),
	}
	rotated := updated(env.Config(regionalKey(env, "2"), onGKE(env, cluster, withKey)))
	rotated.PostApplyFunc = readers(1)
	without := updated(env.Config(regionalKey(env, "2"), onGKE(env, cluster)))
	without.PostApplyFunc = readers(0)
	env.Test(t, resource.TestCase{
		Steps:        []resource.TestStep{first, imported(fmt.Sprintf("%s/namespaces/%s/services/%s", cluster, env.Name("web"), env.Name("shop"))), rotated, without},
		CheckDestroy: nothingLeft(t, env, cluster),
	})
}

// TestServiceOnCloudRunRefusesARegionalSecretOfTheSameApply has a version id that is known only when the secret is there:
// the apply refuses it, and nothing of the service is made.
func TestServiceOnCloudRunRefusesARegionalSecretOfTheSameApply(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	cli := env.CLI(t)
	cli.Write(t, "main.tf", env.Config(regionalKey(env, "1"), onRun(withKey)))
	cli.MustRun(t, "plan", "-no-color")
	said := cli.Run(t, "apply", "-auto-approve", "-no-color")
	if said.Code == 0 || !wrapped(`Cloud Run cannot use a regional secret`).MatchString(said.Output()) || !strings.Contains(said.Output(), "replicas") {
		t.Errorf("ended with %d:\n%s", said.Code, said.Output())
	}
	for _, call := range env.Fake.Journal() {
		if call.Mutating && !strings.Contains(call.Method, "SecretManagerService") {
			t.Errorf("%s of %s was called", call.Method, call.Resource)
		}
	}
	if said := cli.Run(t, "plan", "-no-color"); said.Code == 0 || !strings.Contains(said.Output(), `secrets`) {
		t.Errorf("with the version known the plan ended with %d:\n%s", said.Code, said.Output())
	}
	cli.Write(t, "main.tf", env.Config(regionalKey(env, "1")))
	cli.MustRun(t, "destroy", "-auto-approve", "-no-color")
	if err := env.CheckNothingLeft(); err != nil {
		t.Error(err)
	}
}
