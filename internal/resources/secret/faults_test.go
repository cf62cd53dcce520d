package secret_test

import (
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// onlyInTrouble is the call that takes a damaged version back, and retires where the delay was taken away: internal/deploy tries it.
const onlyInTrouble = "DisableSecretVersion"

// TestSecret_everyFault meets every call of every operation with every trouble, and demands of the next run that it
// converges: one version per value, the version that the first run stored, nothing left over, an empty plan, no leak.
func TestSecret_everyFault(t *testing.T) {
	t.Parallel()
	canaries := acctest.NewCanaries()
	numbered := func(version string, more acctest.Attributes) acctest.Attributes {
		config := acctest.Attributes{
			"name": "payments", "value_wo": canaries.Text(t, "value "+version), "value_wo_version": version,
			"labels": map[string]string{"team": "shop"}, "accessors": []string{"user:alice@example.com"},
		}
		for name, value := range more {
			config[name] = value
		}
		return config
	}
	one, two := numbered("1", nil), numbered("2", nil)
	settings := acctest.Attributes{
		"value_wo": nil, "labels": map[string]string{"tier": "gold"}, "accessors": []string{"user:bob@example.com"},
	}
	changed := numbered("1", settings)
	empty := acctest.Attributes{"name": "payments"}
	acctest.FaultMatrix{
		Noun: noun, Canaries: canaries, MustChange: acctest.MutatingSecretCalls(t, onlyInTrouble), Check: (*acctest.FaultCase).CheckVersions,
		Operations: []acctest.Operation{
			acctest.ApplyOperation("create", one),
			acctest.ApplyOperation("create without a value", empty),
			acctest.ApplyOperation("first value", one, empty),
			acctest.ApplyOperation("rotate", two, one),
			// So many versions that older ones are retired, where that is a thing.
			acctest.ApplyOperation("rotate with four versions behind", numbered("5", nil),
				one, two, numbered("3", nil), numbered("4", nil)),
			acctest.ApplyOperation("change settings", changed, one),
			acctest.ApplyOperation("rotate and change settings", numbered("2", acctest.Attributes{
				"labels": map[string]string{"tier": "gold"}, "accessors": []string{"user:bob@example.com"},
			}), one),
			acctest.RefreshOperation("refresh", one),
			acctest.ImportOperation("import", id, one, two),
			acctest.OpenOperation("ephemeral read", noun+"_version", acctest.Attributes{"secret": id}, one, two),
			acctest.DestroyOperation("destroy", one, two),
		},
	}.Run(t)
}
