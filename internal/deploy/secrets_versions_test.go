package deploy_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

const benchDelay = 168 * time.Hour

// delayDestruction gives the secret the version_destroy_ttl without which no version is destroyed.
func (b *secretBench) delayDestruction() {
	b.Helper()
	b.store.VersionDestroyTTL = benchDelay
	b.change(func(s *secretmanagerpb.Secret) { s.VersionDestroyTtl = durationpb.New(benchDelay) })
}

func (b *secretBench) change(change func(*secretmanagerpb.Secret)) {
	b.Helper()
	if err := b.fake.UpdateSecret(b.id.String(), change); err != nil {
		b.Fatal(err)
	}
}

// states gives the state of each version: on, off, scheduled or destroyed.
func (b *secretBench) states() string {
	b.Helper()
	versions, err := b.cloud.GCP.SecretVersions().List(b.Context(), b.id.String(), "")
	if err != nil {
		b.Fatal(err)
	}
	var states []string
	for _, v := range slices.Backward(versions) {
		state := map[secretmanagerpb.SecretVersion_State]string{
			secretmanagerpb.SecretVersion_ENABLED: "on", secretmanagerpb.SecretVersion_DISABLED: "off", secretmanagerpb.SecretVersion_DESTROYED: "destroyed",
		}[v.GetState()]
		if v.GetScheduledDestroyTime() != nil {
			state = "scheduled"
		}
		states = append(states, state)
	}
	return strings.Join(states, " ")
}

func (b *secretBench) checkStates(want string) {
	b.Helper()
	if got := b.states(); got != want {
		b.Errorf("the versions are %q, want %q", got, want)
	}
}

// checkAliases demands that current is the effective version and that previous is an older one that can be read.
func (b *secretBench) checkAliases() {
	b.Helper()
	aliases := b.object().GetVersionAliases()
	if got := fmt.Sprint(aliases["current"]); got != b.state.Version {
		b.Errorf("current is %s, effective is %s", got, b.state.Version)
	}
	if previous, ok := aliases["previous"]; ok {
		b.payload(fmt.Sprint(previous)) // fails the test when it cannot be read
		if previous >= aliases["current"] {
			b.Errorf("previous is %d, current %d", previous, aliases["current"])
		}
	}
}

func (b *secretBench) hold(keep int, version string) declared {
	b.Helper()
	return declared{value: b.value(version), version: version, keep: keep}
}

// bumped is a bench whose secret has been given n values, with a delay for the destruction of versions.
func bumped(t testing.TB, keep, n int) *secretBench {
	t.Helper()
	b := newSecretBench(t)
	for i := range n {
		b.mustApply(b.hold(keep, fmt.Sprint(i+1)))
		if i == 0 {
			b.delayDestruction()
		}
	}
	return b
}

// addByHand adds a version as others may.
func (b *secretBench) addByHand(value string) {
	b.Helper()
	if _, err := b.cloud.GCP.SecretVersions().Add(b.Context(), b.id.String(), secret.FromString(value)); err != nil {
		b.Fatal(err)
	}
}

func TestKeepVersions(t *testing.T) {
	for want, n := range map[string]int{
		"scheduled scheduled scheduled on on": 2, "scheduled scheduled on on on": 3, "on on on on on": 5, "on on on on on ": 0,
	} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			b := bumped(t, n, 5)
			b.checkStates(strings.TrimSpace(want))
			b.checkAliases()
			if got := b.object().GetVersionAliases()["previous"]; got != 4 {
				t.Errorf("previous is %d", got)
			}
			b.fake.Advance(benchDelay)
			b.checkStates(strings.ReplaceAll(strings.TrimSpace(want), "scheduled", "destroyed"))
			b.checkSecrecy()
		})
	}
}

