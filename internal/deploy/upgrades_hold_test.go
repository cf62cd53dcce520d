package deploy

import (
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// busyPolicy has everything that others put into a policy.
func busyPolicy() *containerpb.MaintenancePolicy {
	return &containerpb.MaintenancePolicy{
		ResourceVersion:  "e3b0c442",
		DisruptionBudget: &containerpb.DisruptionBudget{PatchVersionDisruptionInterval: durationpb.New(30 * 24 * time.Hour)},
		Window: &containerpb.MaintenanceWindow{
			Policy: &containerpb.MaintenanceWindow_DailyMaintenanceWindow{
				DailyMaintenanceWindow: &containerpb.DailyMaintenanceWindow{StartTime: "03:00", Duration: "PT4H0M0S"},
			},
			MaintenanceExclusions: map[string]*containerpb.TimeWindow{
				"freeze": {StartTime: timestamppb.New(upgradeNow), EndTime: timestamppb.New(upgradeNow.AddDate(0, 0, 20))},
			},
		},
	}
}

func TestWithUpgradeHoldKeepsWhatOthersSet(t *testing.T) {
	before := busyPolicy()
	held := withUpgradeHold(before, true, upgradeNow.Add(300*time.Millisecond))
	if !proto.Equal(before, busyPolicy()) {
		t.Error("the policy that was passed in has changed")
	}
	exclusion := held.GetWindow().GetMaintenanceExclusions()["twelvefactor-upgrade-after"]
	want := &containerpb.TimeWindow{
		StartTime: timestamppb.New(upgradeNow),
		Options: &containerpb.TimeWindow_MaintenanceExclusionOptions{MaintenanceExclusionOptions: &containerpb.MaintenanceExclusionOptions{
			Scope:           containerpb.MaintenanceExclusionOptions_NO_MINOR_OR_NODE_UPGRADES,
			EndTimeBehavior: containerpb.MaintenanceExclusionOptions_UNTIL_END_OF_SUPPORT,
		}},
	}
	if diff := cmp.Diff(want, exclusion, protocmp.Transform()); diff != "" {
		t.Errorf("exclusion (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(busyPolicy(), withUpgradeHold(held, false, upgradeNow), protocmp.Transform()); diff != "" {
		t.Errorf("held and lifted again (-want +got):\n%s", diff)
	}
}

func TestWithUpgradeHoldOfNoPolicy(t *testing.T) {
	if held, fixed := upgradeHoldOf(withUpgradeHold(nil, true, upgradeNow), upgradeNow); !held || fixed {
		t.Errorf("held %t, fixed %t", held, fixed)
	}
	if held, _ := upgradeHoldOf(withUpgradeHold(nil, false, upgradeNow), upgradeNow); held {
		t.Error("held without an exclusion")
	}
}

// GKE shows an end where it was told none, and does not take both.
func TestMaintenanceStepsLeaveMovingEndsOut(t *testing.T) {
	live := withUpgradeHold(busyPolicy(), true, daysAgo(3))
	live.GetWindow().GetMaintenanceExclusions()[upgradeExclusion].EndTime = timestamppb.New(upgradeNow.AddDate(1, 0, 0))
	before := proto.CloneOf(live)
	goal := clusterGoal{spec: ClusterSpec{UpgradeAfter: &UpgradeAfter{Hold: true}, Settings: ClusterSettings{
		Maintenance: ClusterMaintenance{DailyStart: "04:00", Exclusions: clusterMaintenanceOf(live).Exclusions},
	}}, now: upgradeNow}
	policy, _ := goal.maintenancePolicy(&containerpb.Cluster{MaintenancePolicy: live})
	exclusions := policy.GetWindow().GetMaintenanceExclusions()
	if exclusions[upgradeExclusion] == nil || exclusions[upgradeExclusion].GetEndTime() != nil || exclusions["freeze"].GetEndTime() == nil {
		t.Errorf("exclusions %v", exclusions)
	}
	if !proto.Equal(live, before) {
		t.Error("the live policy was changed")
	}
}

// One write sets what the user declares and what the provider keeps by itself.
func TestMaintenanceStepsAreOneWrite(t *testing.T) {
	daily := ClusterMaintenance{DailyStart: "03:00"}
	inChannel := &containerpb.ReleaseChannel{Channel: containerpb.ReleaseChannel_REGULAR}
	held := withUpgradeHold(busyPolicy(), true, daysAgo(3))
	ended := withUpgradeHold(busyPolicy(), true, daysAgo(3))
	ended.GetWindow().GetMaintenanceExclusions()[upgradeExclusion].EndTime = timestamppb.New(daysAgo(1))
	for name, row := range map[string]struct {
		live  *containerpb.Cluster
		after *UpgradeAfter
		want  ClusterMaintenance
		step  string // empty: none
		hold  bool
	}{
		"held as it should be":     {&containerpb.Cluster{MaintenancePolicy: held, ReleaseChannel: inChannel}, &UpgradeAfter{Hold: true}, clusterMaintenanceOf(held), "", true},
		"to be held":               {&containerpb.Cluster{MaintenancePolicy: busyPolicy(), ReleaseChannel: inChannel}, &UpgradeAfter{Hold: true}, clusterMaintenanceOf(held), "upgrade_after", true},
		"to be held again":         {&containerpb.Cluster{MaintenancePolicy: ended, ReleaseChannel: inChannel}, &UpgradeAfter{Hold: true}, clusterMaintenanceOf(held), "upgrade_after", true},
		"to be lifted":             {&containerpb.Cluster{MaintenancePolicy: held, ReleaseChannel: inChannel}, &UpgradeAfter{}, clusterMaintenanceOf(held), "upgrade_after", false},
		"not wanted any more":      {&containerpb.Cluster{MaintenancePolicy: held, ReleaseChannel: inChannel}, nil, clusterMaintenanceOf(held), "upgrade_after", false},
		"never wanted":             {&containerpb.Cluster{MaintenancePolicy: busyPolicy(), ReleaseChannel: inChannel}, nil, clusterMaintenanceOf(held), "", false},
		"other windows":            {&containerpb.Cluster{MaintenancePolicy: held, ReleaseChannel: inChannel}, &UpgradeAfter{Hold: true}, daily, "maintenance", true},
		"other windows, and held":  {&containerpb.Cluster{MaintenancePolicy: busyPolicy(), ReleaseChannel: inChannel}, &UpgradeAfter{Hold: true}, daily, "maintenance", true},
		"not in a channel, so not": {&containerpb.Cluster{MaintenancePolicy: busyPolicy()}, &UpgradeAfter{Hold: true}, clusterMaintenanceOf(held), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			goal := clusterGoal{spec: ClusterSpec{UpgradeAfter: row.after, Settings: ClusterSettings{Maintenance: row.want}}, now: upgradeNow}
			policy, step := goal.maintenancePolicy(row.live)
			if step != row.step {
				t.Fatalf("step %q, want %q", step, row.step)
			}
			if got, _ := upgradeHoldOf(policy, upgradeNow); got != row.hold {
				t.Errorf("held %t in %v", got, policy)
			}
			if got := clusterMaintenanceOf(policy); !got.Same(row.want) {
				t.Errorf("maintenance %+v, want %+v", got, row.want)
			}
			if policy.GetDisruptionBudget() == nil || policy.GetResourceVersion() != "e3b0c442" {
				t.Errorf("the disruption budget or the resource version is lost: %v", policy)
			}
		})
	}
}
