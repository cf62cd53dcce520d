package deploy

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

const (
	v33  = "1.33.5-gke.100"
	v34a = "1.34.1-gke.900"
	v34b = "1.34.1-gke.1200" // later than v34a, though it sorts before it as text
	v35  = "1.35.2-gke.700"
)

var upgradeNow = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func daysAgo(days int) time.Time { return upgradeNow.AddDate(0, 0, -days) }

func upgraded(from, to string, ended time.Time) *containerpb.UpgradeDetails {
	return &containerpb.UpgradeDetails{
		State: containerpb.UpgradeDetails_SUCCEEDED, InitialVersion: from, TargetVersion: to,
		StartTime: timestamppb.New(ended.Add(-time.Hour)), EndTime: timestamppb.New(ended),
	}
}

func upgradeIn(state containerpb.UpgradeDetails_State, from, to string, started time.Time) *containerpb.UpgradeDetails {
	return &containerpb.UpgradeDetails{State: state, InitialVersion: from, TargetVersion: to, StartTime: timestamppb.New(started)}
}

// waiting are the facts of a held cluster at 1.33 that GKE wants at v34a, and of another that has run v34a for ten days,
// nodes included.
func waiting(changes ...func(*upgradeFacts)) upgradeFacts {
	pool := func(name, version string) *containerpb.NodePool {
		return &containerpb.NodePool{Name: name, Version: version, Management: &containerpb.NodeManagement{AutoUpgrade: true}}
	}
	f := upgradeFacts{
		rule: UpgradeAfter{
			Cluster: names.ClusterID{Project: "acme-dev", Location: "asia-northeast1", Name: "dev"},
			Soak:    7 * 24 * time.Hour, Granularity: UpgradeByPatch,
		},
		now: upgradeNow,
		live: &containerpb.Cluster{
			Name: "prod", CurrentMasterVersion: v33, NodePools: []*containerpb.NodePool{pool("base", v33)},
			ReleaseChannel:    &containerpb.ReleaseChannel{Channel: containerpb.ReleaseChannel_REGULAR},
			MaintenancePolicy: withUpgradeHold(nil, true, daysAgo(30)),
		},
		info:  &containerpb.ClusterUpgradeInfo{MinorTargetVersion: proto.String(v34a)},
		pools: map[string]*containerpb.NodePoolUpgradeInfo{},
		other: upgradeCluster{
			cluster: &containerpb.Cluster{
				Status: containerpb.Cluster_RUNNING, CurrentMasterVersion: v34a, InitialClusterVersion: v33,
				CreateTime: daysAgo(200).Format(time.RFC3339), NodePools: []*containerpb.NodePool{pool("base", v34a)},
			},
			info:  &containerpb.ClusterUpgradeInfo{UpgradeDetails: []*containerpb.UpgradeDetails{upgraded(v33, v34a, daysAgo(12))}},
			pools: map[string]*containerpb.NodePoolUpgradeInfo{"base": {UpgradeDetails: []*containerpb.UpgradeDetails{upgraded(v33, v34a, daysAgo(10))}}},
		},
	}
	for _, change := range changes {
		change(&f)
	}
	return f
}

func lifted(f *upgradeFacts) { f.live.MaintenancePolicy = nil }

// target is what GKE wants to upgrade the control plane to; empty for nothing.
func target(version string) func(*upgradeFacts) {
	return func(f *upgradeFacts) {
		f.info.MinorTargetVersion = nil
		if version != "" {
			f.info.MinorTargetVersion = &version
		}
	}
}

// runs is the version of the other cluster and the upgrades that led there, of control plane and nodes alike.
func runs(version string, history ...*containerpb.UpgradeDetails) func(*upgradeFacts) {
	return func(f *upgradeFacts) {
		f.other.cluster.CurrentMasterVersion = version
		f.other.info.UpgradeDetails = history
		nodesRun(version, history...)(f)
	}
}

func nodesRun(version string, history ...*containerpb.UpgradeDetails) func(*upgradeFacts) {
	return func(f *upgradeFacts) {
		f.other.cluster.NodePools[0].Version = version
		f.other.pools["base"].UpgradeDetails = history
	}
}

// born makes the other cluster one that was never upgraded.
func born(version string, days int) func(*upgradeFacts) {
	return func(f *upgradeFacts) {
		f.other.cluster.InitialClusterVersion, f.other.cluster.CreateTime = version, daysAgo(days).Format(time.RFC3339)
		runs(version)(f)
	}
}

func last(d UpgradeDecision) func(*upgradeFacts) { return func(f *upgradeFacts) { f.rule.Last = d } }

