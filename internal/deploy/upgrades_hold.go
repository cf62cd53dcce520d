package deploy

import (
	"context"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// upgradeExclusion is the maintenance exclusion that holds upgrades back.
const upgradeExclusion = clusterOwnExclusion + "upgrade-after"

// upgradeScope lets patches of the control plane through and nothing else.
const upgradeScope = containerpb.MaintenanceExclusionOptions_NO_MINOR_OR_NODE_UPGRADES

// upgradeHoldOf tells whether a policy holds upgrades back at a time, and whether that has a fixed end. The exclusion that
// this provider makes has none: GKE moves its end with every minor version, to the end of that version's support.
func upgradeHoldOf(policy *containerpb.MaintenancePolicy, at time.Time) (held, fixed bool) {
	exclusion, ok := policy.GetWindow().GetMaintenanceExclusions()[upgradeExclusion]
	options := exclusion.GetMaintenanceExclusionOptions()
	end := exclusion.GetEndTime()
	switch {
	case !ok, options.GetScope() != upgradeScope:
		return false, false
	case exclusion.GetStartTime().AsTime().After(at), end != nil && !end.AsTime().After(at):
		return false, false
	default:
		return true, options.GetEndTimeBehavior() != containerpb.MaintenanceExclusionOptions_UNTIL_END_OF_SUPPORT
	}
}

// withUpgradeHold is a policy with the exclusion, from now until the end of support, or without it. Everything else in it
// stays: window, other exclusions, disruption budget, and the resource version, by which GKE refuses the write when somebody
// else was faster.
func withUpgradeHold(policy *containerpb.MaintenancePolicy, hold bool, now time.Time) *containerpb.MaintenancePolicy {
	changed := proto.CloneOf(policy)
	if changed == nil {
		changed = &containerpb.MaintenancePolicy{}
	}
	if !hold {
		delete(changed.GetWindow().GetMaintenanceExclusions(), upgradeExclusion)
		return changed
	}
	if changed.Window == nil {
		changed.Window = &containerpb.MaintenanceWindow{}
	}
	if changed.Window.MaintenanceExclusions == nil {
		changed.Window.MaintenanceExclusions = map[string]*containerpb.TimeWindow{}
	}
	changed.Window.MaintenanceExclusions[upgradeExclusion] = &containerpb.TimeWindow{
		StartTime: timestamppb.New(now.UTC().Truncate(time.Second)),
		Options: &containerpb.TimeWindow_MaintenanceExclusionOptions{
			MaintenanceExclusionOptions: &containerpb.MaintenanceExclusionOptions{
				Scope: upgradeScope, EndTimeBehavior: containerpb.MaintenanceExclusionOptions_UNTIL_END_OF_SUPPORT,
			},
		},
	}
	return changed
}

// holds tells whether upgrades of a cluster shall be held back.
func (u *UpgradeAfter) holds() bool { return u != nil && u.Hold }

// upgradeHoldChanges tells whether the live exclusion differs from the goal, as far as that can be reached: a cluster that
// is about to come into a release channel is held then.
func (g clusterGoal) upgradeHoldChanges(live *containerpb.Cluster) bool {
	policy := live.GetMaintenancePolicy()
	if !g.spec.UpgradeAfter.holds() {
		_, there := policy.GetWindow().GetMaintenanceExclusions()[upgradeExclusion]
		return there
	}
	held, fixed := upgradeHoldOf(policy, g.now)
	return (!held || fixed) && upgradeHoldPossible(live)
}

// upgradeHoldPossible tells whether a cluster is in a release channel: elsewhere GKE knows only exclusions of all upgrades.
func upgradeHoldPossible(live *containerpb.Cluster) bool {
	_, inChannel := clusterChannels[clusterChannelOf(live)]
	return inChannel
}

// maintenanceSteps set windows and exclusions, the provider's own included, in one write: GKE replaces the whole policy.
func (g clusterGoal) maintenanceSteps(live *containerpb.Cluster) []clusterStep {
	policy, attribute := g.maintenancePolicy(live)
	if attribute == "" {
		return nil
	}
	return []clusterStep{{attribute, []string{attribute}, func(ctx context.Context, c *gcp.Client) (*containerpb.Operation, error) {
		return c.Clusters().SetMaintenancePolicy(ctx, g.spec.ID.String(), policy)
	}}}
}

// maintenancePolicy is the policy that the live cluster should have, and the attribute because of which it differs from the
// one that it has; empty when it does not.
func (g clusterGoal) maintenancePolicy(live *containerpb.Cluster) (policy *containerpb.MaintenancePolicy, attribute string) {
	policy = live.GetMaintenancePolicy()
	if g.upgradeHoldChanges(live) {
		attribute, policy = "upgrade_after", withUpgradeHold(policy, g.spec.UpgradeAfter.holds(), g.now)
	}
	if want := g.spec.Settings.Maintenance; !clusterMaintenanceOf(policy).Same(want) {
		attribute, policy = "maintenance", want.policy(policy)
	}
	if attribute != "" {
		policy = withoutMovingEnds(policy)
	}
	return policy, attribute
}

// withoutMovingEnds leaves out the ends that GKE has put into exclusions until the end of support: a request has one of an
// end and that behaviour. Source: hashicorp/google, google_container_cluster, exclusion_options.
func withoutMovingEnds(policy *containerpb.MaintenancePolicy) *containerpb.MaintenancePolicy {
	sent := proto.CloneOf(policy)
	for _, exclusion := range sent.GetWindow().GetMaintenanceExclusions() {
		if exclusion.GetMaintenanceExclusionOptions().GetEndTimeBehavior() == containerpb.MaintenanceExclusionOptions_UNTIL_END_OF_SUPPORT {
			exclusion.EndTime = nil
		}
	}
	return sent
}
