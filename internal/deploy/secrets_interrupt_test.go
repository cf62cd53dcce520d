package deploy_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// TestCreateSecret_interruptedAtEveryCall ends the context while a call hangs, before and after its effect: the run
// returns soon, and the state holds the secret if there is one, tainted only if it has no version.
func TestCreateSecret_interruptedAtEveryCall(t *testing.T) {
	s := sweeps()[0]
	for _, call := range s.calls(t) {
		for _, when := range []fakegcp.When{fakegcp.Before, fakegcp.After} {
			t.Run(fmt.Sprintf("%s %d %s", call.method, call.occurrence, when), func(t *testing.T) {
				t.Parallel()
				b := newSecretBench(t)
				b.patience = time.Minute
				b.cloud = b.another("stack")
				fault := fakegcp.Fault{Method: call.method, Occurrence: call.occurrence, When: when, Kind: fakegcp.FaultHang}
				if err := b.fake.Inject(fault); err != nil {
					t.Fatal(err)
				}
				d := *s.target(b)
				ctx, interrupt := context.WithCancel(t.Context())
				go func() {
					for !b.struck() {
						_ = (clock.Real{}).Sleep(t.Context(), time.Millisecond)
					}
					interrupt()
				}()
				began := time.Now()
				spec := deploy.SecretSpec{ID: benchID, ValueVersion: d.version, Labels: d.labels, Accessors: d.accessors}
				live, _, err := b.cloud.CreateSecret(ctx, spec, secret.FromString(d.value), time.Minute)
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("it took %s to end", took)
				}
				b.fake.ClearFaults()
				left, listErr := b.fake.Remaining()
				if listErr != nil {
					t.Fatal(listErr)
				}
				if live.Exists != (len(left) > 0) {
					t.Errorf("exists: %t; there is %v", live.Exists, left)
				}
				if stored := len(b.enabled()); live.Exists && (err != nil) != (stored == 0) {
					t.Errorf("%d versions, error %v", stored, err)
				}
				_ = b.note(err)
				b.checkSecrecy()
			})
		}
	}
}
