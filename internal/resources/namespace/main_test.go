package namespace_test

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

func TestMain(m *testing.M) { acctest.ScannedMain(m) }

const (
	noun    = "twelvefactor_namespace"
	address = noun + ".shop"
)

// block is the namespace of a test with more attributes, as HCL.
func block(env *acctest.Env, cluster string, attributes map[string]string) string {
	all := map[string]string{"cluster": fmt.Sprintf("%q", cluster), "name": fmt.Sprintf("%q", env.Name("shop"))}
	maps.Copy(all, attributes)
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		lines = append(lines, fmt.Sprintf("  %s = %s", name, all[name]))
	}
	return fmt.Sprintf("resource %q \"shop\" {\n%s\n}\n", noun, strings.Join(lines, "\n"))
}

type attributes = map[string]string

func idOf(env *acctest.Env, cluster string) string {
	return cluster + "/namespaces/" + env.Name("shop")
}

func at(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

func ready() []statecheck.StateCheck {
	return []statecheck.StateCheck{
		at("status", knownvalue.StringExact("ready")), at("drift", knownvalue.ListExact(nil)),
	}
}

func wrapped(text string) *regexp.Regexp {
	return regexp.MustCompile(strings.Join(strings.Fields(regexp.QuoteMeta(text)), `[\s│╷╵|]+`))
}

// updated is a step that changes the namespace in place.
func updated(config string) resource.TestStep {
	return resource.TestStep{
		Config: config, ConfigPlanChecks: acctest.PlannedAction(address, plancheck.ResourceActionUpdate), ConfigStateChecks: ready(),
	}
}

func imported(id string) resource.TestStep {
	return resource.TestStep{
		ResourceName: address, ImportState: true, ImportStateId: id, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"timeouts"},
	}
}

func importBlock(kind resource.ImportStateKind) resource.TestStep {
	return resource.TestStep{ResourceName: address, ImportState: true, ImportStateKind: kind}
}

// gone is the check that a destroy took the namespace.
func gone(t *testing.T, env *acctest.Env, cluster string) func(*terraform.State) error {
	return func(*terraform.State) error {
		_, err := env.Kubernetes(t, cluster).CoreV1().Namespaces().Get(t.Context(), env.Name("shop"), metav1.GetOptions{})
		switch {
		case err == nil:
			return errors.New("the namespace is left")
		case !apierrors.IsNotFound(err):
			return err
		}
		return env.CheckNothingLeft()
	}
}
