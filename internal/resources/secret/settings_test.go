package secret_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

const (
	topicA    = "projects/acme-dev/topics/a"
	topicB    = "projects/acme-dev/topics/b"
	globalKey = "projects/acme-keys/locations/global/keyRings/app/cryptoKeys/"
	northKey  = "projects/acme-keys/locations/europe-north1/keyRings/app/cryptoKeys/"
)

var later = time.Now().Add(10000 * time.Hour).UTC().Truncate(time.Second)

func at(hours int) string { return later.Add(time.Duration(hours) * time.Hour).Format(time.RFC3339) }

func rotation(next string, period any) acctest.Attributes {
	return acctest.Attributes{"next_time": next, "period": period}
}

func replicas(northern any) map[string]acctest.Attributes {
	return map[string]acctest.Attributes{"europe-north1": {"kms_key": northern}, "europe-west3": {}}
}

// settingChanges has for each setting two values, what else it needs, and how somebody changes it by hand.
var settingChanges = map[string]struct {
	before, after any
	with          acctest.Attributes
	harm          func(*secretmanagerpb.Secret)
}{
	"annotations": {
		map[string]string{"owner": "shop", "gone": "x"}, map[string]string{"owner": "api", "new": "y"}, nil,
		func(s *secretmanagerpb.Secret) { s.Annotations["owner"] = "nobody" },
	},
	"kms_key": {globalKey + "a", globalKey + "b", nil, func(s *secretmanagerpb.Secret) {
		s.GetReplication().GetAutomatic().CustomerManagedEncryption.KmsKeyName = globalKey + "c"
	}},
	"replicas": {replicas(nil), replicas(northKey + "a"), nil, func(s *secretmanagerpb.Secret) {
		s.GetReplication().GetUserManaged().Replicas[0].CustomerManagedEncryption = &secretmanagerpb.CustomerManagedEncryption{KmsKeyName: northKey + "c"}
	}},
	"topics": {[]string{topicB, topicA}, []string{topicA}, nil, func(s *secretmanagerpb.Secret) { s.Topics = s.Topics[:1] }},
	"rotation": {
		rotation(at(0), "720h"), rotation(at(1), nil), acctest.Attributes{"topics": []string{topicA}},
		func(s *secretmanagerpb.Secret) { s.Rotation.NextRotationTime = timestamppb.New(later.Add(time.Minute)) },
	},
	"expire_time": {at(0), at(1), nil, func(s *secretmanagerpb.Secret) {
		s.Expiration = &secretmanagerpb.Secret_ExpireTime{ExpireTime: timestamppb.New(later.Add(time.Minute))}
	}},
	"version_destroy_ttl": {"24h", "48h", nil, func(s *secretmanagerpb.Secret) { s.VersionDestroyTtl = durationpb.New(time.Hour * 99) }},
}

func setting(name string, value any) acctest.Attributes {
	config := valid(settingChanges[name].with)
	config[name] = value
	return config
}

