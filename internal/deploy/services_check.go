package deploy

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

// serviceCheckTime bounds a check: an API that hangs must not hang a plan.
const serviceCheckTime = 30 * time.Second

// ServiceVerdict is what the live APIs say about a service that is only planned.
type ServiceVerdict struct {
	// Refusals are what an apply would be refused for, each at its attribute, in a stable order.
	Refusals []*Error
	// unchecked are objects by the reason for which they were not judged.
	unchecked map[string][]string
}

func (v *ServiceVerdict) skip(reason, object string) {
	if v.unchecked == nil {
		v.unchecked = map[string][]string{}
	}
	v.unchecked[reason] = append(v.unchecked[reason], object)
}

func (v *ServiceVerdict) refuse(e *Error) { v.Refusals = append(v.Refusals, e) }

// plus joins two verdicts.
func (v *ServiceVerdict) plus(other ServiceVerdict) {
	v.Refusals = append(v.Refusals, other.Refusals...)
	for reason, objects := range other.unchecked {
		for _, object := range objects {
			v.skip(reason, object)
		}
	}
}

// Unchecked tells in one notice what was not judged, nil when everything was. All services have the same summary, so that
// Terraform shows many of them as one.
func (v *ServiceVerdict) Unchecked(a app.App) *Notice {
	if len(v.unchecked) == 0 {
		return nil
	}
	var lines []string
	for _, reason := range slices.Sorted(maps.Keys(v.unchecked)) {
		objects := slices.Compact(slices.Sorted(slices.Values(v.unchecked[reason])))
		lines = append(lines, fmt.Sprintf("- %s: %s", strings.Join(objects, ", "), reason))
	}
	return &Notice{
		Summary: "Not everything in the plan was checked by the live APIs",
		Detail: fmt.Sprintf("The plan of service %q goes on, and its apply may still be refused for:\n%s\n\nThe guide \"Permissions\" lists what a check needs. "+
			"factors = { %q = \"off\" } in the provider block asks nothing and says nothing.", a.Name, strings.Join(lines, "\n"), app.LiveCheck),
	}
}

// UncheckedService is the verdict on a service about which too little is known to ask anybody.
func UncheckedService(reason string) ServiceVerdict {
	var v ServiceVerdict
	v.skip(reason, "everything")
	return v
}

// CheckService asks the live APIs whether they would take what an apply would write: a server-side dry run on GKE,
// validate_only on Cloud Run. It changes nothing. Refused is only what the API says about the objects themselves; what is
// not there yet, what the caller may not do, and answers that do not come within half a minute are told as not checked.
func (c *Cloud) CheckService(ctx context.Context, spec ServiceSpec) ServiceVerdict {
	ctx, cancel := context.WithTimeout(ctx, serviceCheckTime)
	defer cancel()
	target, err := c.serviceTarget(spec.App)
	if err != nil {
		return UncheckedService(err.Error())
	}
	target.takeOver(spec.Adopt)
	verdict := target.check(ctx)
	slices.SortStableFunc(verdict.Refusals, func(a, b *Error) int {
		return cmp.Or(slices.Compare(a.Attribute, b.Attribute), cmp.Compare(a.Summary, b.Summary))
	})
	return verdict
}

// serviceLiveFix ends the advice on every refusal.
const serviceLiveFix = " If something else in the same apply makes it acceptable (a quota that is raised, a policy that is changed), apply that first " +
	"with -target, or set factors = { \"" + app.LiveCheck + "\" = \"warn\" } in the provider block."
