package secret_test

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// allSettings are settings side by side, automatic replication's or not.
func allSettings(more acctest.Attributes) acctest.Attributes {
	config := valid(acctest.Attributes{
		"annotations": map[string]string{"owner": "shop"}, "topics": []string{topicA}, "rotation": rotation(at(0), "720h"), "expire_time": at(5),
		"version_destroy_ttl": "48h",
	})
	for name, value := range more {
		config[name] = value
	}
	return config
}

// TestSecret_interruptedWithSettings goes on with a version that a run had added and not put in force: the settings stay.
func TestSecret_interruptedWithSettings(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]acctest.Attributes{
		"key": {"kms_key": globalKey + "a"}, "replicas": {"replicas": replicas(northKey + "a")},
		"regional": {"location": "europe-north1", "kms_key": northKey + "a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := acctest.New(t)
			provider := env.InProcess(t, noun)
			config := allSettings(more)
			state := mustApplyDespite(t, provider, config)
			config["value_wo"], config["value_wo_version"] = "another", "2"
			must(env.Fake.Inject(fakegcp.Fault{Method: "UpdateSecret", Occurrence: 2, Code: codes.PermissionDenied}))
			plan, _ := provider.Plan(t, state, config)
			state, diagnostics := provider.Apply(t, plan)
			if said := acctest.DiagnosticsText(diagnostics); !strings.Contains(said, "ERROR") {
				t.Fatal("the second write was not refused")
			}
			env.Fake.ClearFaults()
			state, _ = provider.Read(t, state)
			_, state = changedTo(t, provider, state, config)
			if state.Get(t, "version") != "2" {
				t.Errorf("version %s", state.Get(t, "version"))
			}
		})
	}
}

// changedTo applies a plan that adds a version, or goes on with one.
func changedTo(t *testing.T, provider *acctest.InProcess, state *acctest.State, config acctest.Attributes) (*acctest.Plan, *acctest.State) {
	t.Helper()
	plan, diagnostics := provider.Plan(t, state, config)
	if plan == nil {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	state, diagnostics = provider.Apply(t, plan)
	if said := acctest.DiagnosticsText(diagnostics); strings.Contains(said, "ERROR") {
		t.Fatal(said)
	}
	return plan, settles(t, provider, state, config)
}

// TestSecret_keyHoldsForTheValueBesideIt writes a new key before the value that comes in the same apply.
func TestSecret_keyHoldsForTheValueBesideIt(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, noun)
	state := mustApply(t, provider, nil, setting("kms_key", globalKey+"a"))
	config := setting("kms_key", globalKey+"b")
	config["value_wo"], config["value_wo_version"] = "another", "2"
	changedTo(t, provider, state, config)
	must(env.Fake.UpdateSecretVersion(id+"/versions/2", func(v *secretmanagerpb.SecretVersion) {
		used := v.GetReplicationStatus().GetAutomatic().GetCustomerManagedEncryption().GetKmsKeyVersionName()
		if !strings.HasPrefix(used, globalKey+"b/") {
			t.Errorf("the value is encrypted with %q", used)
		}
	}))
}

// TestSecret_settingsComeBeforeTheValue adds no version where a setting is refused.
func TestSecret_settingsComeBeforeTheValue(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, noun)
	state := mustApply(t, provider, nil, valid(nil))
	past := env.Clock.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	config := valid(acctest.Attributes{"value_wo": "another", "value_wo_version": "2", "expire_time": past})
	plan, diagnostics := provider.Plan(t, state, config)
	if plan == nil {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	_, diagnostics = provider.Apply(t, plan)
	if said := acctest.DiagnosticsText(diagnostics); !strings.Contains(said, `AttributeName("expire_time")`) {
		t.Errorf("an expiry in the past: %s", said)
	}
	env.CheckEffects(t, "AddSecretVersion", 1)
}