func noChannel(f *upgradeFacts) { f.live.ReleaseChannel = nil }

func byMinor(f *upgradeFacts) { f.rule.Granularity = UpgradeByMinor }

// nodesOnly is a cluster whose control plane is ahead of its nodes, and for which GKE plans nothing else.
func nodesOnly(master, nodes string) func(*upgradeFacts) {
	return func(f *upgradeFacts) {
		target("")(f)
		f.live.CurrentMasterVersion, f.live.NodePools[0].Version = master, nodes
	}
}

func unreadable(code codes.Code) func(*upgradeFacts) {
	return func(f *upgradeFacts) { f.other, f.otherUnreadable = upgradeCluster{}, status.Error(code, "no") }
}

func supportEnds(at time.Time) func(*upgradeFacts) {
	return func(f *upgradeFacts) { f.info.EndOfStandardSupportTimestamp = proto.String(at.Format(time.RFC3339)) }
}

func TestDecideUpgrades(t *testing.T) {
	for name, row := range map[string]struct {
		facts          upgradeFacts
		due            string
		soaked, reason string // reason: a part of it
	}{
		"soaked":                    {waiting(), UpgradeLift, v34a, "has run " + v34a + " for 168h"},
		"soaked and lifted already": {waiting(lifted), "", v34a, "may upgrade this cluster to " + v34a},
		"control plane soaked, not yet the nodes": {
			waiting(nodesRun(v34a, upgraded(v33, v34a, daysAgo(3)))), "", v33, "since 2026-11-25T12:00:00Z and soaks until 2026-12-02T12:00:00Z",
		},
		"exactly the soak":            {waiting(nodesRun(v34a, upgraded(v33, v34a, daysAgo(7)))), UpgradeLift, v34a, ""},
		"a second less than the soak": {waiting(nodesRun(v34a, upgraded(v33, v34a, daysAgo(7).Add(time.Second)))), "", v33, ""},
		"nodes lag behind": {
			waiting(nodesRun(v33)), "", v33, `is not there yet: node pool "base" runs ` + v33,
		},
		"other never upgraded, old":   {waiting(born(v34a, 9)), UpgradeLift, v34a, ""},
		"other never upgraded, young": {waiting(born(v34a, 2)), "", "", "soaks until 2026-12-03T12:00:00Z"},
		"other not upgraded yet":      {waiting(born(v33, 300)), "", v33, "is not there yet: the control plane runs " + v33},
		"lifted too early":            {waiting(lifted, born(v33, 300)), UpgradeHold, v33, ""},
		"target is a later patch":     {waiting(target(v34b)), "", v34a, "is not there yet"},
		"target is an earlier patch":  {waiting(born(v34b, 9)), UpgradeLift, v34b, ""},
		"other a minor further":       {waiting(born(v35, 9)), UpgradeLift, v35, ""},
		"target a minor further":      {waiting(target(v35)), "", v34a, "not there yet"},
		"other patched two days ago": {
			waiting(runs(v34b, upgraded(v34a, v34b, daysAgo(2)), upgraded(v33, v34a, daysAgo(12)))), UpgradeLift, v34a, "",
		},
		"other patched two days ago, target the new patch": {
			waiting(target(v34b), runs(v34b, upgraded(v34a, v34b, daysAgo(2)), upgraded(v33, v34a, daysAgo(12)))),
			"", v34a, "soaks until 2026-12-03T12:00:00Z",
		},
		"by minor: other patched two days ago, target the new patch": {
			waiting(byMinor, target(v34b), runs(v34b, upgraded(v34a, v34b, daysAgo(2)), upgraded(v33, v34a, daysAgo(12)))),
			UpgradeLift, v34b, "",
		},
		"by minor: the patch is not there yet": {waiting(byMinor, target(v34b)), "", v34a, "not there yet"},
		"by minor: the patch is on the control plane only": {
			waiting(byMinor, target(v34b), func(f *upgradeFacts) {
				f.other.cluster.CurrentMasterVersion = v34b
				f.other.info.UpgradeDetails = append(f.other.info.UpgradeDetails, upgraded(v34a, v34b, daysAgo(1)))
			}), "", v34a, `node pool "base" runs ` + v34a,
		},
		"by minor: the minor is young": {waiting(byMinor, born(v34a, 3)), "", "", "soaks until"},
		"other being upgraded: it ran the old version for long": {
			waiting(runs(v35, upgradeIn(containerpb.UpgradeDetails_RUNNING, v34a, v35, daysAgo(0)), upgraded(v33, v34a, daysAgo(10)))),
			UpgradeLift, v34a, "",
		},
		"other being upgraded to the target": {
			waiting(nodesRun(v34a, upgradeIn(containerpb.UpgradeDetails_RUNNING, v33, v34a, daysAgo(9)))), "", v33, `node pool "base" runs ` + v33,
		},
		"upgrade of the other's nodes failed": {
			waiting(nodesRun(v34a, upgradeIn(containerpb.UpgradeDetails_FAILED, v33, v34a, daysAgo(9)))), "", v33, `node pool "base" runs ` + v33,
		},
		"it failed, and went well later": {
			waiting(nodesRun(v34a, upgradeIn(containerpb.UpgradeDetails_FAILED, v33, v34a, daysAgo(9)), upgraded(v33, v34a, daysAgo(8)))),
			UpgradeLift, v34a, "",
		},
		"cancelled": {
			waiting(nodesRun(v34a, upgradeIn(containerpb.UpgradeDetails_CANCELED, v33, v34a, daysAgo(9)))), "", v33, "",
		},
		"rolled back": {
			waiting(runs(v33, upgraded(v34a, v33, daysAgo(1)), upgraded(v33, v34a, daysAgo(20)))), "", v33, "not there yet",
		},
		"rolled back and upgraded again": {
			waiting(runs(v34a, upgraded(v33, v34a, daysAgo(1)), upgraded(v34a, v33, daysAgo(2)), upgraded(v33, v34a, daysAgo(20)))),
			"", v33, "since 2026-11-27T12:00:00Z",
		},
		"upgraded by hand, which GKE does not tell": {
			waiting(runs(v35, upgraded(v33, v34a, daysAgo(20))), target(v35)), "", "", "since 2026-11-28T12:00:00Z",
		},
		"the same, seen eight days ago": {
			waiting(runs(v35, upgraded(v33, v34a, daysAgo(20))), target(v35), last(UpgradeDecision{Running: v35, RunningSince: daysAgo(8)})),
			UpgradeLift, v35, "",
		},
		"the same, seen when it ran less": {
			waiting(runs(v35, upgraded(v33, v34a, daysAgo(20))), target(v35), last(UpgradeDecision{Running: v34a, RunningSince: daysAgo(8)})),
			"", "", "",
		},
		"GKE has forgotten since when, and it had soaked": {
			waiting(runs(v34a), last(UpgradeDecision{Soaked: v34a})), UpgradeLift, v34a, "",
		},
		"GKE has forgotten since when, and nobody has seen it": {
			waiting(runs(v34a)), "", "", "since 2026-11-28T12:00:00Z",
		},
		"an upgrade that took nine days: what came before was there for ten": {
			waiting(nodesRun(v35, &containerpb.UpgradeDetails{
				State: containerpb.UpgradeDetails_SUCCEEDED, InitialVersion: v34a, TargetVersion: v35,
				StartTime: timestamppb.New(daysAgo(10)), EndTime: timestamppb.New(daysAgo(1)),
			})), UpgradeLift, v34a, "",
		},
		"a young node pool at the soaked version": {
			waiting(last(UpgradeDecision{Soaked: v34a}), func(f *upgradeFacts) {
				f.other.cluster.NodePools = append(f.other.cluster.NodePools, &containerpb.NodePool{Name: "new", Version: v34a})
			}), UpgradeLift, v34a, "",
		},
		"a node pool that goes away does not count": {
			waiting(func(f *upgradeFacts) {
				f.other.cluster.NodePools = append(f.other.cluster.NodePools,
					&containerpb.NodePool{Name: "old", Version: v33, Status: containerpb.NodePool_STOPPING})
			}), UpgradeLift, v34a, "",
		},
		"nothing planned":                  {waiting(target("")), "", v34a, "plans no minor upgrade"},
		"nothing planned any more, lifted": {waiting(target(""), lifted), UpgradeHold, v34a, "plans no minor upgrade"},
		"only a patch of the control plane": {
			waiting(target(""), func(f *upgradeFacts) { f.info.PatchTargetVersion = proto.String("1.33.6-gke.1") }), "", v34a, "plans no minor upgrade",
		},
		"nodes behind, soaked":                 {waiting(nodesOnly(v34a, v33)), UpgradeLift, v34a, "may upgrade this cluster to " + v34a},
		"nodes behind, not soaked":             {waiting(nodesOnly(v35, v34a)), "", v34a, "upgrade this cluster to " + v35},
		"nodes behind, but GKE leaves them be": {waiting(nodesOnly(v34a, v33), func(f *upgradeFacts) { f.live.NodePools[0].Management = nil }), "", v34a, ""},
		"nodes behind, GKE wants less": {
			waiting(nodesOnly(v34b, v33), func(f *upgradeFacts) {
				f.pools["base"] = &containerpb.NodePoolUpgradeInfo{MinorTargetVersion: proto.String(v34a)}
			}), UpgradeLift, v34a, "",
		},
		"nodes may, the control plane may not": {waiting(nodesOnly(v34a, v33), target(v35)), "", v34a, "upgrade this cluster to " + v35},
		"being upgraded": {
			waiting(lifted, func(f *upgradeFacts) {
				f.info.UpgradeDetails = append(f.info.UpgradeDetails, upgradeIn(containerpb.UpgradeDetails_RUNNING, v33, v34a, upgradeNow))
				target("")(f)
			}), "", v34a, "is upgrading this cluster",
		},
		"target hidden by the exclusion": {
			waiting(target(""), func(f *upgradeFacts) {
				f.channel = &containerpb.ServerConfig_ReleaseChannelConfig{UpgradeTargetVersion: v34a}
			}), UpgradeLift, v34a, "",
		},
		"target hidden, two minors ahead": {
			waiting(target(""), born(v35, 9), func(f *upgradeFacts) {
				f.channel = &containerpb.ServerConfig_ReleaseChannelConfig{UpgradeTargetVersion: v35, ValidVersions: []string{v35, v34b, v34a, v33}}
			}), UpgradeLift, v35, "may upgrade this cluster to " + v34b,
		},
		"target hidden, not soaked": {
			waiting(target(""), func(f *upgradeFacts) {
				f.channel = &containerpb.ServerConfig_ReleaseChannelConfig{UpgradeTargetVersion: v34b}
			}), "", v34a, "not there yet",
		},
		"the channel has nothing newer": {
			waiting(target(""), func(f *upgradeFacts) {
				f.channel = &containerpb.ServerConfig_ReleaseChannelConfig{UpgradeTargetVersion: v33}
			}), "", v34a, "plans no minor upgrade",
		},
		"other gone":                        {waiting(unreadable(codes.NotFound)), "", "", "cannot be read"},
		"other gone, lifted":                {waiting(lifted, unreadable(codes.NotFound)), UpgradeHold, "", "cannot be read"},
		"other forbidden, lifted":           {waiting(lifted, unreadable(codes.PermissionDenied)), UpgradeHold, "", "cannot be read"},
		"other out of reach, lifted":        {waiting(lifted, unreadable(codes.Unavailable)), "", "", "nothing changes"},
		"other broken":                      {waiting(func(f *upgradeFacts) { f.other.cluster.Status = containerpb.Cluster_ERROR }), "", "", "is ERROR"},
		"other being made":                  {waiting(func(f *upgradeFacts) { f.other.cluster.Status = containerpb.Cluster_PROVISIONING }), "", "", "is PROVISIONING"},
		"own information out of reach":      {waiting(lifted, func(f *upgradeFacts) { f.info, f.unreadable = nil, status.Error(codes.PermissionDenied, "no") }), "", v34a, "nothing changes"},
		"unknown version of the other":      {waiting(runs("1.34-something")), "", "", `"1.34-something" is not a GKE version`},
		"unknown target":                    {waiting(target("next")), "", v34a, "no version that can be compared"},
		"unknown target is not let through": {waiting(lifted, target("next")), UpgradeHold, v34a, ""},
		"end of support reached":            {waiting(lifted, born(v33, 300), supportEnds(daysAgo(1))), "", v33, "reached its end of support"},
		"extended channel goes on after the end of standard support": {
			waiting(born(v33, 300), supportEnds(daysAgo(1)), func(f *upgradeFacts) {
				f.live.ReleaseChannel.Channel = containerpb.ReleaseChannel_EXTENDED
				f.info.EndOfExtendedSupportTimestamp = proto.String("2027-11-28T00:00:00Z")
			}), "", v33, "not there yet",
		},
		"in no release channel": {waiting(lifted, noChannel), "", v34a, "no release channel"},
		"exclusion with a fixed end": {
			waiting(born(v33, 300), func(f *upgradeFacts) {
				e := f.live.GetMaintenancePolicy().GetWindow().GetMaintenanceExclusions()[upgradeExclusion]
				e.EndTime = timestamppb.New(upgradeNow.AddDate(0, 1, 0))
				e.GetMaintenanceExclusionOptions().EndTimeBehavior = containerpb.MaintenanceExclusionOptions_END_TIME_BEHAVIOR_UNSPECIFIED
			}), UpgradeRenew, v33, "",
		},
		"exclusion that has ended": {
			waiting(born(v33, 300), func(f *upgradeFacts) {
				f.live.GetMaintenancePolicy().GetWindow().GetMaintenanceExclusions()[upgradeExclusion].EndTime = timestamppb.New(daysAgo(1))
			}), UpgradeHold, v33, "",
		},
		"exclusion of a narrower scope": {
			waiting(born(v33, 300), func(f *upgradeFacts) {
				f.live.GetMaintenancePolicy().GetWindow().GetMaintenanceExclusions()[upgradeExclusion].GetMaintenanceExclusionOptions().Scope =
					containerpb.MaintenanceExclusionOptions_NO_MINOR_UPGRADES
			}), UpgradeHold, v33, "",
		},
		"other waits itself": {
			waiting(born(v33, 300), func(f *upgradeFacts) { f.other.cluster.MaintenancePolicy = withUpgradeHold(nil, true, daysAgo(3)) }),
			"", v33, "It waits for another cluster itself",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := decideUpgrades(row.facts)
			if got.Due != row.due || got.Soaked != row.soaked || !strings.Contains(got.Reason, row.reason) {
				t.Errorf("due %q, soaked %q, reason %q; want due %q, soaked %q, reason with %q", got.Due, got.Soaked, got.Reason, row.due, row.soaked, row.reason)
			}
		})
	}
}

