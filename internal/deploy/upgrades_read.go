package deploy

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"golang.org/x/sync/errgroup"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// upgradeReads bounds how many questions about one cluster's node pools are open at a time.
const upgradeReads = 8

// supportWarning is how long before the end of support a held cluster is warned about.
const supportWarning = 30 * 24 * time.Hour

// readUpgrades looks at this cluster, at the other one and at the clock, and decides what should become of the exclusion. It
// is nil when prior names no other cluster and no exclusion of this provider was left.
func (c *Cloud) readUpgrades(ctx context.Context, live *containerpb.Cluster, id names.ClusterID, prior *ClusterSpec) *UpgradeDecision {
	if prior == nil || prior.UpgradeAfter == nil {
		if _, left := live.GetMaintenancePolicy().GetWindow().GetMaintenanceExclusions()[upgradeExclusion]; !left {
			return nil
		}
		held, _ := upgradeHoldOf(live.GetMaintenancePolicy(), c.Clock.Now())
		return &UpgradeDecision{Held: held, Reason: "The exclusion " + upgradeExclusion + " is there, and upgrade_after is not set."}
	}
	f := upgradeFacts{rule: *prior.UpgradeAfter, now: c.Clock.Now(), live: live}
	var group errgroup.Group
	group.Go(func() error {
		f.unreadable = c.readOwnUpgrades(ctx, id, &f)
		return nil
	})
	group.Go(func() error {
		f.other, f.otherUnreadable = c.readOtherUpgrades(ctx, f.rule.Cluster)
		return nil
	})
	_ = group.Wait() // the errors are facts
	if f.asksChannel() {
		f.channel, f.unreadable = c.readChannel(ctx, id, live)
	}
	d := decideUpgrades(f)
	return &d
}

// readOwnUpgrades asks what GKE wants to do with this cluster.
func (c *Cloud) readOwnUpgrades(ctx context.Context, id names.ClusterID, f *upgradeFacts) error {
	info, err := c.GCP.Clusters().UpgradeInfo(ctx, id.String())
	if err != nil {
		return err
	}
	f.info = info
	f.pools, err = c.readPoolUpgrades(ctx, id, f.lagging())
	return err
}

// readChannel asks what the cluster's release channel offers; nil when it is in none.
func (c *Cloud) readChannel(ctx context.Context, id names.ClusterID, live *containerpb.Cluster) (*containerpb.ServerConfig_ReleaseChannelConfig, error) {
	config, err := c.GCP.Clusters().ServerConfig(ctx, id.Parent())
	if err != nil {
		return nil, err
	}
	for _, channel := range config.GetChannels() {
		if channel.GetChannel() == live.GetReleaseChannel().GetChannel() {
			return channel, nil
		}
	}
	return nil, nil
}

// readOtherUpgrades asks what the other cluster runs and has run.
func (c *Cloud) readOtherUpgrades(ctx context.Context, id names.ClusterID) (other upgradeCluster, err error) {
	if other.cluster, err = c.GCP.Clusters().Get(ctx, id.String()); err != nil {
		return other, err
	}
	if other.info, err = c.GCP.Clusters().UpgradeInfo(ctx, id.String()); err != nil {
		return other, err
	}
	other.pools, err = c.readPoolUpgrades(ctx, id, other.cluster.GetNodePools())
	return other, err
}