// changed applies a configuration whose plan has to be an update, gives the calls that changed something, and checks that
// nothing is left to do.
func changed(t *testing.T, env *acctest.Env, provider *acctest.InProcess, state *acctest.State, config acctest.Attributes) ([]string, *acctest.State) {
	t.Helper()
	plan, diagnostics := provider.Plan(t, state, config)
	if plan == nil {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	if plan.Replaces || plan.Empty() || plan.Unknown(t, "version_id") {
		t.Errorf("replaces %t, empty %t, another version %t", plan.Replaces, plan.Empty(), plan.Unknown(t, "version_id"))
	}
	since := len(env.Fake.Journal())
	state, diagnostics = provider.Apply(t, plan)
	if said := acctest.DiagnosticsText(diagnostics); strings.Contains(said, "ERROR") {
		t.Fatal(said)
	}
	var calls []string
	for _, call := range env.Fake.Journal()[since:] {
		if call.Mutating {
			calls = append(calls, call.Method[strings.LastIndex(call.Method, "/")+1:])
		}
	}
	return calls, settles(t, provider, state, config)
}

// settles checks that a refresh leaves nothing to do.
func settles(t *testing.T, provider *acctest.InProcess, state *acctest.State, config acctest.Attributes) *acctest.State {
	t.Helper()
	state, _ = provider.Read(t, state)
	if plan, diagnostics := provider.Plan(t, state, config); plan == nil || !plan.Empty() {
		t.Errorf("the next plan is not empty: %v\n%s", acctest.Differences(t, state, plan), acctest.DiagnosticsText(diagnostics))
	}
	return state
}

// TestSecret_settings sets, changes and removes each setting, has it changed by hand, and imports it: every change is one
// write, no version is touched.
func TestSecret_settings(t *testing.T) {
	t.Parallel()
	for name, row := range settingChanges {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := acctest.New(t)
			provider := env.InProcess(t, noun)
			state := mustApply(t, provider, nil, setting(name, row.before))
			state = settles(t, provider, state, setting(name, row.before))
			one := []string{"UpdateSecret"}
			calls, state := changed(t, env, provider, state, setting(name, row.after))
			if !slices.Equal(calls, one) {
				t.Errorf("a change made the calls %v", calls)
			}
			calls, state = changed(t, env, provider, state, setting(name, row.before))
			if !slices.Equal(calls, one) {
				t.Errorf("the change back made the calls %v", calls)
			}
			must(env.Fake.UpdateSecret(id, row.harm))
			state, _ = provider.Read(t, state)
			if calls, state = changed(t, env, provider, state, setting(name, row.before)); !slices.Equal(calls, one) {
				t.Errorf("the repair made the calls %v", calls)
			}
			imported, diagnostics := provider.Import(t, id, nil)
			if imported == nil {
				t.Fatal(acctest.DiagnosticsText(diagnostics))
			}
			if plan, diagnostics := provider.Plan(t, imported, setting(name, row.before)); plan == nil || !plan.Empty() {
				t.Errorf("the plan of an import: %v\n%s", acctest.Differences(t, imported, plan), acctest.DiagnosticsText(diagnostics))
			}
			if name == "replicas" { // what is left out stays
				settles(t, provider, state, setting(name, nil))
				return
			}
			if calls, _ = changed(t, env, provider, state, setting(name, nil)); !slices.Equal(calls, one) {
				t.Errorf("its removal made the calls %v", calls)
			}
		})
	}
}

// TestSecret_settingsUnknown plans with each setting unknown: whatever it turns out to be fits what was planned.
func TestSecret_settingsUnknown(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, noun)
	for name, row := range settingChanges {
		state := mustApply(t, provider, nil, setting(name, row.before))
		state, _ = provider.Read(t, state)
		open := setting(name, provider.Unknown(t, name))
		for what, final := range map[string]any{"changed": row.after, "as before": row.before, "null": nil} {
			for when, prior := range map[string]*acctest.State{"create": nil, "update": state} {
				for _, problem := range provider.FinalPlanProblems(t, prior, open, setting(name, final)) {
					t.Errorf("%s, %s turns out %s: inconsistent final plan: %s", when, name, what, problem)
				}
			}
		}
		if state, diagnostics := provider.Destroy(t, state); state != nil {
			t.Fatal(acctest.DiagnosticsText(diagnostics))
		}
	}
}

// TestSecret_settingsAreAll fails for an attribute that neither this file nor another one tries.
func TestSecret_settingsAreAll(t *testing.T) {
	t.Parallel()
	elsewhere := []string{
		"id", "name", "project", "location", "value_wo", "value_base64_wo", "value_wo_version", "labels", "effective_labels", "accessors", "version",
		"version_id", "status", "keep_versions", "surplus_versions", "timeouts", "deletion_protection", "allow_replacement_of",
	}
	for _, path := range acctest.New(t).InProcess(t, noun).AttributePaths() {
		name, _, _ := strings.Cut(path, ".")
		if _, here := settingChanges[name]; !here && !slices.Contains(elsewhere, name) {
			t.Errorf("no test changes %s", name)
		}
	}
}

// TestSecret_manyAccessors keeps the record of a long list out of the way: all annotations share 16 KiB.
func TestSecret_manyAccessors(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, noun)
	var members []string
	for i := range 300 {
		members = append(members, fmt.Sprintf("user:reader-of-the-payments-with-a-long-name-%03d@example.com", i))
	}
	config := valid(acctest.Attributes{"accessors": members, "annotations": map[string]string{"notes": strings.Repeat("x", 8000)}})
	state := mustApply(t, provider, nil, config)
	config["value_wo"], config["value_wo_version"] = "another", "2"
	state = mustApply(t, provider, state, config)
	settles(t, provider, state, config)
}
