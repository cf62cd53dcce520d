package deploy_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// TestSessionKey_concurrentRunsRotateOnce lets many runs carry out the same plan at once, in real time.
func TestSessionKey_concurrentRunsRotateOnce(t *testing.T) {
	const runs = 8
	b := newSecretBench(t)
	b.patience = time.Minute
	b.mustApply(keyWith("1", nil))
	d := keyWith("2", nil)
	spec := deploy.SessionKeySpec{ID: benchID, Settings: *d.key}
	results := make([]deploy.SecretState, runs)
	errs := make([]error, runs)
	var all sync.WaitGroup
	for i := range runs {
		run := b.inRealTime()
		all.Go(func() {
			results[i], _, errs[i] = run.UpdateSessionKey(context.Background(), deploy.SecretKnown{}, spec, &deploy.SessionKeyRotation{Base: 1})
		})
	}
	all.Wait()
	for i := range runs {
		if errs[i] != nil || results[i].Version != "2" {
			t.Errorf("run %d: version %q, error %v", i, results[i].Version, errs[i])
		}
	}
	if got := len(b.enabled()); got != 2 {
		t.Errorf("%d versions, want 2", got)
	}
	b.refresh(d)
	b.checkSettled(d)
}

// TestCreateSecret_concurrentRuns lets many runs of one stack create the same secret at once: one version comes out, and
// every run either ends with it or is refused because another has finished.
func TestCreateSecret_concurrentRuns(t *testing.T) {
	const runs = 8
	b := newSecretBench(t)
	b.patience = time.Minute
	d := *secretNamed("1")(b)
	var all sync.WaitGroup
	ended := make(chan bool, runs)
	for range runs {
		run := b.inRealTime()
		all.Go(func() {
			spec := deploy.SecretSpec{ID: benchID, ValueVersion: "1"}
			live, _, err := run.CreateSecret(context.Background(), spec, secret.FromString(d.value), time.Minute)
			if err != nil && live.Exists {
				t.Errorf("tainted by %v", err)
			}
			ended <- err == nil
		})
	}
	all.Wait()
	close(ended)
	succeeded := 0
	for ok := range ended {
		if ok {
			succeeded++
		}
	}
	if succeeded == 0 || len(b.enabled()) != 1 {
		t.Errorf("%d runs succeeded, %d versions", succeeded, len(b.enabled()))
	}
}

// inRealTime is another run, whose waits take their time.
func (b *secretBench) inRealTime() *deploy.Cloud {
	client := gcp.New(gcp.Options{EmulatorHost: b.fake.Addr(), PollInterval: time.Millisecond})
	b.Cleanup(func() { _ = client.Close() })
	return &deploy.Cloud{
		GCP: client, Clock: &clock.Offset{}, Stamp: b.cloud.Stamp, AdoptInterrupted: true, Rand: b.canaries.Reader(),
	}
}