// TestKeepVersions_whatIsNeverRetired has versions that are not the provider's to take away.
func TestKeepVersions_whatIsNeverRetired(t *testing.T) {
	t.Run("versions added by hand", func(t *testing.T) {
		b := bumped(t, 2, 1)
		b.addByHand("by hand")
		for _, version := range []string{"2", "3", "4"} {
			b.mustApply(b.hold(2, version))
		}
		b.checkStates("scheduled on scheduled on on")
	})
	t.Run("a secret made by hand", func(t *testing.T) {
		b := bumped(t, 2, 3)
		b.change(func(s *secretmanagerpb.Secret) { s.Annotations, s.VersionAliases = nil, nil })
		b.refresh(b.hold(2, "x"))
		for _, version := range []string{"x", "y", "z"} {
			b.mustApply(b.hold(2, version))
			b.checkAliases()
		}
		b.checkStates("scheduled on on scheduled on on")
	})
	t.Run("a value that is no longer managed", func(t *testing.T) {
		b := bumped(t, 5, 3)
		b.mustApply(declared{keep: 2})
		b.checkStates("on on on")
		if len(b.state.SurplusVersions) > 0 {
			t.Errorf("surplus %v", b.state.SurplusVersions)
		}
	})
	t.Run("the version that the state took for effective", func(t *testing.T) {
		b := bumped(t, 2, 1)
		stale := *b.state
		b.mustApply(b.hold(2, "2"))
		b.mustApply(b.hold(9, "3"))
		b.state = &stale
		if _, _, err := b.update(b.Context(), b.hold(2, "4")); err != nil {
			t.Fatal(err)
		}
		b.checkStates("on scheduled on on") // 1 may still serve
	})
	t.Run("a disabled one", func(t *testing.T) {
		b := bumped(t, 2, 2)
		if _, err := b.cloud.GCP.SecretVersions().Disable(b.Context(), b.id.String()+"/versions/1"); err != nil {
			t.Fatal(err)
		}
		b.mustApply(b.hold(2, "3"))
		b.checkStates("off on on")
	})
	t.Run("one whose destruction was called off", func(t *testing.T) {
		b := bumped(t, 2, 4)
		if _, err := b.cloud.GCP.SecretVersions().Enable(b.Context(), b.id.String()+"/versions/1"); err != nil {
			t.Fatal(err)
		}
		b.mustApply(b.hold(2, "5"))
		b.checkStates("on scheduled scheduled on on")
	})
	t.Run("without a delay nothing is destroyed", func(t *testing.T) {
		b := bumped(t, 9, 4)
		b.store.VersionDestroyTTL = 0
		b.change(func(s *secretmanagerpb.Secret) { s.VersionDestroyTtl = nil })
		b.mustApply(b.hold(2, "4"))
		b.checkStates("off off on on")
		if len(b.notices) != 1 || !strings.Contains(b.notices[0].Detail, "version_destroy_ttl") || !strings.Contains(b.notices[0].Detail, "1, 2") {
			t.Errorf("notices %v", b.notices)
		}
	})
}

// TestKeepVersions_failureIsShown refuses the retirement: the apply ends well, the next read shows the numbers, and the
// next apply retires.
func TestKeepVersions_failureIsShown(t *testing.T) {
	b := bumped(t, 9, 4)
	b.fake.Deny("secretmanager.versions.destroy", "")
	b.mustApply(b.hold(2, "5"))
	if len(b.notices) != 1 || len(b.state.SurplusVersions) != 3 {
		t.Fatalf("surplus %v, notices %v", b.state.SurplusVersions, b.notices)
	}
	for _, want := range []string{"1, 2, 3", "surplus_versions", "secretmanager.versions.destroy", "roles/secretmanager.secretVersionManager", b.id.String()} {
		if !strings.Contains(b.notices[0].Detail, want) {
			t.Errorf("the notice lacks %q: %s", want, b.notices[0].Detail)
		}
	}
	b.fake.Allow("secretmanager.versions.destroy", "")
	b.mustApply(b.hold(2, "5"))
	b.checkStates("scheduled scheduled scheduled on on")
	if len(b.state.SurplusVersions) > 0 || len(b.notices) > 0 {
		t.Errorf("surplus %v, notices %v", b.state.SurplusVersions, b.notices)
	}
}

// TestKeepVersions_concurrentRuns lets many runs add the same version and retire the same old ones at once, in real time.
func TestKeepVersions_concurrentRuns(t *testing.T) {
	const runs = 8
	b := newSecretBench(t)
	b.patience = time.Minute
	for i, trigger := range []string{"1", "2", "3"} {
		b.mustApply(keyWith(trigger, nil))
		if i == 0 {
			b.delayDestruction()
		}
	}
	d := keyWith("4", nil)
	spec := deploy.SessionKeySpec{ID: b.id, Settings: *d.key, KeepVersions: 2, Store: b.store}
	var all sync.WaitGroup
	for range runs {
		run := b.inRealTime()
		all.Go(func() {
			live, notices, err := run.UpdateSessionKey(context.Background(), deploy.SecretKnown{Version: "3"}, spec, &deploy.SessionKeyRotation{Base: 3})
			if err != nil || live.Version != "4" || len(notices) > 0 {
				t.Errorf("version %s, notices %v, error %v", live.Version, notices, err)
			}
		})
	}
	all.Wait()
	b.refresh(d)
	b.checkStates("scheduled scheduled on on")
	b.checkAliases()
	destroyed := 0
	for _, call := range b.fake.Journal() {
		if strings.HasSuffix(call.Method, "/DestroySecretVersion") && call.Code == "OK" {
			destroyed++
		}
	}
	if destroyed != 2 {
		t.Errorf("destruction was scheduled %d times, want once for each of two versions", destroyed)
	}
}

