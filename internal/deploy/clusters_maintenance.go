package deploy

import (
	"strings"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// ClusterMaintenance is when GKE may work on a cluster. Empty means any time.
type ClusterMaintenance struct {
	// DailyStart is the start of a window of four hours every day, as HH:MM in GMT.
	DailyStart string
	// Window is a recurring window; empty when there is none.
	Window MaintenanceWindow
	// Exclusions are times without maintenance, by name.
	Exclusions map[string]MaintenanceExclusion
}

// MaintenanceWindow is a first window, from Start to End, that recurs. Times are RFC 3339 in UTC; Recurrence is an RRULE of
// RFC 5545 without the word RRULE, such as FREQ=WEEKLY;BYDAY=SA,SU.
type MaintenanceWindow struct{ Start, End, Recurrence string }

// MaintenanceExclusion is a time in which GKE does not upgrade. Times are RFC 3339 in UTC; an empty End lasts until the end
// of support of the cluster's version.
type MaintenanceExclusion struct {
	Start, End string
	// Scope is one of ExclusionScopes.
	Scope string
}

// ExclusionScopes lists what an exclusion can hold back: everything, new minor versions, or those and new nodes.
func ExclusionScopes() []string {
	return []string{"no_upgrades", "no_minor_upgrades", "no_minor_or_node_upgrades"}
}

// clusterOwnExclusion begins the names of the exclusions that this provider keeps by itself.
const clusterOwnExclusion = "twelvefactor-"

// clusterMaintenanceOf reads a live policy, without the exclusions that this provider keeps by itself.
func clusterMaintenanceOf(policy *containerpb.MaintenancePolicy) ClusterMaintenance {
	window := policy.GetWindow()
	m := ClusterMaintenance{DailyStart: window.GetDailyMaintenanceWindow().GetStartTime()}
	if recurring := window.GetRecurringWindow(); recurring != nil {
		m.Window = MaintenanceWindow{
			Start:      maintenanceTime(recurring.GetWindow().GetStartTime()),
			End:        maintenanceTime(recurring.GetWindow().GetEndTime()),
			Recurrence: recurring.GetRecurrence(),
		}
	}
	for name, exclusion := range window.GetMaintenanceExclusions() {
		if strings.HasPrefix(name, clusterOwnExclusion) {
			continue
		}
		if m.Exclusions == nil {
			m.Exclusions = map[string]MaintenanceExclusion{}
		}
		options := exclusion.GetMaintenanceExclusionOptions()
		e := MaintenanceExclusion{
			Start: maintenanceTime(exclusion.GetStartTime()),
			Scope: strings.ToLower(options.GetScope().String()),
		}
		if options.GetEndTimeBehavior() != containerpb.MaintenanceExclusionOptions_UNTIL_END_OF_SUPPORT {
			e.End = maintenanceTime(exclusion.GetEndTime())
		}
		m.Exclusions[name] = e
	}
	return m
}

// policy is the whole policy for GKE, which is replaced as one. live is the policy of before, of which the resource version,
// the disruption budget and the exclusions that this provider keeps by itself stay; nil for a new cluster.
func (m ClusterMaintenance) policy(live *containerpb.MaintenancePolicy) *containerpb.MaintenancePolicy {
	window := &containerpb.MaintenanceWindow{MaintenanceExclusions: map[string]*containerpb.TimeWindow{}}
	switch {
	case m.DailyStart != "":
		window.Policy = &containerpb.MaintenanceWindow_DailyMaintenanceWindow{
			DailyMaintenanceWindow: &containerpb.DailyMaintenanceWindow{StartTime: m.DailyStart},
		}
	case m.Window != MaintenanceWindow{}:
		window.Policy = &containerpb.MaintenanceWindow_RecurringWindow{RecurringWindow: &containerpb.RecurringTimeWindow{
			Window:     &containerpb.TimeWindow{StartTime: maintenanceStamp(m.Window.Start), EndTime: maintenanceStamp(m.Window.End)},
			Recurrence: m.Window.Recurrence,
		}}
	}
	for name, exclusion := range live.GetWindow().GetMaintenanceExclusions() {
		if strings.HasPrefix(name, clusterOwnExclusion) {
			window.MaintenanceExclusions[name] = proto.CloneOf(exclusion)
		}
	}
	for name, e := range m.Exclusions {
		window.MaintenanceExclusions[name] = e.message()
	}
	return &containerpb.MaintenancePolicy{
		Window: window, ResourceVersion: live.GetResourceVersion(), DisruptionBudget: proto.CloneOf(live.GetDisruptionBudget()),
	}
}

func (e MaintenanceExclusion) message() *containerpb.TimeWindow {
	options := &containerpb.MaintenanceExclusionOptions{
		Scope: containerpb.MaintenanceExclusionOptions_Scope(
			containerpb.MaintenanceExclusionOptions_Scope_value[strings.ToUpper(e.Scope)]),
	}
	if e.End == "" {
		options.EndTimeBehavior = containerpb.MaintenanceExclusionOptions_UNTIL_END_OF_SUPPORT
	}
	return &containerpb.TimeWindow{
		StartTime: maintenanceStamp(e.Start), EndTime: maintenanceStamp(e.End),
		Options: &containerpb.TimeWindow_MaintenanceExclusionOptions{MaintenanceExclusionOptions: options},
	}
}

// CheckMaintenanceTime accepts RFC 3339 in UTC with whole seconds, which is how GKE answers: another way to write the same
// time would be a difference in every plan.
func CheckMaintenanceTime(text string) error {
	_, err := time.Parse(maintenanceForm, text)
	return err
}

const maintenanceForm = "2006-01-02T15:04:05Z"

func maintenanceTime(stamp *timestamppb.Timestamp) string {
	if stamp == nil {
		return ""
	}
	return stamp.AsTime().UTC().Format(maintenanceForm)
}

// maintenanceStamp is nil for an empty text, and for one that the schema's check did not let through.
func maintenanceStamp(text string) *timestamppb.Timestamp {
	at, err := time.Parse(maintenanceForm, text)
	if err != nil {
		return nil
	}
	return timestamppb.New(at)
}
