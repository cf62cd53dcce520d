package secret_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
)

// callsSince lists the methods of all calls.
func callsSince(env *acctest.Env, since int) []string {
	var methods []string
	for _, call := range env.Fake.Journal()[since:] {
		methods = append(methods, call.Method[strings.LastIndex(call.Method, "/")+1:])
	}
	return methods
}

func checkCalls(t *testing.T, what string, env *acctest.Env, since int, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, callsSince(env, since)); diff != "" {
		t.Errorf("calls of %s (-want +got):\n%s", what, diff)
	}
}

func withVersion(n string, change acctest.Attributes) acctest.Attributes {
	config := valid(acctest.Attributes{"value_wo": "value " + n, "value_wo_version": n})
	for name, value := range change {
		config[name] = value
	}
	return config
}

func delayDestruction(env *acctest.Env) {
	must(env.Fake.UpdateSecret(id, func(s *secretmanagerpb.Secret) { s.VersionDestroyTtl = durationpb.New(168 * time.Hour) }))
}

// addThem gives the secret values 1 to n, each by an apply.
func addThem(t *testing.T, env *acctest.Env, provider *acctest.InProcess, n int, change acctest.Attributes) (state *acctest.State) {
	t.Helper()
	for i := range n {
		state = mustApply(t, provider, state, withVersion(string(rune('1'+i)), change))
		if i == 0 {
			delayDestruction(env)
		}
		state, _ = provider.Read(t, state)
	}
	return state
}

func enabled(t *testing.T, env *acctest.Env) (numbers []string) {
	t.Helper()
	for _, n := range []string{"1", "2", "3", "4", "5", "6"} {
		_ = env.Fake.UpdateSecretVersion(id+"/versions/"+n, func(v *secretmanagerpb.SecretVersion) {
			if v.GetState() == secretmanagerpb.SecretVersion_ENABLED {
				numbers = append(numbers, n)
			}
		})
	}
	return numbers
}

// TestSecret_calls holds every call, reads included, of what happens to versions.
func TestSecret_calls(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, noun)
	bump := []string{
		"GetSecret", "ListSecretVersions", "UpdateSecret", // what there is, and the announcement
		"GetSecret", "AddSecretVersion", // the announcement is ours
		"GetSecret", "UpdateSecret", // in force, with aliases
	}
	since := 0
	mark := func() { since = len(env.Fake.Journal()) }

	state := mustApply(t, provider, nil, withVersion("1", nil))
	checkCalls(t, "a create", env, since, "CreateSecret", "GetSecret", "AddSecretVersion", "GetSecret", "UpdateSecret", "GetSecretVersion")
	delayDestruction(env)

	mark()
	state, _ = provider.Read(t, state)
	checkCalls(t, "a refresh", env, since, "GetSecret", "ListSecretVersions")

	mark()
	if plan, _ := provider.Plan(t, state, withVersion("1", acctest.Attributes{"value_wo": nil})); !plan.Empty() {
		t.Error("a plan with nothing to do has changes")
	}
	checkCalls(t, "a plan", env, since)

	mark()
	state = mustApply(t, provider, state, withVersion("1", acctest.Attributes{"labels": map[string]string{"a": "b"}}))
	checkCalls(t, "a label", env, since, "GetSecret", "GetSecretVersion", "UpdateSecret", "GetSecretVersion")

	for _, n := range []string{"2", "3"} {
		mark()
		state = mustApply(t, provider, state, withVersion(n, nil))
		checkCalls(t, "a new value", env, since, append(slices.Clone(bump), "GetSecretVersion")...)
	}
	mark()
	state = mustApply(t, provider, state, withVersion("4", nil))
	checkCalls(t, "a new value that is one too many", env, since,
		append(slices.Clone(bump), "GetSecret", "ListSecretVersions", "DestroySecretVersion", "GetSecretVersion")...)
	if got := enabled(t, env); !slices.Equal(got, []string{"2", "3", "4"}) {
		t.Errorf("enabled: %v", got)
	}

	mark()
	state = mustApply(t, provider, state, withVersion("4", acctest.Attributes{"keep_versions": int64(2)}))
	checkCalls(t, "keeping fewer", env, since,
		"GetSecret", "GetSecretVersion", "UpdateSecret", "GetSecret", "ListSecretVersions", "DestroySecretVersion", "GetSecretVersion")
	if got := enabled(t, env); !slices.Equal(got, []string{"3", "4"}) {
		t.Errorf("enabled: %v", got)
	}
	state, _ = provider.Read(t, state)
	if plan, _ := provider.Plan(t, state, withVersion("4", acctest.Attributes{"keep_versions": int64(2)})); !plan.Empty() {
		t.Errorf("left to do: %v", acctest.Differences(t, state, plan))
	}
}

