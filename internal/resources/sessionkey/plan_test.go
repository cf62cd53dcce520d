package sessionkey_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

const noun = "twelvefactor_session_key"

// valid is a session key with these attributes changed. Defaults are spelled out, as Terraform leaves them to the provider.
func valid(change acctest.Attributes) acctest.Attributes {
	config := acctest.Attributes{"name": "shop", "rotate_after": "720h"}
	for name, value := range change {
		config[name] = value
	}
	return config
}

func TestSessionKey_refusesWrongInput(t *testing.T) {
	provider := acctest.New(t).InProcess(t, noun)
	for name, change := range map[string]acctest.Attributes{
		"name with a space":                {"name": "a b"},
		"bytes under 16":                   {"bytes": int64(15)},
		"bytes over 64":                    {"bytes": int64(65)},
		"encoding that does not exist":     {"encoding": "utf8"},
		"keep below zero":                  {"keep": int64(-1)},
		"keep over 10":                     {"keep": int64(11)},
		"empty separator":                  {"separator": ""},
		"separator of 9 characters":        {"separator": ",,,,,,,,,"},
		"separator that a key may contain": {"separator": "-"},
		"separator outside ASCII":          {"separator": "·"},
		"rotate_after without a unit":      {"rotate_after": "720"},
		"rotate_after in days":             {"rotate_after": "30d"},
		"rotate_after of zero":             {"rotate_after": "0s"},
		"rotate_after below zero":          {"rotate_after": "-1h"},
		"rotate_after below a second":      {"rotate_after": "999ms"},
		"rotate_after that is no duration": {"rotate_after": "monthly"},
		"empty rotate_after":               {"rotate_after": ""},
		"control character as separator":   {"separator": "\x1f"},
		"empty rotation_trigger":           {"rotation_trigger": ""},
		"public accessor":                  {"accessors": []string{"allAuthenticatedUsers"}},
		"null accessor": {"accessors": tftypes.NewValue(tftypes.Set{ElementType: tftypes.String},
			[]tftypes.Value{tftypes.NewValue(tftypes.String, nil)})},
		"label of the stamp": {"labels": map[string]string{"twelvefactor-stack": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			said := acctest.DiagnosticsText(provider.Validate(t, valid(change)))
			for attribute := range change {
				if !strings.Contains(said, "ERROR") || !strings.Contains(said, attribute) {
					t.Errorf("want an error at %s, got:\n%s", attribute, said)
				}
			}
		})
	}
	for name, change := range map[string]acctest.Attributes{
		"as it is":          nil,
		"never rotates":     {"rotate_after": nil},
		"newline separator": {"separator": "\n"},
		"raw":               {"encoding": "raw", "keep": int64(0)},
		"raw or not":        {"encoding": unknownText, "keep": int64(3), "separator": ";"},
		"raw, keep unknown": {"encoding": "raw", "keep": tftypes.NewValue(tftypes.Number, tftypes.UnknownValue)},
		"everything":        {"bytes": int64(64), "encoding": "base64", "keep": int64(0), "rotation_trigger": "x", "separator": " | "},
	} {
		if said := acctest.DiagnosticsText(provider.Validate(t, valid(change))); said != "" {
			t.Errorf("%s: %s", name, said)
		}
	}
}

var unknownText = tftypes.NewValue(tftypes.String, tftypes.UnknownValue)

// TestSessionKey_diagnosticsSayHowToGoOn looks for the reason and the way out in what is refused at plan time.
func TestSessionKey_diagnosticsSayHowToGoOn(t *testing.T) {
	t.Parallel()
	provider := acctest.New(t).InProcess(t, noun)
	for name, test := range map[string]struct {
		change acctest.Attributes
		at     string
		says   []string
	}{
		"days":            {acctest.Attributes{"rotate_after": "30d"}, "rotate_after", []string{`"30d" is not a duration`, `if days are meant, write "720h"`}},
		"weeks":           {acctest.Attributes{"rotate_after": "2w"}, "rotate_after", []string{`"336h"`}},
		"no unit":         {acctest.Attributes{"rotate_after": "720"}, "rotate_after", []string{`if hours are meant, write "720h"`}},
		"zero":            {acctest.Attributes{"rotate_after": "0s"}, "rotate_after", []string{"0s is too short", "at least 1s", `"720h"`}},
		"negative":        {acctest.Attributes{"rotate_after": "-720h"}, "rotate_after", []string{"too short"}},
		"part of a key":   {acctest.Attributes{"separator": "a"}, "separator", []string{"'a' can be part of a key", `","`}},
		"separator, long": {acctest.Attributes{"separator": ";;;;;;;;;"}, "separator", []string{"9 characters instead of 1 to 8"}},
		"raw, keep":       {acctest.Attributes{"encoding": "raw", "keep": int64(1)}, "keep", []string{"may contain any byte", "keep is 1", "Set keep = 0", `encoding = "hex"`}},
		"raw, no keep":    {acctest.Attributes{"encoding": "raw"}, "keep", []string{"keep is not set, which means 1", "Set keep = 0"}},
		"raw, separator": {
			acctest.Attributes{"encoding": "raw", "keep": int64(0), "separator": "|"}, "separator",
			[]string{"Raw keys have no separator", "Remove separator"},
		},
		"raw, separator unknown": {
			acctest.Attributes{"encoding": "raw", "keep": int64(0), "separator": unknownText}, "separator", []string{"Remove separator"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			diagnostics := provider.Validate(t, valid(test.change))
			if len(diagnostics) != 1 || diagnostics[0].Attribute.String() != `AttributeName("`+test.at+`")` {
				t.Fatalf("want one error at %s:\n%s", test.at, acctest.DiagnosticsText(diagnostics))
			}
			for _, part := range test.says {
				if !strings.Contains(diagnostics[0].Summary+diagnostics[0].Detail, part) {
					t.Errorf("%q is not in:\n%s", part, acctest.DiagnosticsText(diagnostics))
				}
			}
		})
	}
}

