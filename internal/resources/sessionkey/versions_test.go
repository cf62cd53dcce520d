package sessionkey_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

func triggered(n int, keepVersions any) acctest.Attributes {
	return acctest.Attributes{"name": "shop", "keep": int64(5), "rotation_trigger": fmt.Sprint(n), "keep_versions": keepVersions}
}

func enabled(env *acctest.Env) (numbers []string) {
	for _, n := range []string{"1", "2", "3", "4", "5", "6"} {
		_ = env.Fake.UpdateSecretVersion(id+"/versions/"+n, func(v *secretmanagerpb.SecretVersion) {
			if v.GetState() == secretmanagerpb.SecretVersion_ENABLED {
				numbers = append(numbers, n)
			}
		})
	}
	return numbers
}

// TestSessionKey_keepVersions rotates with each number of versions to keep, and finds the ring before under previous.
func TestSessionKey_keepVersions(t *testing.T) {
	for keep, want := range map[any][]string{nil: {"3", "4", "5"}, int64(2): {"4", "5"}, int64(50): {"1", "2", "3", "4", "5"}} {
		t.Run(fmt.Sprint(keep), func(t *testing.T) {
			t.Parallel()
			env := acctest.New(t, acctest.WithRand(acctest.Secrets.Reader()))
			provider := env.InProcess(t, noun)
			var state *acctest.State
			for n := range 5 {
				since := len(env.Fake.Journal())
				state = mustApply(t, provider, state, triggered(n, keep))
				if n == 0 {
					must(env.Fake.UpdateSecret(id, func(s *secretmanagerpb.Secret) { s.VersionDestroyTtl = durationpb.New(168 * time.Hour) }))
				}
				if n == 1 { // the ring before is read, and nothing is read that is not needed
					checkRotationCalls(t, env, since)
				}
				state, _ = provider.Read(t, state)
				if plan := mustPlan(t, provider, state, triggered(n, keep)); !plan.Empty() {
					t.Errorf("left to do: %v", acctest.Differences(t, state, plan))
				}
			}
			if got := enabled(env); !slices.Equal(got, want) {
				t.Errorf("enabled %v, want %v", got, want)
			}
			must(env.Fake.UpdateSecret(id, func(s *secretmanagerpb.Secret) {
				if a := s.GetVersionAliases(); a["current"] != 5 || a["previous"] != 4 {
					t.Errorf("aliases %v", a)
				}
			}))
		})
	}
}

func checkRotationCalls(t *testing.T, env *acctest.Env, since int) {
	t.Helper()
	var got []string
	for _, call := range env.Fake.Journal()[since:] {
		got = append(got, call.Method[strings.LastIndex(call.Method, "/")+1:])
	}
	want := []string{
		"GetSecret", "ListSecretVersions", "AccessSecretVersion", "ListSecretVersions", "UpdateSecret",
		"GetSecret", "AddSecretVersion", "GetSecret", "UpdateSecret", "GetSecretVersion",
	}
	if !slices.Equal(got, want) {
		t.Errorf("a rotation calls\n%v, want\n%v", got, want)
	}
}

// TestSessionKey_surplusIsPlanned interrupts before the retirement, in that it is refused.
func TestSessionKey_surplusIsPlanned(t *testing.T) {
	t.Parallel()
	env := acctest.New(t, acctest.WithRand(acctest.Secrets.Reader()))
	provider := env.InProcess(t, noun)
	state := mustApply(t, provider, nil, triggered(1, nil))
	must(env.Fake.UpdateSecret(id, func(s *secretmanagerpb.Secret) { s.VersionDestroyTtl = durationpb.New(168 * time.Hour) }))
	state = mustApply(t, provider, state, triggered(2, nil))
	config := triggered(3, int64(2))
	env.Fake.Deny("secretmanager.versions.destroy", "")
	state, diagnostics := provider.Apply(t, mustPlan(t, provider, state, config))
	if said := acctest.DiagnosticsText(diagnostics); strings.Contains(said, "ERROR") || !strings.Contains(said, "Version 1 beyond keep_versions") {
		t.Errorf("said:\n%s", said)
	}
	state, _ = provider.Read(t, state)
	plan := mustPlan(t, provider, state, config)
	if _, shown := acctest.Differences(t, state, plan)["surplus_versions"]; !shown || plan.Unknown(t, "version_id") {
		t.Errorf("planned: %v", acctest.Differences(t, state, plan))
	}
	env.Fake.Allow("secretmanager.versions.destroy", "")
	_, diagnostics = provider.Apply(t, plan)
	if got := enabled(env); len(diagnostics) > 0 || !slices.Equal(got, []string{"2", "3"}) {
		t.Errorf("enabled %v\n%s", got, acctest.DiagnosticsText(diagnostics))
	}
}

func TestSessionKey_keepVersionsBounds(t *testing.T) {
	provider := acctest.New(t).InProcess(t, noun)
	for keep, wrong := range map[int64]bool{1: true, 2: false, 50: false, 51: true} {
		said := acctest.DiagnosticsText(provider.Validate(t, valid(acctest.Attributes{"keep_versions": keep})))
		if (said != "") != wrong {
			t.Errorf("%d: %s", keep, said)
		}
	}
}
