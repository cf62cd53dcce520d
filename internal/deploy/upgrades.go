package deploy

import (
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// UpgradeAfter makes a cluster wait with minor upgrades and upgrades of nodes for what another cluster has run.
type UpgradeAfter struct {
	// Cluster is the other environment, which GKE upgrades first.
	Cluster names.ClusterID
	// Soak is how long it must have run a version, control plane and nodes.
	Soak time.Duration
	// Granularity is one of UpgradeGranularities.
	Granularity string
	// Hold is what the last read decided and the plan showed: the exclusion shall be there, or be gone.
	Hold bool
	// Last is what the last read found out; zero before the first one.
	Last UpgradeDecision
}

// What a version is when soaking is counted.
const (
	UpgradeByPatch = "patch" // 1.34.5-gke.100 is another version than 1.34.6-gke.200
	UpgradeByMinor = "minor" // both are 1.34
)

// UpgradeGranularities are the accepted granularities.
func UpgradeGranularities() []string { return []string{UpgradeByPatch, UpgradeByMinor} }

// The changes of the exclusion that can be due.
const (
	UpgradeHold  = "hold"  // the exclusion is missing
	UpgradeLift  = "lift"  // it is in the way of what has soaked
	UpgradeRenew = "renew" // it would end at a fixed time
)

// UpgradeDecision is what a read found out about held upgrades. Nothing in it depends on the time that has passed since
// then, so that it stays the same while nothing happens.
type UpgradeDecision struct {
	// Held tells that the exclusion is in force.
	Held bool
	// Due is one of UpgradeHold, UpgradeLift and UpgradeRenew; empty when everything is as it should be.
	Due string
	// Target is the highest version that GKE wants to upgrade this cluster or its nodes to; empty when there is none.
	Target string
	// Soaked is the highest version that the other cluster has run for long enough; empty when there is none.
	Soaked string
	// Running is the lowest version that the other cluster or a node pool of it runs now, and RunningSince the time since
	// which none was lower, as far as GKE tells.
	Running      string
	RunningSince time.Time
	// Reason says all this in words.
	Reason string
	// Notices are what somebody should do something about.
	Notices []Notice
}

// Warnings are the notices, none of nothing.
func (d *UpgradeDecision) Warnings() []Notice {
	if d == nil {
		return nil
	}
	return d.Notices
}

// upgradeFacts are what a decision depends on, and nothing else.
type upgradeFacts struct {
	rule  UpgradeAfter
	now   time.Time
	live  *containerpb.Cluster
	info  *containerpb.ClusterUpgradeInfo
	pools map[string]*containerpb.NodePoolUpgradeInfo
	// channel is what the cluster's release channel offers, nil where nobody has asked.
	channel *containerpb.ServerConfig_ReleaseChannelConfig
	other   upgradeCluster
	// unreadable tells why this cluster's upgrade information is missing, otherUnreadable why the other cluster is.
	unreadable, otherUnreadable error
}

// decideUpgrades decides whether this cluster's exclusion stays, goes or comes back.
//
// It is lifted only when every upgrade that it holds back leads to a version that has soaked: an exclusion cannot let one
// version through and hold back another. While GKE plans nothing for this cluster it is kept, so that a new version
// meets it.
func decideUpgrades(f upgradeFacts) UpgradeDecision {
	held, fixed := upgradeHoldOf(f.live.GetMaintenancePolicy(), f.now)
	d := UpgradeDecision{Held: held, Soaked: f.rule.Last.Soaked, Running: f.rule.Last.Running, RunningSince: f.rule.Last.RunningSince}
	want := func(hold bool, reason string, args ...any) UpgradeDecision {
		d.Due = upgradeDue(hold, held, fixed)
		d.Reason = fmt.Sprintf(reason, args...)
		return d
	}
	as := func(reason string, args ...any) UpgradeDecision {
		d.Reason = fmt.Sprintf(reason, args...)
		return d
	}
	if f.otherUnreadable == nil && !f.other.gone() {
		f.other.fill(&d, f)
	}
	pending := f.pending()
	d.Target = highestText(pending)
	d.Notices = f.notices(held)
	switch end := f.endOfSupport(); {
	case !upgradeHoldPossible(f.live):
		return as("This cluster is in no release channel, where GKE has no exclusion that holds back what upgrade_after does.")
	case f.unreadable != nil:
		return as("GKE does not tell what it wants to upgrade this cluster to, so nothing changes.")
	case !end.IsZero() && !f.now.Before(end):
		return as("This cluster's version reached its end of support at %s. GKE upgrades it whatever an exclusion says.", end.Format(time.RFC3339))
	case f.upgrading():
		return as("GKE is upgrading this cluster.")
	case f.otherUnreadable != nil && !upgradeNotThere(f.otherUnreadable):
		return as("Cluster %s could not be read, so nothing changes.", f.rule.Cluster)
	case f.otherUnreadable != nil:
		d.Soaked, d.Running, d.RunningSince = "", "", time.Time{}
		return want(true, "Cluster %s cannot be read, so no version counts as soaked.", f.rule.Cluster)
	case f.other.gone():
		return want(true, "Cluster %s is %s, so no version counts as soaked.", f.rule.Cluster, f.other.cluster.GetStatus())
	case len(pending) == 0:
		return want(true, "GKE plans no minor upgrade and no upgrade of nodes for this cluster.")
	case upgradeCleared(pending, d.Soaked):
		return want(false, "Cluster %s has run %s for %s: GKE may upgrade this cluster to %s.", f.rule.Cluster, d.Soaked, f.rule.Soak, d.Target)
	default:
		return want(true, "GKE wants to upgrade this cluster to %s. %s", d.Target, f.waitingFor(d))
	}
}

// upgradeDue compares what should be with what is. fixed tells that the exclusion would end by itself.
func upgradeDue(hold, held, fixed bool) string {
	switch {
	case hold && !held:
		return UpgradeHold
	case hold && fixed:
		return UpgradeRenew
	case !hold && held:
		return UpgradeLift
	default:
		return ""
	}
}

// waitingFor says what is missing until the upgrade may come, in words that stay true while time passes.
func (f upgradeFacts) waitingFor(d UpgradeDecision) string {
	target, err := parseGKEVersion(d.Target)
	if err != nil {
		return "That is no version that can be compared, so it does not count as soaked."
	}
	var waiting string
	switch lowest, what, err := f.other.lowest(); {
	case err != nil:
		waiting = fmt.Sprintf("What cluster %s runs is not understood: %v.", f.rule.Cluster, err)
	case lowest.LessThan(target):
		waiting = fmt.Sprintf("Cluster %s is not there yet: %s runs %s.", f.rule.Cluster, what, d.Running)
	default:
		since := f.other.since(f.rule.soakVersion(target), f)
		waiting = fmt.Sprintf("Cluster %s has run it since %s and soaks until %s.", f.rule.Cluster,
			since.Format(time.RFC3339), since.Add(f.rule.Soak).Format(time.RFC3339))
	}
	if held, _ := upgradeHoldOf(f.other.cluster.GetMaintenancePolicy(), f.now); held {
		waiting += " It waits for another cluster itself; if that is this one, neither is upgraded before its end of support."
	}
	return waiting
}

// upgradeCleared tells whether everything that is pending has soaked.
func upgradeCleared(pending []upgradeTarget, soaked string) bool {
	limit, err := parseGKEVersion(soaked)
	if err != nil {
		return false
	}
	for _, target := range pending {
		v, err := parseGKEVersion(target.version)
		if err != nil || v.GreaterThan(limit) {
			return false
		}
	}
	return true
}

// upgrading tells whether GKE is at work on this cluster's version: changing the policy would have to wait for it.
func (f upgradeFacts) upgrading() bool {
	running := func(history []*containerpb.UpgradeDetails) bool {
		for _, u := range history {
			if u.GetState() == containerpb.UpgradeDetails_RUNNING {
				return true
			}
		}
		return false
	}
	for _, pool := range f.pools {
		if running(pool.GetUpgradeDetails()) {
			return true
		}
	}
	return running(f.info.GetUpgradeDetails())
}

// endOfSupport is when GKE upgrades this cluster whatever its exclusions say; zero when GKE does not tell.
func (f upgradeFacts) endOfSupport() time.Time {
	text := f.info.GetEndOfStandardSupportTimestamp()
	if f.live.GetReleaseChannel().GetChannel() == containerpb.ReleaseChannel_EXTENDED {
		text = f.info.GetEndOfExtendedSupportTimestamp()
	}
	end, err := time.Parse(time.RFC3339, strings.TrimSpace(text))
	if err != nil {
		return time.Time{}
	}
	return end.UTC()
}
