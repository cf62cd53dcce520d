package sessionkey_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

const northKey = "projects/acme-keys/locations/europe-north1/keyRings/app/cryptoKeys/"

// storeChanges has for each setting of Secret Manager two values and how somebody changes it by hand.
var storeChanges = map[string]struct {
	before, after any
	harm          func(*secretmanagerpb.Secret)
}{
	"annotations": {map[string]string{"owner": "shop"}, map[string]string{"owner": "api"}, func(s *secretmanagerpb.Secret) {
		s.Annotations["owner"] = "nobody"
	}},
	"kms_key": {
		"projects/acme-keys/locations/global/keyRings/app/cryptoKeys/a", "projects/acme-keys/locations/global/keyRings/app/cryptoKeys/b",
		func(s *secretmanagerpb.Secret) { s.GetReplication().GetAutomatic().CustomerManagedEncryption = nil },
	},
	"replicas": {
		map[string]acctest.Attributes{"europe-north1": {}}, map[string]acctest.Attributes{"europe-north1": {"kms_key": northKey + "a"}},
		func(s *secretmanagerpb.Secret) {
			s.GetReplication().GetUserManaged().Replicas[0].CustomerManagedEncryption = &secretmanagerpb.CustomerManagedEncryption{KmsKeyName: northKey + "b"}
		},
	},
	"version_destroy_ttl": {"24h", "48h", func(s *secretmanagerpb.Secret) { s.VersionDestroyTtl = durationpb.New(99 * time.Hour) }},
}

// TestSessionKey_store changes how Secret Manager keeps the keys, and has it changed by hand: one write each, and no rotation.
func TestSessionKey_store(t *testing.T) {
	t.Parallel()
	for name, row := range storeChanges {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := acctest.New(t, acctest.WithRand(acctest.Secrets.Reader()))
			provider := env.InProcess(t, noun)
			state := mustApply(t, provider, nil, with(name, row.before))
			state, _ = provider.Read(t, state)
			for _, to := range []any{row.before, row.after, "by hand", row.before} {
				since := len(env.Fake.Journal())
				want := []string{"UpdateSecret"}
				switch hand, _ := to.(string); {
				case hand == "by hand":
					must(env.Fake.UpdateSecret(id, row.harm))
					to = row.after
				case since == 0 || state.Attribute(t, name).Equal(mustPlan(t, provider, state, with(name, to)).Attribute(t, name)):
					want = nil
				}
				state, _ = provider.Read(t, state)
				plan := mustPlan(t, provider, state, with(name, to))
				if plan.Replaces || plan.Unknown(t, "version_id") || plan.Empty() != (want == nil) {
					t.Errorf("%v: replaces %t, empty %t", to, plan.Replaces, plan.Empty())
				}
				since = len(env.Fake.Journal())
				state, _ = provider.Apply(t, plan)
				if got := changes(env.Fake.Journal()[since:]); !slices.Equal(got, want) {
					t.Errorf("%v: calls %v, want %v", to, got, want)
				}
				state, _ = provider.Read(t, state)
				if !mustPlan(t, provider, state, with(name, to)).Empty() {
					t.Errorf("%v: the next plan is not empty", to)
				}
			}
			imported, diagnostics := provider.Import(t, id, nil)
			if imported == nil || !mustPlan(t, provider, imported, with(name, row.before)).Empty() {
				t.Errorf("the import leaves something to do: %s", acctest.DiagnosticsText(diagnostics))
			}
		})
	}
}

// TestSessionKey_isNotDestroyedByAChange refuses what would end every session, unless it is asked for by name and not protected.
func TestSessionKey_isNotDestroyedByAChange(t *testing.T) {
	t.Parallel()
	env := acctest.New(t, acctest.WithRand(acctest.Secrets.Reader()))
	provider := env.InProcess(t, noun)
	state := mustApply(t, provider, nil, with("deletion_protection", true))
	for attribute, to := range map[string]any{
		"name": "other", "project": "acme-prod", "location": "europe-west3", "replicas": map[string]acctest.Attributes{"europe-west1": {}},
	} {
		config := with(attribute, to)
		config["deletion_protection"] = true
		plan, diagnostics := provider.Plan(t, state, config)
		if said := acctest.DiagnosticsText(diagnostics); plan != nil || !strings.Contains(said, `AttributeName("`+attribute+`")`) {
			t.Errorf("%s: %s", attribute, said)
		}
		config["allow_replacement_of"] = id
		plan, diagnostics = provider.Plan(t, state, config)
		if said := acctest.DiagnosticsText(diagnostics); plan != nil || !strings.Contains(said, "Secret is protected") {
			t.Errorf("%s of a protected key: %s", attribute, said)
		}
	}
	if left, _ := provider.Destroy(t, state); left == nil {
		t.Error("a protected key was destroyed")
	}
	state = mustApply(t, provider, state, with("name", "shop"))
	config := with("name", "other")
	config["allow_replacement_of"] = id
	if plan := mustPlan(t, provider, state, config); !plan.Replaces || !plan.Unknown(t, "version_id") {
		t.Error("the replacement that was asked for by name is not planned")
	}
	if left, _ := provider.Destroy(t, state); left != nil {
		t.Error("a key without protection was not destroyed")
	}
}

// TestSessionKey_noticesOfOthers leaves topics, reminders and expiry alone, which this resource does not declare.
func TestSessionKey_noticesOfOthers(t *testing.T) {
	t.Parallel()
	env := acctest.New(t, acctest.WithRand(acctest.Secrets.Reader()))
	provider := env.InProcess(t, noun)
	state := mustApply(t, provider, nil, with("rotation_trigger", "1"))
	soon := timestamppb.New(env.Clock.Now().Add(1000 * time.Hour))
	must(env.Fake.UpdateSecret(id, func(s *secretmanagerpb.Secret) {
		s.Topics = []*secretmanagerpb.Topic{{Name: "projects/acme-dev/topics/a"}}
		s.Rotation = &secretmanagerpb.Rotation{NextRotationTime: soon}
		s.Expiration = &secretmanagerpb.Secret_ExpireTime{ExpireTime: soon}
	}))
	state, _ = provider.Read(t, state)
	mustApply(t, provider, state, with("rotation_trigger", "2"))
	must(env.Fake.UpdateSecret(id, func(s *secretmanagerpb.Secret) {
		if len(s.GetTopics()) != 1 || s.GetRotation() == nil || s.GetExpireTime() == nil {
			t.Errorf("taken away: topics %v, rotation %v, expiry %v", s.GetTopics(), s.GetRotation(), s.GetExpireTime())
		}
	}))
}

// TestSessionKey_keepsNoMoreThanAsked draws again where another run has rotated first and kept what this one shall not.
func TestSessionKey_keepsNoMoreThanAsked(t *testing.T) {
	t.Parallel()
	env := acctest.New(t, acctest.WithRand(acctest.Secrets.Reader()))
	provider := env.InProcess(t, noun)
	state := mustApply(t, provider, nil, with("rotation_trigger", "1"))
	state, _ = provider.Read(t, state)
	leaked := payload(t, env, "1")
	colleague := mustPlan(t, provider, state, with("rotation_trigger", "leak"))
	config := with("rotation_trigger", "leak")
	config["keep"] = int64(0)
	ours := mustPlan(t, provider, state, config)
	if _, diagnostics := provider.Apply(t, colleague); len(diagnostics) > 0 {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	if _, diagnostics := provider.Apply(t, ours); len(diagnostics) > 0 {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	if got := payload(t, env, "3"); strings.Contains(got, leaked) || strings.Contains(got, ",") {
		t.Error("the leaked key is in the ring")
	}
}
