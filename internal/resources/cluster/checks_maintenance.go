package cluster

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

var (
	dayTimeForm    = form{regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`), "03:00"}
	recurrenceForm = form{regexp.MustCompile(`^FREQ=(DAILY|WEEKLY|MONTHLY)(;[A-Z]+=[-+A-Z0-9,]+)*$`), "FREQ=WEEKLY;BYDAY=SA,SU"}
	exclusionForm  = form{regexp.MustCompile(`^[A-Za-z0-9][-A-Za-z0-9_ ]{0,62}$`), "black-friday"}
)

// checkExclusionName keeps the names apart that the provider gives.
func checkExclusionName(name string) error {
	if strings.HasPrefix(name, "twelvefactor-") {
		return fmt.Errorf("%s belongs to the provider; choose a name that does not begin with twelvefactor-", names.Quote(name))
	}
	return exclusionForm.check(name)
}

// checkTime wants one way to write a time, the one in which GKE answers.
func checkTime(text string) error {
	if err := deploy.CheckMaintenanceTime(text); err != nil {
		return fmt.Errorf("%s is not one; write it in UTC, with seconds and a Z, such as %q", names.Quote(text), "2026-12-20T00:00:00Z")
	}
	return nil
}

// maxSoak is how long blue-green upgrades take pauses of. Source: google.container.v1, BlueGreenSettings.
const maxSoak = 7 * 24 * time.Hour

func checkSoak(text string) error {
	soak, err := time.ParseDuration(text)
	if err != nil || soak < 0 || soak > maxSoak {
		return fmt.Errorf("%s is not between 0s and 168h; for example %q", names.Quote(text), "30m")
	}
	return nil
}

// checkMaintenance asks for what a window and an exclusion cannot do without.
func checkMaintenance(ctx context.Context, m model, diags *diag.Diagnostics) {
	at := path.Root("maintenance")
	if m.Maintenance.IsNull() || m.Maintenance.IsUnknown() {
		return
	}
	var maintenance maintenanceModel
	diags.Append(m.Maintenance.As(ctx, &maintenance, basetypes.ObjectAsOptions{})...)
	if isSet(maintenance.Window) && isSet(maintenance.DailyStart) {
		diags.AddAttributeError(at.AtName("daily_start"), "Two maintenance windows",
			"GKE takes one of daily_start and window. Remove one of them.")
	}
	checkWindow(ctx, maintenance, at.AtName("window"), diags)
	for _, name := range slices.Sorted(maps.Keys(maintenance.Exclusions.Elements())) {
		object, ok := maintenance.Exclusions.Elements()[name].(types.Object)
		if !ok || object.IsNull() || object.IsUnknown() {
			continue
		}
		var exclusion exclusionModel
		diags.Append(object.As(ctx, &exclusion, basetypes.ObjectAsOptions{})...)
		in, where := at.AtName("exclusions").AtMapKey(name), fmt.Sprintf("exclusion %q", name)
		checkSet(exclusion.Start, in.AtName("start"), where, `start = "2026-12-20T00:00:00Z"`, diags)
		if exclusion.End.IsNull() && (exclusion.Scope.IsNull() || exclusion.Scope.ValueString() == defaultScope) {
			diags.AddAttributeError(in.AtName("end"), "Missing end", fmt.Sprintf("The exclusion %q holds back every upgrade and has no end. Set "+
				"end, at most 30 days after start, or a scope that lets patches through.", name))
		}
		checkOrder(exclusion.Start, exclusion.End, in.AtName("end"), where, diags)
	}
}

func checkWindow(ctx context.Context, maintenance maintenanceModel, at path.Path, diags *diag.Diagnostics) {
	if maintenance.Window.IsNull() || maintenance.Window.IsUnknown() {
		return
	}
	var window windowModel
	diags.Append(maintenance.Window.As(ctx, &window, basetypes.ObjectAsOptions{})...)
	checkSet(window.Start, at.AtName("start"), "the maintenance window", `start = "2026-01-03T18:00:00Z"`, diags)
	checkSet(window.End, at.AtName("end"), "the maintenance window", `end = "2026-01-04T02:00:00Z"`, diags)
	checkSet(window.Recurrence, at.AtName("recurrence"), "the maintenance window", `recurrence = "FREQ=WEEKLY;BYDAY=SA,SU"`, diags)
	checkOrder(window.Start, window.End, at.AtName("end"), "the maintenance window", diags)
}

// checkOrder refuses an end that is not after the start. Times in the one form that is accepted sort as texts.
func checkOrder(start, end types.String, at path.Path, where string, diags *diag.Diagnostics) {
	if start.IsNull() || start.IsUnknown() || end.IsNull() || end.IsUnknown() || start.ValueString() < end.ValueString() {
		return
	}
	diags.AddAttributeError(at, "end is not after start", fmt.Sprintf("In %s start is %s and end is %s. Swap or correct them.",
		where, start.ValueString(), end.ValueString()))
}