// What a read finds out stays the same while nothing happens, so that a refresh shows no change.
func TestDecideUpgradesDoesNotChangeWithTime(t *testing.T) {
	for name, facts := range map[string]upgradeFacts{
		"soaking":  waiting(nodesRun(v34a, upgraded(v33, v34a, daysAgo(3)))),
		"soaked":   waiting(lifted),
		"unlisted": waiting(runs(v35, upgraded(v33, v34a, daysAgo(20))), target(v35)),
	} {
		t.Run(name, func(t *testing.T) {
			first := decideUpgrades(facts)
			facts.rule.Last, facts.now = first, facts.now.Add(25*time.Hour)
			if diff := cmp.Diff(first, decideUpgrades(facts)); diff != "" {
				t.Errorf("a day later (-before +now):\n%s", diff)
			}
		})
	}
}

func TestDecideUpgradesSaysWhatIsRun(t *testing.T) {
	got := decideUpgrades(waiting())
	want := UpgradeDecision{
		Held: true, Due: UpgradeLift, Target: v34a, Soaked: v34a, Running: v34a, RunningSince: daysAgo(10), Reason: got.Reason,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decision (-want +got):\n%s", diff)
	}
}

func TestUpgradeNotices(t *testing.T) {
	for name, row := range map[string]struct {
		facts upgradeFacts
		want  []string
	}{
		"fine": {waiting(), nil},
		"other gone": {waiting(unreadable(codes.NotFound)), []string{
			`Cluster "dev", which upgrade_after names, does not exist`, "remove upgrade_after", "projects/acme-dev/locations/asia-northeast1/clusters/dev",
		}},
		"other forbidden": {waiting(unreadable(codes.PermissionDenied)), []string{
			"cannot be read", "container.clusters.get", "roles/container.clusterViewer", "project acme-dev", "stay held",
		}},
		"other out of reach": {waiting(unreadable(codes.Unavailable)), []string{"cannot be read", "Nothing changes until it can"}},
		"own information": {waiting(func(f *upgradeFacts) { f.info, f.unreadable = nil, status.Error(codes.PermissionDenied, "no") }), []string{
			`upgrade cluster "prod" to could not be read`, "container.clusters.get",
		}},
		"no channel":                    {waiting(lifted, noChannel), []string{"cannot wait for another cluster", `release_channel = "regular"`}},
		"end of support near":           {waiting(supportEnds(upgradeNow.AddDate(0, 0, 20))), []string{"reaches its end of support", "2026-12-18T12:00:00Z"}},
		"end of support near, not held": {waiting(lifted, supportEnds(upgradeNow.AddDate(0, 0, 20))), nil},
		"end of support far":            {waiting(supportEnds(upgradeNow.AddDate(0, 0, 90))), nil},
	} {
		t.Run(name, func(t *testing.T) {
			notices := decideUpgrades(row.facts).Notices
			if len(notices) != min(1, len(row.want)) {
				t.Fatalf("notices %q, want %d", notices, min(1, len(row.want)))
			}
			for _, part := range row.want {
				if !strings.Contains(notices[0].Summary+"\n"+notices[0].Detail, part) {
					t.Errorf("notice %q lacks %q", notices[0], part)
				}
			}
		})
	}
}
