package acctest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"google.golang.org/grpc/codes"
)

// CheckNothingLeft is an error unless the fake is as empty as it was: soft-deleted accounts do not count. Where the
// fake is shared, only objects with this world's names count.
func (e *Env) CheckNothingLeft() error {
	left, err := e.Fake.Remaining()
	if err != nil {
		return err
	}
	left = slices.DeleteFunc(left, func(name string) bool { return !strings.Contains(name, e.suffix) })
	if len(left) > 0 {
		return fmt.Errorf("%d objects are left:\n%s", len(left), strings.Join(left, "\n"))
	}
	return nil
}

// Effects counts the calls of a method (its short name, such as CreateCluster) that took place, and not only as a validation.
func (e *Env) Effects(method string) int {
	n := 0
	for _, call := range e.Fake.Journal() {
		if strings.HasSuffix(call.Method, "/"+method) && call.Code == codes.OK.String() && !call.ValidateOnly {
			n++
		}
	}
	return n
}

// CheckEffects is a check that a method took place that often since the world began.
func (e *Env) CheckEffects(t testing.TB, method string, want int) {
	t.Helper()
	if got := e.Effects(method); got != want {
		t.Errorf("%s took place %d times, want %d", method, got, want)
	}
}

// PlannedAction is the plan check of a step that must plan exactly this for the resource, before it is applied.
func PlannedAction(address string, action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, action)}}
}

// NoChanges is the plan check of a step that must change nothing.
func NoChanges() resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}
}
