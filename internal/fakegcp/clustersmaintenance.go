package fakegcp

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
)

// Limits of maintenance exclusions. Source:
// https://cloud.google.com/kubernetes-engine/docs/concepts/maintenance-windows-and-exclusions.
const (
	maxExclusions    = 20
	maxNoUpgrades    = 3
	maxNoUpgradeTime = 30 * 24 * time.Hour
	maxNoMinorTime   = 180 * 24 * time.Hour
)

// dailyWindow is how long a daily maintenance window is, in RFC 3339's notation. Source: the proto's comment.
const dailyWindow = "PT4H0M0S"

// policyVersionDigits of a hash make a policy's resource version: e3b0c442 is recorded for an empty policy, and is the
// beginning of SHA-256 of nothing.
const policyVersionDigits = 8

var dailyStart = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)

// checkMaintenance refuses windows and exclusions that cannot be. The texts are not recorded.
func checkMaintenance(p *containerpb.MaintenancePolicy) error {
	window := p.GetWindow()
	if daily := window.GetDailyMaintenanceWindow(); daily != nil && !dailyStart.MatchString(daily.GetStartTime()) {
		return invalid("Invalid daily maintenance window: start_time %q, want HH:MM in GMT.", daily.GetStartTime())
	}
	if recurring := window.GetRecurringWindow(); recurring != nil {
		if recurring.GetRecurrence() == "" {
			return invalid("Invalid recurring maintenance window: recurrence is required.")
		}
		if _, err := windowLength("recurring maintenance window", recurring.GetWindow()); err != nil {
			return err
		}
	}
	if window.GetRecurringMaintenanceWindow() != nil {
		return unmodelled("maintenance policies with recurring_maintenance_window")
	}
	return checkExclusions(window.GetMaintenanceExclusions())
}

// checkExclusions holds how many exclusions there can be and how long each can be.
func checkExclusions(exclusions map[string]*containerpb.TimeWindow) error {
	if len(exclusions) > maxExclusions {
		return invalid("At most %d maintenance exclusions are allowed, got %d.", maxExclusions, len(exclusions))
	}
	noUpgrades := 0
	for _, name := range slices.Sorted(maps.Keys(exclusions)) {
		exclusion := exclusions[name]
		length, err := windowLength("maintenance exclusion "+name, exclusion)
		if err != nil {
			return err
		}
		limit := maxNoMinorTime
		scope := exclusion.GetMaintenanceExclusionOptions().GetScope()
		if scope == containerpb.MaintenanceExclusionOptions_NO_UPGRADES {
			limit = maxNoUpgradeTime
			noUpgrades++
		}
		if length > limit {
			return invalid("Maintenance exclusion %q of scope %s lasts %s, at most %s are allowed.", name, scope, length, limit)
		}
	}
	if noUpgrades > maxNoUpgrades {
		return invalid("At most %d maintenance exclusions of scope NO_UPGRADES are allowed, got %d.", maxNoUpgrades, noUpgrades)
	}
	return nil
}

// windowLength is how long a window is, which ends after it starts; 0 for an exclusion that ends with the version's support.
func windowLength(what string, w *containerpb.TimeWindow) (time.Duration, error) {
	untilEndOfSupport := w.GetMaintenanceExclusionOptions().GetEndTimeBehavior() == containerpb.MaintenanceExclusionOptions_UNTIL_END_OF_SUPPORT
	if untilEndOfSupport && w.GetEndTime() == nil {
		return 0, nil
	}
	if w.GetStartTime() == nil || w.GetEndTime() == nil || !w.GetEndTime().AsTime().After(w.GetStartTime().AsTime()) {
		return 0, invalid("Invalid %s: end_time must be after start_time.", what)
	}
	if untilEndOfSupport {
		return 0, nil
	}
	return w.GetEndTime().AsTime().Sub(w.GetStartTime().AsTime()), nil
}

// stampMaintenance completes a policy that is sent.
func stampMaintenance(sent *containerpb.MaintenancePolicy) *containerpb.MaintenancePolicy {
	policy := &containerpb.MaintenancePolicy{}
	if sent != nil {
		policy = proto.CloneOf(sent)
	}
	if daily := policy.GetWindow().GetDailyMaintenanceWindow(); daily != nil {
		daily.Duration = dailyWindow
	}
	if isEmpty(policy.GetWindow()) {
		policy.Window = nil
	}
	policy.ResourceVersion = ""
	content, err := proto.MarshalOptions{Deterministic: true}.Marshal(policy)
	if err != nil {
		content = []byte(policy.String()) // strings that are not UTF-8, which no request can carry
	}
	sum := sha256.Sum256(content)
	policy.ResourceVersion = hex.EncodeToString(sum[:])[:policyVersionDigits]
	return policy
}

// activeExclusion is the widest scope of the exclusions that hold at a time; false when none does.
func activeExclusion(p *containerpb.MaintenancePolicy, at time.Time) (containerpb.MaintenanceExclusionOptions_Scope, bool) {
	found := false
	widest := containerpb.MaintenanceExclusionOptions_NO_MINOR_UPGRADES
	for _, w := range p.GetWindow().GetMaintenanceExclusions() {
		ended := w.GetEndTime() != nil && !at.Before(w.GetEndTime().AsTime())
		if at.Before(w.GetStartTime().AsTime()) || ended {
			continue
		}
		found = true
		switch scope := w.GetMaintenanceExclusionOptions().GetScope(); scope {
		case containerpb.MaintenanceExclusionOptions_NO_UPGRADES:
			return scope, true
		case containerpb.MaintenanceExclusionOptions_NO_MINOR_OR_NODE_UPGRADES:
			widest = scope
		case containerpb.MaintenanceExclusionOptions_NO_MINOR_UPGRADES:
		}
	}
	return widest, found
}