// TestSecret_surplusIsPlanned refuses the retirement: the apply succeeds, the refresh names the versions, the plan shows
// them going away, and the next apply does it.
func TestSecret_surplusIsPlanned(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, noun)
	state := addThem(t, env, provider, 4, acctest.Attributes{"keep_versions": int64(5)})
	config := withVersion("5", acctest.Attributes{"keep_versions": int64(2)})
	env.Fake.Deny("secretmanager.versions.destroy", "")
	plan, _ := provider.Plan(t, state, config)
	state, diagnostics := provider.Apply(t, plan)
	said := acctest.DiagnosticsText(diagnostics)
	if strings.Contains(said, "ERROR") || !strings.Contains(said, "Versions 1, 2, 3 beyond keep_versions") {
		t.Errorf("said:\n%s", said)
	}
	if !state.Attribute(t, "surplus_versions").IsNull() {
		t.Error("the apply contradicts its plan")
	}
	if plan, _ := provider.Plan(t, state, config); !plan.Empty() {
		t.Error("a plan without a refresh knows what only a refresh can tell")
	}
	state, _ = provider.Read(t, state)
	want := tftypes.NewValue(tftypes.List{ElementType: tftypes.String}, []tftypes.Value{
		tftypes.NewValue(tftypes.String, "1"), tftypes.NewValue(tftypes.String, "2"), tftypes.NewValue(tftypes.String, "3"),
	})
	if got := state.Attribute(t, "surplus_versions"); !got.Equal(want) {
		t.Errorf("surplus_versions: %s", got)
	}
	plan, _ = provider.Plan(t, state, config)
	changed := acctest.Differences(t, state, plan)
	if _, ok := changed["surplus_versions"]; !ok || plan.Replaces || plan.Unknown(t, "version_id") || plan.Unknown(t, "surplus_versions") {
		t.Errorf("planned: %v", changed)
	}
	env.Fake.Allow("secretmanager.versions.destroy", "")
	state, diagnostics = provider.Apply(t, plan)
	if len(diagnostics) > 0 {
		t.Error(acctest.DiagnosticsText(diagnostics))
	}
	state, _ = provider.Read(t, state)
	if plan, _ = provider.Plan(t, state, config); !plan.Empty() || !slices.Equal(enabled(t, env), []string{"4", "5"}) {
		t.Errorf("enabled %v, left to do: %v", enabled(t, env), acctest.Differences(t, state, plan))
	}
}

// TestSecret_aliasDrift moves an alias: the plan shows a repair that needs no value.
func TestSecret_aliasDrift(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, noun)
	state := addThem(t, env, provider, 2, nil)
	must(env.Fake.UpdateSecret(id, func(s *secretmanagerpb.Secret) { s.VersionAliases["current"] = 1 }))
	state, _ = provider.Read(t, state)
	config := withVersion("2", acctest.Attributes{"value_wo": nil})
	plan, _ := provider.Plan(t, state, config)
	if state.Get(t, "status") != deploy.SecretDrifted || !plan.Unknown(t, "status") || plan.Unknown(t, "version_id") {
		t.Errorf("status %s, planned: %v", state.Get(t, "status"), acctest.Differences(t, state, plan))
	}
	since := len(env.Fake.Journal())
	state, _ = provider.Apply(t, plan)
	if got := callsSince(env, since); !slices.Equal(got, []string{"GetSecret", "GetSecretVersion", "UpdateSecret", "GetSecretVersion"}) {
		t.Errorf("calls: %v", got)
	}
	state, _ = provider.Read(t, state)
	if plan, _ = provider.Plan(t, state, config); !plan.Empty() {
		t.Errorf("left to do: %v", acctest.Differences(t, state, plan))
	}
}

func TestSecret_keepVersionsUnknown(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	provider := env.InProcess(t, noun)
	state := addThem(t, env, provider, 2, nil)
	open := withVersion("2", acctest.Attributes{"keep_versions": provider.Unknown(t, "keep_versions")})
	for _, final := range []any{nil, int64(2), int64(3)} {
		for _, prior := range []*acctest.State{nil, state} {
			for _, problem := range provider.FinalPlanProblems(t, prior, open, withVersion("2", acctest.Attributes{"keep_versions": final})) {
				t.Errorf("%v: inconsistent final plan: %s", final, problem)
			}
		}
	}
}

