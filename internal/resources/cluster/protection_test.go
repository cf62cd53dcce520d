package cluster_test

import (
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// Protection refuses in the plan whatever would make another cluster: a plan that was approved must not fail later.
func TestClusterProtectionHoldsInThePlan(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_cluster")
	config := declaredCluster("", nil)
	config["deletion_protection"] = true
	state := settled(t, env, provider, config)
	for _, row := range actions {
		changed := declaredCluster(row.attribute, row.after)
		if row.attribute != "deletion_protection" {
			changed["deletion_protection"] = true
		}
		plan, diagnostics := provider.Plan(t, state, changed)
		refused := plan == nil && strings.Contains(acctest.DiagnosticsText(diagnostics), `Cluster "dev" is protected`)
		if refused != (row.want == replaced) {
			t.Errorf("%s, which is %s: refused %t", row.attribute, row.want, refused)
		}
	}
}

// The plan says in words that a pool goes.
func TestClusterPlanSaysThatAPoolIsRemoved(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, "twelvefactor_cluster")
	state := settled(t, env, provider, declaredCluster("", nil))
	config := declaredCluster("", nil)
	pools, _ := config["node_pools"].(map[string]acctest.Attributes)
	delete(pools, "spot")
	_, diagnostics := provider.Plan(t, state, config)
	if text := acctest.DiagnosticsText(diagnostics); !strings.Contains(text, `Node pool "spot" will be removed`) {
		t.Errorf("the plan says %q", text)
	}
}
