package deploy

import (
	"fmt"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
)

// clusterLosesHardware refuses to roll a pool, made elsewhere and imported, that has what no attribute describes: the new
// one would lack it, and nobody would be told.
func clusterLosesHardware(key string, replaced []*containerpb.NodePool) error {
	for _, pool := range replaced {
		config := pool.GetConfig()
		var lost []string
		for _, has := range []struct {
			what string
			yes  bool
		}{
			{"accelerators", len(config.GetAccelerators()) > 0},
			{"a customer key for its boot disks", config.GetBootDiskKmsKey() != ""},
			{"the image " + config.GetImageType(), config.GetImageType() != "" && config.GetImageType() != "COS_CONTAINERD"},
			{"local SSDs", config.GetLocalSsdCount() > 0},
			{"a node group of sole tenants", config.GetNodeGroup() != "" || config.GetSoleTenantConfig() != nil},
			{"a reservation", len(config.GetReservationAffinity().GetValues()) > 0},
			{"a sandbox", config.GetSandboxConfig() != nil},
			{"confidential nodes", config.GetConfidentialNodes().GetEnabled()},
		} {
			if has.yes {
				lost = append(lost, has.what)
			}
		}
		if len(lost) > 0 && pool.GetStatus() != containerpb.NodePool_ERROR {
			return &Error{
				Summary: fmt.Sprintf("Node pool %q cannot be rolled", pool.GetName()),
				Why: fmt.Sprintf("It has %s, which no attribute of node_pools describes, so that a new pool would lack it. It goes on serving.",
					strings.Join(lost, ", ")),
				Fix: fmt.Sprintf("Take the change of node_pools[%q] back. To replace the pool all the same, add another key for the new one, move the "+
					"pods, and remove this key.", key),
				Attribute: []string{"node_pools", key},
			}
		}
	}
	return nil
}
