package sessionkey_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// The calls that change something.
var (
	records = []string{"UpdateSecret"}                                     // the settings are written down
	rotates = []string{"UpdateSecret", "AddSecretVersion", "UpdateSecret"} // announced, added, effective
)

// settingChanges has what a change of each setting does.
var settingChanges = map[string]struct {
	attribute     string
	before, after any
	calls         []string
}{
	"bytes":                  {"bytes", nil, int64(64), rotates},
	"bytes, spelt out":       {"bytes", nil, int64(32), nil},
	"encoding":               {"encoding", "base64", "base64url", rotates},
	"separator":              {"separator", nil, ";", rotates},
	"separator, spelt out":   {"separator", nil, ",", nil},
	"keep":                   {"keep", nil, int64(5), records},
	"keep, to nothing":       {"keep", nil, int64(0), records},
	"rotate_after":           {"rotate_after", "720h", "24h", records},
	"rotate_after, begun":    {"rotate_after", nil, "24h", records},
	"rotate_after, ended":    {"rotate_after", "720h", nil, records},
	"rotate_after, the same": {"rotate_after", "720h", "43200m", records},
	"rotation_trigger":       {"rotation_trigger", "a", "b", rotates},
	"rotation_trigger, new":  {"rotation_trigger", nil, "a", rotates},
	"rotation_trigger, gone": {"rotation_trigger", "a", nil, rotates},
}

func with(attribute string, value any) acctest.Attributes {
	return valid(acctest.Attributes{"rotate_after": nil, attribute: value})
}

// TestSessionKey_settings changes each setting: the plan shows whether the key rotates, and the apply makes exactly the calls
// that it takes.
func TestSessionKey_settings(t *testing.T) {
	t.Parallel()
	for name, row := range settingChanges {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := acctest.New(t, acctest.WithRand(acctest.Secrets.Reader()))
			provider := env.InProcess(t, noun)
			state := mustApply(t, provider, nil, with(row.attribute, row.before))
			state, _ = provider.Read(t, state)
			plan := mustPlan(t, provider, state, with(row.attribute, row.after))
			rotation := len(row.calls) == len(rotates)
			if plan.Replaces || plan.Empty() != (row.calls == nil) || plan.Unknown(t, "version_id") != rotation || plan.Unknown(t, "rotated_at") != rotation {
				t.Errorf("replaces %t, empty %t, version_id unknown %t: %s", plan.Replaces, plan.Empty(), plan.Unknown(t, "version_id"), plan.Planned)
			}
			from := len(env.Fake.Journal())
			state, diagnostics := provider.Apply(t, plan)
			if len(diagnostics) > 0 {
				t.Fatal(acctest.DiagnosticsText(diagnostics))
			}
			if got := changes(env.Fake.Journal()[from:]); !slices.Equal(got, row.calls) {
				t.Errorf("calls %v, want %v", got, row.calls)
			}
			state, _ = provider.Read(t, state)
			if !mustPlan(t, provider, state, with(row.attribute, row.after)).Empty() {
				t.Error("the next plan is not empty")
			}
		})
	}
}

func changes(journal []fakegcp.Call) (calls []string) {
	for _, call := range journal {
		if call.Mutating {
			calls = append(calls, call.Method[strings.LastIndex(call.Method, "/")+1:])
		}
	}
	return calls
}

// TestSessionKey_settingsUnknown plans with each setting unknown, of a new key, of one that is not due and of one that is:
// whatever it turns out to be fits what was planned.
func TestSessionKey_settingsUnknown(t *testing.T) {
	t.Parallel()
	env := acctest.New(t, acctest.WithRand(acctest.Secrets.Reader()))
	provider := env.InProcess(t, noun)
	young := mustApply(t, provider, nil, valid(nil))
	young, _ = provider.Read(t, young)
	env.Clock.Advance(721 * time.Hour)
	due, _ := provider.Read(t, young)
	for _, row := range settingChanges {
		open := valid(acctest.Attributes{row.attribute: provider.Unknown(t, row.attribute)})
		for what, final := range map[string]any{"changed": row.after, "as before": row.before, "null": nil, "due": "720h", "put off": "7200h"} {
			if _, text := final.(string); (what == "due" || what == "put off") && (!text || row.attribute != "rotate_after") {
				continue
			}
			for when, prior := range map[string]*acctest.State{"create": nil, "not due": young, "due": due} {
				for _, problem := range provider.FinalPlanProblems(t, prior, open, valid(acctest.Attributes{row.attribute: final})) {
					t.Errorf("%s, %s turns out %s: inconsistent final plan: %s", when, row.attribute, what, problem)
				}
			}
		}
	}
	for _, attribute := range []string{"name", "project"} {
		open := valid(acctest.Attributes{attribute: tftypes.NewValue(tftypes.String, tftypes.UnknownValue)})
		for _, final := range []any{"other-project", nil} {
			if attribute == "name" && final == nil {
				continue
			}
			for _, problem := range provider.FinalPlanProblems(t, nil, open, valid(acctest.Attributes{attribute: final})) {
				t.Errorf("%s: inconsistent final plan: %s", attribute, problem)
			}
		}
	}
}
