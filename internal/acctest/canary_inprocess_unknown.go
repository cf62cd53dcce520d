package acctest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Unknown is a value of the configuration that is known after apply only, for an attribute's path as AttributePaths has it.
func (p *InProcess) Unknown(t testing.TB, path string) tftypes.Value {
	t.Helper()
	var typ tftypes.Type = p.object
	for name := range strings.SplitSeq(path, ".") {
		switch outer := typ.(type) {
		case tftypes.Map:
			typ = outer.ElementType
		case tftypes.List:
			typ = outer.ElementType
		case tftypes.Set:
			typ = outer.ElementType
		}
		object, ok := typ.(tftypes.Object)
		if !ok {
			t.Fatalf("%s: there is no object that has %s", path, name)
		}
		typ = object.AttributeTypes[name]
	}
	return tftypes.NewValue(typ, tftypes.UnknownValue)
}

// Learn is the configuration at apply, when what was unknown in the plan is known: no validator sees it any more.
func (pl *Plan) Learn(config Attributes) { pl.config = config }

// FinalPlanProblems plans with a configuration in which something is unknown, and again, as Terraform does when it
// applies, with one in which it is known. It says what Terraform would call an inconsistent final plan.
func (p *InProcess) FinalPlanProblems(t testing.TB, state *State, before, final Attributes) []string {
	t.Helper()
	first, diagnostics := p.Plan(t, state, before)
	if first == nil {
		t.Fatal(DiagnosticsText(diagnostics))
	}
	second, diagnostics := p.Plan(t, state, final)
	if second == nil {
		t.Fatal(DiagnosticsText(diagnostics))
	}
	return planConflicts("", first.Planned, second.Planned)
}

// planConflicts lists what was promised and is not kept: known values that differ, and those that are unknown again.
func planConflicts(path string, promised, kept tftypes.Value) []string {
	var inside, now map[string]tftypes.Value
	switch {
	case !promised.IsKnown():
		return nil
	case !kept.IsKnown():
		return []string{fmt.Sprintf("%s: was %s, is unknown", path, promised)}
	case promised.IsNull() != kept.IsNull():
		return []string{fmt.Sprintf("%s: was %s, is %s", path, promised, kept)}
	case promised.As(&inside) == nil && kept.As(&now) == nil && !promised.IsNull():
		var conflicts []string
		for name, value := range inside {
			if other, ok := now[name]; ok {
				conflicts = append(conflicts, planConflicts(path+"."+name, value, other)...)
			} else {
				conflicts = append(conflicts, path+"."+name+": is gone")
			}
		}
		return conflicts
	case promised.IsFullyKnown() && !promised.Equal(kept):
		return []string{fmt.Sprintf("%s: was %s, is %s", path, promised, kept)}
	}
	return nil
}