// readPoolUpgrades asks about node pools side by side. A pool that went away meanwhile is left out.
func (c *Cloud) readPoolUpgrades(ctx context.Context, id names.ClusterID, pools []*containerpb.NodePool) (map[string]*containerpb.NodePoolUpgradeInfo, error) {
	found := make(map[string]*containerpb.NodePoolUpgradeInfo, len(pools))
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(upgradeReads)
	for _, pool := range pools {
		name := names.NodePoolID{Cluster: id, Name: pool.GetName()}.String()
		group.Go(func() error {
			info, err := c.GCP.NodePools().UpgradeInfo(ctx, name)
			if gcp.IsNotFound(err) {
				return nil
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			found[pool.GetName()] = info
			return nil
		})
	}
	return found, group.Wait()
}

// upgradeNotThere tells the failures that do not go away by themselves: the cluster is gone, or it is not for us to see.
func upgradeNotThere(err error) bool {
	switch gcp.Classify(err) {
	case gcp.NotFound, gcp.PermissionDenied, gcp.APIDisabled:
		return true
	default:
		return false
	}
}

// notices are what stands in the way of deciding, and an end that no exclusion puts off.
func (f upgradeFacts) notices(held bool) []Notice {
	var notices []Notice
	if f.otherUnreadable != nil {
		notices = append(notices, f.otherNotice())
	}
	if f.unreadable != nil {
		notices = append(notices, Notice{
			Summary: fmt.Sprintf("What GKE wants to upgrade cluster %q to could not be read", f.live.GetName()),
			Detail: "upgrade_after needs it, with the permission container.clusters.get. Until then the exclusion " + upgradeExclusion +
				" stays as it is.\n\nOriginal error: " + gcp.Message(f.unreadable),
		})
	}
	if !upgradeHoldPossible(f.live) {
		notices = append(notices, Notice{
			Summary: fmt.Sprintf("Upgrades of cluster %q cannot wait for another cluster", f.live.GetName()),
			Detail: "It is in no release channel, where GKE has no exclusion of minor and node upgrades. Set release_channel, for example " +
				"release_channel = \"regular\", or remove upgrade_after.",
		})
	}
	end := f.endOfSupport()
	if held && !end.IsZero() && f.now.Before(end) && end.Sub(f.now) < supportWarning {
		notices = append(notices, Notice{
			Summary: fmt.Sprintf("Cluster %q reaches its end of support while upgrades are held", f.live.GetName()),
			Detail: fmt.Sprintf("Version %s is supported until %s. GKE then upgrades it, whether cluster %s has run the next version or not. "+
				"See to it that that cluster is upgraded and soaks before, or upgrade this one by hand.",
				f.live.GetCurrentMasterVersion(), end.Format(time.RFC3339), f.rule.Cluster),
		})
	}
	return notices
}

func (f upgradeFacts) otherNotice() Notice {
	notice := Notice{Summary: fmt.Sprintf("Cluster %q, which upgrade_after names, cannot be read", f.rule.Cluster.Name)}
	detail := "Nothing changes until it can: the exclusion " + upgradeExclusion + " of cluster %q stays as it is."
	switch gcp.Classify(f.otherUnreadable) {
	case gcp.NotFound:
		notice.Summary = fmt.Sprintf("Cluster %q, which upgrade_after names, does not exist", f.rule.Cluster.Name)
		detail = "Minor upgrades and upgrades of nodes of cluster %q stay held until its version's end of support. Name a cluster that " +
			"exists in upgrade_after.cluster, or remove upgrade_after to let GKE upgrade this one whenever it likes."
	case gcp.PermissionDenied, gcp.APIDisabled:
		detail = "Minor upgrades and upgrades of nodes of cluster %q stay held meanwhile. Grant whoever runs this plan the permission " +
			"container.clusters.get (roles/container.clusterViewer) in project " + f.rule.Cluster.Project + ", also for plans."
	}
	notice.Detail = fmt.Sprintf(detail, f.live.GetName()) + fmt.Sprintf("\n\nCluster: %s\nOriginal error: %s",
		f.rule.Cluster, gcp.Message(f.otherUnreadable))
	return notice
}

// UpgradesWait notes that a cluster waits for another one, and warns if that one waits for it: as far as both were planned
// in this process, which is when one configuration has them.
func (c *Cloud) UpgradesWait(id, other names.ClusterID) []Notice {
	c.upgradeOrder.Store(id, other)
	if back, ok := c.upgradeOrder.Load(other); !ok || back != id {
		return nil
	}
	return []Notice{{
		Summary: fmt.Sprintf("Clusters %q and %q wait for each other's upgrades", id.Name, other.Name),
		Detail: "Neither is upgraded to a new minor version before the other has run it, so both stay where they are until the end of support. " +
			"Remove upgrade_after from the one that is to go first, which is usually development's.",
	}}
}