// TestSecret_settingsNotKnownYet validates what a module passes on before it is known.
func TestSecret_settingsNotKnownYet(t *testing.T) {
	t.Parallel()
	provider := acctest.New(t).InProcess(t, noun)
	unknown := func(names ...string) acctest.Attributes {
		config := valid(nil)
		for _, name := range names {
			config[name] = provider.Unknown(t, name)
		}
		return config
	}
	for _, config := range []acctest.Attributes{
		unknown("replicas", "kms_key", "location"), unknown("expire_time", "deletion_protection"), unknown("topics", "rotation"),
	} {
		if said := acctest.DiagnosticsText(provider.Validate(t, config)); strings.Contains(said, "ERROR") {
			t.Errorf("refused: %s", said)
		}
	}
}

// TestSecret_protectionOfOthersVersions holds back a secret whose create had failed and to which somebody has added a version.
func TestSecret_protectionOfOthersVersions(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, noun)
	config := acctest.Attributes{"name": "payments", "deletion_protection": true}
	must(env.Fake.Inject(fakegcp.Fault{Method: "UpdateSecret", Occurrence: 1, Code: codes.PermissionDenied}))
	plan, _ := provider.Plan(t, nil, config)
	state, _ := provider.Apply(t, plan)
	env.Fake.ClearFaults()
	addByHand(t, env)
	if left, _ := provider.Destroy(t, state); left == nil {
		t.Error("a protected secret was destroyed with a version of somebody else")
	}
}

// addByHand adds a version as a person would.
func addByHand(t *testing.T, env *acctest.Env) {
	t.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	defer func() { must(client.Close()) }()
	_, err := client.SecretVersions().Add(t.Context(), id, secret.FromString("by hand"))
	must(err)
}

// TestSecret_serviceAgentIsNamed explains who lacks a permission where the message speaks of a key or of a topic.
func TestSecret_serviceAgentIsNamed(t *testing.T) {
	t.Parallel()
	for attribute, test := range map[string]struct {
		value         any
		message, role string
	}{
		"kms_key": {globalKey + "a", "Permission 'cloudkms.cryptoKeyVersions.useToEncrypt' denied on resource.", "roles/cloudkms.cryptoKeyEncrypterDecrypter"},
		"topics":  {[]string{topicA}, "The service agent may not publish to the Pub/Sub topic.", "roles/pubsub.publisher"},
	} {
		for _, method := range []string{"CreateSecret", "UpdateSecret"} {
			env := acctest.New(t)
			provider := env.InProcess(t, noun)
			var state *acctest.State
			if method == "UpdateSecret" {
				state = mustApply(t, provider, nil, valid(nil))
			}
			must(env.Fake.Inject(fakegcp.Fault{Method: method, Code: codes.PermissionDenied, Message: test.message}))
			plan, _ := provider.Plan(t, state, valid(acctest.Attributes{attribute: test.value}))
			_, diagnostics := provider.Apply(t, plan)
			said := acctest.DiagnosticsText(diagnostics)
			for _, want := range []string{`AttributeName("` + attribute + `")`, "service agent", test.role} {
				if !strings.Contains(said, want) {
					t.Errorf("%s refused for its %s: want %q in:\n%s", method, attribute, want, said)
				}
			}
		}
	}
}

// TestSecret_recordTakenAway shows it, goes on with the version that the state knows, and writes the record again.
func TestSecret_recordTakenAway(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, noun)
	state := mustApply(t, provider, nil, valid(nil))
	addByHand(t, env)
	must(env.Fake.UpdateSecret(id, func(s *secretmanagerpb.Secret) { s.Annotations = nil }))
	state, _ = provider.Read(t, state)
	if state.Get(t, "status") != "drifted" || state.Get(t, "version") != "1" {
		t.Errorf("status %s, version %s", state.Get(t, "status"), state.Get(t, "version"))
	}
	_, state = changedTo(t, provider, state, valid(nil))
	if state.Get(t, "status") != "ready" || state.Get(t, "version") != "1" {
		t.Errorf("after the repair: status %s, version %s", state.Get(t, "status"), state.Get(t, "version"))
	}
}