// TestSecret_base64 covers the encoded form of the value, at plan.
func TestSecret_base64(t *testing.T) {
	provider := acctest.New(t).InProcess(t, noun)
	encode := func(n int) string { return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xff", n))) }
	tests := map[string]struct {
		change  acctest.Attributes
		message string
	}{
		"right":            {acctest.Attributes{"value_wo": nil, "value_base64_wo": "AP8="}, ""},
		"wrapped lines":    {acctest.Attributes{"value_wo": nil, "value_base64_wo": "AP8B\nAP8B\n"}, ""},
		"64 KiB":           {acctest.Attributes{"value_wo": nil, "value_base64_wo": encode(deploy.MaxSecretBytes)}, ""},
		"more":             {acctest.Attributes{"value_wo": nil, "value_base64_wo": encode(deploy.MaxSecretBytes + 2)}, "2 bytes too long"},
		"empty":            {acctest.Attributes{"value_wo": nil, "value_base64_wo": ""}, "it is empty"},
		"not base64":       {acctest.Attributes{"value_wo": nil, "value_base64_wo": "ZZ?ZZ"}, "it is not base64"},
		"without padding":  {acctest.Attributes{"value_wo": nil, "value_base64_wo": "QQQQQ"}, "it is not base64"},
		"base64url":        {acctest.Attributes{"value_wo": nil, "value_base64_wo": "__8_"}, "it is not base64"},
		"both":             {acctest.Attributes{"value_base64_wo": "AP8="}, "Two values"},
		"without version":  {acctest.Attributes{"value_wo": nil, "value_base64_wo": "AP8=", "value_wo_version": nil}, "Missing value_wo_version"},
		"one is not known": {acctest.Attributes{"value_wo": tftypes.NewValue(tftypes.String, tftypes.UnknownValue), "value_base64_wo": "AP8="}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			said := acctest.DiagnosticsText(provider.Validate(t, valid(test.change)))
			if test.message == "" && said != "" || !strings.Contains(said, test.message) {
				t.Errorf("want %q, got:\n%s", test.message, said)
			}
			if value, _ := test.change["value_base64_wo"].(string); len(value) > 3 && strings.Contains(said, value) {
				t.Error("the error repeats the value")
			}
		})
	}
}

// TestSecret_valueKnownAtApply plans with an unknown value, and then learns that it cannot be written: nothing is.
func TestSecret_valueKnownAtApply(t *testing.T) {
	unknown := tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
	tests := map[string]struct {
		planned, final acctest.Attributes
		message        string
	}{
		"too long": {
			acctest.Attributes{"value_wo": unknown}, acctest.Attributes{"value_wo": strings.Repeat("Q", deploy.MaxSecretBytes+1)}, "1 bytes too long",
		},
		"empty": {acctest.Attributes{"value_wo": unknown}, acctest.Attributes{"value_wo": ""}, "it is empty"},
		"null":  {acctest.Attributes{"value_wo": unknown}, acctest.Attributes{"value_wo": nil}, "Missing value_wo"},
		"not base64": {
			acctest.Attributes{"value_wo": nil, "value_base64_wo": unknown}, acctest.Attributes{"value_wo": nil, "value_base64_wo": "ZZ?ZZ"}, "it is not base64",
		},
		"both": {
			acctest.Attributes{"value_base64_wo": unknown}, acctest.Attributes{"value_base64_wo": "AP8="}, "Two values",
		},
		"without version": {
			acctest.Attributes{"value_wo": unknown, "value_wo_version": nil}, acctest.Attributes{"value_wo": "QQQQ", "value_wo_version": nil},
			"Missing value_wo_version",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := acctest.New(t)
			provider := env.InProcess(t, noun)
			plan, diagnostics := provider.Plan(t, nil, valid(test.planned))
			if plan == nil {
				t.Fatal(acctest.DiagnosticsText(diagnostics))
			}
			plan.Learn(valid(test.final))
			_, diagnostics = provider.Apply(t, plan)
			said := acctest.DiagnosticsText(diagnostics)
			if !strings.Contains(said, test.message) || strings.Contains(said, "QQQQ") || strings.Contains(said, "ZZ?ZZ") {
				t.Errorf("want %q, got:\n%s", test.message, said)
			}
			if got := env.Effects("CreateSecret"); got != 0 {
				t.Error("a secret was created")
			}
		})
	}
}

// TestAccSecret_base64 passes bytes that are no text, and goes over to the other form without a new version.
func TestAccSecret_base64(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{
			Config:            env.Config(block("value_base64_wo = base64encode(var.first)\n  value_wo_version = \"1\"\n  keep_versions = 2")),
			ConfigStateChecks: []statecheck.StateCheck{is("version", "1"), is("status", "ready")},
		},
		{Config: env.Config(block("value_wo = var.first\n  value_wo_version = \"1\"\n  keep_versions = 2")), ConfigPlanChecks: acctest.NoChanges()},
		{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: id},
		{
			Config:            env.Config(block("value_wo = var.second\n  value_wo_version = \"2\"")),
			ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{is("version", "2")},
		},
	}})
}
