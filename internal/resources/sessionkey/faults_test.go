package sessionkey_test

import (
	"strconv"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// onlyInTrouble is the call that takes a damaged version back, and retires where the delay was taken away: internal/deploy tries it.
const onlyInTrouble = "DisableSecretVersion"

// TestSessionKey_everyFault meets every call of every operation with every trouble, and demands of the next run that it
// converges: one version per rotation, the key that was stored first, nothing left over, an empty plan, no leak.
func TestSessionKey_everyFault(t *testing.T) {
	t.Parallel()
	triggered := func(trigger int, more acctest.Attributes) acctest.Attributes {
		config := valid(acctest.Attributes{
			"rotation_trigger": strconv.Itoa(trigger), "labels": map[string]string{"team": "shop"}, "accessors": []string{"user:alice@example.com"},
		})
		for name, value := range more {
			config[name] = value
		}
		return config
	}
	one, two := triggered(1, nil), triggered(2, nil)
	settings := acctest.Attributes{
		"labels": map[string]string{"tier": "gold"}, "accessors": []string{"user:bob@example.com"}, "rotate_after": "1000h", "keep": int64(2),
	}
	acctest.FaultMatrix{
		Noun: noun, MustChange: acctest.MutatingSecretCalls(t, onlyInTrouble), Check: (*acctest.FaultCase).CheckVersions,
		Operations: []acctest.Operation{
			acctest.ApplyOperation("create", one),
			acctest.ApplyOperation("rotate", two, one),
			// So many versions that older ones are retired, where that is a thing.
			acctest.ApplyOperation("rotate with four versions behind", triggered(5, nil),
				one, two, triggered(3, nil), triggered(4, nil)),
			acctest.ApplyOperation("change settings", triggered(1, settings), one),
			acctest.ApplyOperation("rotate to another form", triggered(1, acctest.Attributes{
				"bytes": int64(64), "encoding": "base64url", "separator": ":", "accessors": []string{"user:bob@example.com"},
			}), one),
			acctest.RefreshOperation("refresh", one),
			acctest.ImportOperation("import", id, one, two),
			acctest.DestroyOperation("destroy", one, two),
		},
	}.Run(t)
}
