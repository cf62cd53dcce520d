package cluster

import (
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// leastSoak keeps a soak from being forgotten by a typo such as 168s.
const leastSoak = time.Hour

const upgradeAfterText = "Lets GKE upgrade this cluster only to versions that another cluster, such as development's, has run for a while: control plane " +
	"and every node pool. Until then the maintenance exclusion `twelvefactor-upgrade-after` holds back new minor versions and all upgrades of nodes. It is " +
	"lifted, and put back after the upgrade, by an apply: each plan looks at GKE's upgrade information of both clusters and shows what is due in `upgrades`. " +
	"**Not held back:** patches of the control plane, what GKE does at the end of a version's support, urgent security fixes, repairs, upgrades by hand, " +
	"`min_version`. See the guide [Upgrade environments in turn](../guides/upgrades). Default: GKE upgrades this cluster whenever its channel and `maintenance` allow."

// upgradeSettings make upgrades wait for another cluster, and show how that stands.
func upgradeSettings() map[string]schema.Attribute {
	shown := func(text string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: text, Computed: true}
	}
	return map[string]schema.Attribute{
		"upgrade_after": schema.SingleNestedAttribute{
			MarkdownDescription: upgradeAfterText, Optional: true,
			Attributes: map[string]schema.Attribute{
				"cluster": schema.StringAttribute{
					MarkdownDescription: "Required. Id of the cluster that goes first: `projects/P/locations/L/clusters/C`. Whoever plans needs " +
						"`container.clusters.get` there. Two clusters must not name each other: neither would be upgraded before its end of support.",
					Optional:   true, // but see checkUpgradeAfter
					Validators: []validator.String{tf.Checked("a cluster's id", checkUpgradeCluster)},
				},
				"soak": schema.StringAttribute{
					MarkdownDescription: "Required. How long the other cluster must have run a version, such as `168h`: at least `1h`.",
					Optional:            true, // but see checkUpgradeAfter
					Validators:          []validator.String{tf.DurationValidator(leastSoak, "168h")},
				},
				"granularity": schema.StringAttribute{
					MarkdownDescription: "What counts as a version: " + oneOf(deploy.UpgradeGranularities()) + ". With `patch` the other cluster must have run " +
						"exactly what comes to this one, or later, for `soak`. GKE has new patches every week or two: with a longer soak choose a faster " +
						"`release_channel` for the other cluster, or `minor`: then `soak` counts for the minor version, and the patch must only have reached the " +
						"other cluster. Default: `" + deploy.UpgradeByPatch + "`, which is the strict one.",
					Optional: true, Computed: true, Default: stringdefault.StaticString(deploy.UpgradeByPatch),
					Validators: []validator.String{stringvalidator.OneOf(deploy.UpgradeGranularities()...)},
				},
			},
		},
		"upgrades": schema.SingleNestedAttribute{
			MarkdownDescription: "How `upgrade_after` stands, as of the last refresh; null without it.", Computed: true,
			Attributes: map[string]schema.Attribute{
				"held": schema.BoolAttribute{MarkdownDescription: "Whether the exclusion is in force.", Computed: true},
				"due": shown("What the next apply does to the exclusion: `" + deploy.UpgradeLift + "` (what GKE wants to install has soaked), `" +
					deploy.UpgradeHold + "` (it is missing), `" + deploy.UpgradeRenew + "` (somebody gave it a fixed end). Null when it is as it should be."),
				"target_version":  shown("The highest version that GKE wants to upgrade this cluster or its nodes to; null when there is none."),
				"soaked_version":  shown("The highest version that the other cluster has run for `soak`: this one may go up to it. Null when there is none."),
				"running_version": shown("The lowest version that the other cluster's control plane or a node pool of it runs."),
				"running_since": shown("Since when all of them have run at least `running_version`. What GKE does not tell, such as upgrades by hand, counts from " +
					"when a refresh first saw it and an apply recorded it."),
				"reason": shown("Why, in words."),
			},
		},
	}
}

func checkUpgradeCluster(id string) error {
	if names.CheckClusterID(id) != nil {
		return fmt.Errorf("%s is not one; for example %q, or twelvefactor_cluster.dev.id", names.Quote(id),
			"projects/acme-dev/locations/asia-northeast1/clusters/dev")
	}
	return nil
}