// TestSessionKey_previousHoldsTheRingBefore goes by the aliases alone, as an app may.
func TestSessionKey_previousHoldsTheRingBefore(t *testing.T) {
	b := newSecretBench(t)
	before := ""
	for i, trigger := range []string{"1", "2", "3", "4"} {
		d := keyWith(trigger, keep(5))
		d.keep = 2
		b.mustApply(d)
		if i == 0 {
			b.delayDestruction()
		} else if got := b.payload("previous"); got != before {
			t.Errorf("after rotation %d the alias previous does not hold the ring before", i)
		}
		before = b.payload("current")
	}
	b.checkStates("scheduled scheduled on on")
	if len(b.ring()) != 4 {
		t.Errorf("%d keys", len(b.ring()))
	}
}

func TestAliases(t *testing.T) {
	t.Run("those of others stay", func(t *testing.T) {
		b := bumped(t, 3, 1)
		b.change(func(s *secretmanagerpb.Secret) { s.VersionAliases["blue"] = 1 })
		b.mustApply(b.hold(3, "2"))
		want := map[string]int64{"blue": 1, "current": 2, "previous": 1}
		if got := b.object().GetVersionAliases(); !maps.Equal(got, want) {
			t.Errorf("aliases %v, want %v", got, want)
		}
	})
	for name, harm := range map[string]func(map[string]int64){
		"current moved":    func(a map[string]int64) { a["current"] = 1 },
		"current removed":  func(a map[string]int64) { delete(a, "current") },
		"previous moved":   func(a map[string]int64) { a["previous"] = 1 },
		"previous removed": func(a map[string]int64) { delete(a, "previous") },
	} {
		t.Run(name, func(t *testing.T) {
			b := bumped(t, 5, 3)
			b.change(func(s *secretmanagerpb.Secret) { harm(s.VersionAliases) })
			d := declared{version: "3", keep: 5}
			if b.refresh(d); b.state.Status != deploy.SecretDrifted {
				t.Errorf("status %s", b.state.Status)
			}
			b.mustApply(d)
			if got := b.object().GetVersionAliases(); got["current"] != 3 || got["previous"] != 2 {
				t.Errorf("aliases %v", got)
			}
		})
	}
	t.Run("previous is gone", func(t *testing.T) {
		b := bumped(t, 5, 2)
		if _, err := b.cloud.GCP.SecretVersions().Destroy(b.Context(), b.id.String()+"/versions/1"); err != nil {
			t.Fatal(err)
		}
		b.fake.Advance(benchDelay)
		b.mustApply(declared{version: "2", keep: 5})
		b.change(func(s *secretmanagerpb.Secret) { delete(s.VersionAliases, "current") })
		b.mustApply(declared{version: "2", keep: 5})
		b.mustApply(b.hold(5, "3"))
		b.checkAliases()
	})
	t.Run("no room", func(t *testing.T) {
		b := newSecretBench(t)
		b.mustApply(declared{})
		b.addByHand("by hand")
		b.change(func(s *secretmanagerpb.Secret) {
			s.VersionAliases = map[string]int64{}
			for i := range 50 {
				s.VersionAliases[fmt.Sprintf("release-%d", i)] = 1
			}
		})
		err := b.apply(b.hold(3, "1"))
		if err == nil || !strings.Contains(err.Error(), "--remove-version-aliases") || !strings.Contains(err.Error(), "50 aliases") {
			t.Errorf("error %v", err)
		}
		b.checkStates("on")
		b.change(func(s *secretmanagerpb.Secret) { delete(s.VersionAliases, "release-1") })
		b.mustApply(b.hold(3, "1"))
		b.checkStates("on on")
	})
}