// TestSessionKey_planDependsOnStateAlone walks over the due date: only a refresh finds the rotation due, and what was
// planned before it is what the apply does.
func TestSessionKey_planDependsOnStateAlone(t *testing.T) {
	t.Parallel()
	env := acctest.New(t, acctest.WithRand(acctest.Secrets.Reader()))
	provider := env.InProcess(t, noun)
	state := mustApply(t, provider, nil, valid(nil))
	relabelled := valid(acctest.Attributes{"labels": map[string]string{"team": "shop"}})
	saved := mustPlan(t, provider, state, relabelled)

	env.Clock.Advance(721 * time.Hour)
	if !mustPlan(t, provider, state, valid(nil)).Empty() {
		t.Error("a plan without a refresh rotates")
	}
	again := mustPlan(t, provider, state, relabelled)
	if !again.Planned.Equal(saved.Planned) {
		t.Errorf("the same plan after the due date differs: %s", again.Planned)
	}
	state, _ = provider.Apply(t, saved)
	if state.Get(t, "version") != "1" || state.Get(t, "rotation_due_since") != "" {
		t.Errorf("a saved plan without a rotation rotated to version %s", state.Get(t, "version"))
	}

	state, _ = provider.Read(t, state)
	if state.Get(t, "rotation_due_since") != state.Get(t, "next_rotation") {
		t.Errorf("due since %s, next rotation %s", state.Get(t, "rotation_due_since"), state.Get(t, "next_rotation"))
	}
	due := mustPlan(t, provider, state, relabelled)
	if !due.Unknown(t, "version_id") || !due.Unknown(t, "rotated_at") || due.Replaces {
		t.Errorf("the plan does not show the rotation: %s", due.Planned)
	}
	state, _ = provider.Apply(t, due)
	if state.Get(t, "version") != "2" {
		t.Errorf("version %s", state.Get(t, "version"))
	}
	state, _ = provider.Read(t, state)
	if !mustPlan(t, provider, state, relabelled).Empty() {
		t.Error("the plan after the rotation is not empty")
	}
}

// TestSessionKey_plansOfADueKey changes rotate_after in the very plan in which a rotation is due.
func TestSessionKey_plansOfADueKey(t *testing.T) {
	t.Parallel()
	unknown := tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
	env := acctest.New(t, acctest.WithRand(acctest.Secrets.Reader()))
	provider := env.InProcess(t, noun)
	state := mustApply(t, provider, nil, valid(nil))
	env.Clock.Advance(721 * time.Hour)
	state, _ = provider.Read(t, state)
	for name, test := range map[string]struct {
		change  acctest.Attributes
		rotates bool
	}{
		"as it was":       {nil, true},
		"shorter":         {acctest.Attributes{"rotate_after": "1h"}, true},
		"the same, other": {acctest.Attributes{"rotate_after": "43200m"}, true},
		"longer":          {acctest.Attributes{"rotate_after": "7200h"}, false},
		"no more":         {acctest.Attributes{"rotate_after": nil}, false},
		"known later":     {acctest.Attributes{"rotate_after": unknown}, true},
		"trigger unknown": {acctest.Attributes{"rotate_after": nil, "rotation_trigger": unknown}, true},
	} {
		plan := mustPlan(t, provider, state, valid(test.change))
		if plan.Unknown(t, "version_id") != test.rotates {
			t.Errorf("%s: version_id unknown: %t", name, plan.Unknown(t, "version_id"))
		}
	}
}

