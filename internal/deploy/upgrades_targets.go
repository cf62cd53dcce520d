package deploy

import (
	"cmp"
	"fmt"
	"slices"

	"cloud.google.com/go/container/apiv1/containerpb"
	"k8s.io/apimachinery/pkg/util/version"
)

// upgradeTarget is an upgrade that the exclusion holds back.
type upgradeTarget struct{ what, version string }

// pending are the upgrades of this cluster that GKE wants and the exclusion holds back: the next minor version of the
// control plane, and any version of nodes. A patch of the control plane is not among them: the exclusion lets it through.
func (f upgradeFacts) pending() []upgradeTarget {
	var pending []upgradeTarget
	if target := cmp.Or(f.info.GetMinorTargetVersion(), f.hiddenTarget()); target != "" {
		pending = append(pending, upgradeTarget{"the control plane", target})
	}
	for _, pool := range f.lagging() {
		info := f.pools[pool.GetName()]
		target := f.live.GetCurrentMasterVersion() // nodes go no further
		if told := highestText([]upgradeTarget{{"", info.GetMinorTargetVersion()}, {"", info.GetPatchTargetVersion()}}); told != "" {
			target = told
		}
		pending = append(pending, upgradeTarget{fmt.Sprintf("node pool %q", pool.GetName()), target})
	}
	return pending
}

// lagging are the node pools that GKE upgrades and that are behind the control plane.
func (f upgradeFacts) lagging() []*containerpb.NodePool {
	var lagging []*containerpb.NodePool
	for _, pool := range f.live.GetNodePools() {
		leaving := pool.GetStatus() == containerpb.NodePool_STOPPING
		if !leaving && pool.GetManagement().GetAutoUpgrade() && pool.GetVersion() != f.live.GetCurrentMasterVersion() {
			lagging = append(lagging, pool)
		}
	}
	return lagging
}

// asksChannel tells whether the release channel must say what the control plane would be upgraded to. GKE's target depends
// on the cluster's exclusions, so it may name none while minor upgrades are held back; that matters once the other cluster
// is ahead.
func (f upgradeFacts) asksChannel() bool {
	if held, _ := upgradeHoldOf(f.live.GetMaintenancePolicy(), f.now); !held || f.info == nil || f.info.GetMinorTargetVersion() != "" {
		return false
	}
	own, err := parseGKEVersion(f.live.GetCurrentMasterVersion())
	if err != nil {
		return false
	}
	other, err := parseGKEVersion(f.other.cluster.GetCurrentMasterVersion())
	return err == nil && minorsBetween(own, other) > 0
}

// hiddenTarget is the version of the next minor version that the release channel upgrades to, while GKE names no target
// for a held cluster; empty when the channel has none.
func (f upgradeFacts) hiddenTarget() string {
	current, err := parseGKEVersion(f.live.GetCurrentMasterVersion())
	if err != nil || !f.asksChannel() || f.channel == nil {
		return ""
	}
	goal, err := parseGKEVersion(cmp.Or(f.channel.GetUpgradeTargetVersion(), f.channel.GetDefaultVersion()))
	if err != nil || minorsBetween(current, goal) < 1 {
		return ""
	}
	if minorsBetween(current, goal) == 1 {
		return goal.String()
	}
	var next []upgradeTarget
	for _, text := range f.channel.GetValidVersions() {
		if v, err := parseGKEVersion(text); err == nil && minorsBetween(current, v) == 1 {
			next = append(next, upgradeTarget{"", text})
		}
	}
	return cmp.Or(highestText(next), goal.String())
}

func minorsBetween(from, to *version.Version) int {
	if from.Major() != to.Major() {
		return 0
	}
	return int(to.Minor()) - int(from.Minor())
}

// highestText is the highest version of targets. One that cannot be read wins: it is the one to be careful with.
func highestText(targets []upgradeTarget) string {
	texts := make([]string, 0, len(targets))
	for _, target := range targets {
		if target.version != "" {
			texts = append(texts, target.version)
		}
	}
	if len(texts) == 0 {
		return ""
	}
	return slices.MaxFunc(texts, func(a, b string) int {
		va, errA := parseGKEVersion(a)
		vb, errB := parseGKEVersion(b)
		switch {
		case errA != nil || errB != nil:
			return boolCompare(errA != nil && errB == nil, errB != nil && errA == nil)
		default:
			return -boolCompare(va.LessThan(vb), vb.LessThan(va))
		}
	})
}