func mustPlan(t *testing.T, provider *acctest.InProcess, prior *acctest.State, config acctest.Attributes) *acctest.Plan {
	t.Helper()
	plan, diagnostics := provider.Plan(t, prior, config)
	if plan == nil {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	return plan
}

func mustApply(t *testing.T, provider *acctest.InProcess, prior *acctest.State, config acctest.Attributes) *acctest.State {
	t.Helper()
	state, diagnostics := provider.Apply(t, mustPlan(t, provider, prior, config))
	if len(diagnostics) > 0 {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	return state
}

// TestSessionKey_plansWithReadOnlyCredentials refreshes and plans a due rotation as a caller that may neither write nor
// read keys.
func TestSessionKey_plansWithReadOnlyCredentials(t *testing.T) {
	t.Parallel()
	env := acctest.New(t, acctest.WithRand(acctest.Secrets.Reader()))
	state := mustApply(t, env.InProcess(t, noun), nil, valid(nil))
	env.Clock.Advance(721 * time.Hour)
	reader := env.As(t, acctest.WithAccessToken(acctest.ReadOnlyToken)).InProcess(t, noun)
	state, diagnostics := reader.Read(t, state)
	if len(diagnostics) > 0 {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	if !mustPlan(t, reader, state, valid(nil)).Unknown(t, "version_id") {
		t.Error("the due rotation is not planned")
	}
}

// TestSessionKey_importsWhatWasMadeByHand takes over a secret that the provider knows nothing of: its payload is neither
// read into the state nor changed, and becomes the previous key at the first rotation.
func TestSessionKey_importsWhatWasMadeByHand(t *testing.T) {
	t.Parallel()
	env := acctest.New(t, acctest.WithRand(acctest.Secrets.Reader()))
	byHand := acctest.Secrets.Text(t, "made by hand")
	makeByHand(t, env, byHand)
	provider := env.InProcess(t, noun)
	for name, from := range map[string]string{"id": id, "identity": ""} {
		imported, diagnostics := provider.Import(t, from, map[string]string{"project": "acme-dev", "name": "shop"})
		acctest.Secrets.CheckState(t, imported, diagnostics)
		if imported == nil || imported.Get(t, "version") != "1" {
			t.Fatalf("by %s: %v\n%s", name, imported, acctest.DiagnosticsText(diagnostics))
		}
	}
	state, _ := provider.Import(t, id, nil)
	config := valid(acctest.Attributes{"bytes": int64(16)})
	plan := mustPlan(t, provider, state, config)
	if plan.Unknown(t, "version_id") || plan.Replaces {
		t.Errorf("taking it over changes the key: %s", plan.Planned)
	}
	state, _ = provider.Apply(t, plan)
	state, _ = provider.Read(t, state)
	if !mustPlan(t, provider, state, config).Empty() || versions(t, env) != 1 {
		t.Error("the plan after taking it over is not empty, or a version was added")
	}
	state = mustApply(t, provider, state, valid(acctest.Attributes{"bytes": int64(16), "rotation_trigger": "x"}))
	if !strings.HasSuffix(payload(t, env, state.Get(t, "version")), ","+byHand) {
		t.Error("the payload made by hand is not the previous key")
	}
}

// TestSessionKey_raw makes a key of bare bytes, which becomes a previous key in the encoding of a later ring.
func TestSessionKey_raw(t *testing.T) {
	t.Parallel()
	env := acctest.New(t, acctest.WithRand(acctest.Secrets.Reader()))
	provider := env.InProcess(t, noun)
	state := mustApply(t, provider, nil, valid(acctest.Attributes{"encoding": "raw", "keep": int64(0), "bytes": int64(64)}))
	raw := payload(t, env, "1")
	acctest.Secrets.CheckState(t, state, nil)
	if len(raw) != 64 || state.Get(t, "status") != "ready" {
		t.Errorf("the payload has %d bytes, the status is %s", len(raw), state.Get(t, "status"))
	}
	imported, diagnostics := provider.Import(t, id, nil)
	acctest.Secrets.CheckState(t, imported, diagnostics)
	if !mustPlan(t, provider, imported, valid(acctest.Attributes{"encoding": "raw", "keep": int64(0), "bytes": int64(64)})).Empty() {
		t.Error("the plan after an import is not empty")
	}
	state = mustApply(t, provider, state, valid(acctest.Attributes{"encoding": "base64"}))
	if got := payload(t, env, "2"); !strings.HasSuffix(got, ","+base64.StdEncoding.EncodeToString([]byte(raw))) {
		t.Error("the raw key is not the previous one in base64")
	}
	acctest.Secrets.CheckState(t, state, nil)
}
