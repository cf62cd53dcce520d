package fakegcp

import (
	"context"
	"slices"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// blueGreenPhases are the phases of a blue-green upgrade, in the order of the proto's enum. Each takes an equal part of the
// operation's time: soak durations do not lengthen it.
var blueGreenPhases = []containerpb.NodePool_UpdateInfo_BlueGreenInfo_Phase{
	containerpb.NodePool_UpdateInfo_BlueGreenInfo_UPDATE_STARTED,
	containerpb.NodePool_UpdateInfo_BlueGreenInfo_CREATING_GREEN_POOL,
	containerpb.NodePool_UpdateInfo_BlueGreenInfo_CORDONING_BLUE_POOL,
	containerpb.NodePool_UpdateInfo_BlueGreenInfo_DRAINING_BLUE_POOL,
	containerpb.NodePool_UpdateInfo_BlueGreenInfo_NODE_POOL_SOAKING,
	containerpb.NodePool_UpdateInfo_BlueGreenInfo_DELETING_BLUE_POOL,
}

// phaseTime is how long a phase of a blue-green upgrade takes.
func (s *Server) phaseTime() time.Duration {
	return s.options.OperationTime / time.Duration(len(blueGreenPhases))
}

// startBlueGreen gives a pool that is upgraded blue-green its second set of nodes: while the upgrade runs, instanceGroupUrls
// holds both, says the proto's comment.
func (s *Server) startBlueGreen(n containerName, version string) {
	s.changePool(n, func(_ *containerpb.Cluster, pool *containerpb.NodePool) {
		if pool.GetUpgradeSettings().GetStrategy() != containerpb.NodePoolUpdateStrategy_BLUE_GREEN {
			return
		}
		blue := pool.GetInstanceGroupUrls()
		green := instanceGroups(n, pool.GetLocations(), randomHex(4))
		pool.InstanceGroupUrls = slices.Concat(blue, green)
		pool.UpdateInfo = &containerpb.NodePool_UpdateInfo{BlueGreenInfo: &containerpb.NodePool_UpdateInfo_BlueGreenInfo{
			Phase: blueGreenPhases[0], BlueInstanceGroupUrls: blue, GreenInstanceGroupUrls: green, GreenPoolVersion: version,
		}}
		began := s.now().Add(s.options.OperationTime / pendingShare)
		for i, phase := range blueGreenPhases[1:] {
			s.schedule(began.Add(s.phaseTime()*time.Duration(i+1)), func() { s.enterPhase(n, green[0], phase) })
		}
	})
}

// enterPhase moves an upgrade on, if it still is the one whose first green group is given: phases are not gone back to.
func (s *Server) enterPhase(n containerName, green string, phase containerpb.NodePool_UpdateInfo_BlueGreenInfo_Phase) {
	s.changePool(n, func(_ *containerpb.Cluster, pool *containerpb.NodePool) {
		info := pool.GetUpdateInfo().GetBlueGreenInfo()
		if info != nil && info.GetGreenInstanceGroupUrls()[0] == green && phase > info.GetPhase() {
			info.Phase = phase
		}
	})
}

// endBlueGreen leaves a pool one set of nodes: the green one, or the blue one when the upgrade has not gone well.
func endBlueGreen(pool *containerpb.NodePool, well bool) {
	info := pool.GetUpdateInfo().GetBlueGreenInfo()
	if info == nil {
		return
	}
	pool.InstanceGroupUrls, pool.UpdateInfo = info.GetBlueInstanceGroupUrls(), nil
	if well {
		pool.InstanceGroupUrls = info.GetGreenInstanceGroupUrls()
	}
}

// CompleteNodePoolUpgrade ends the soaking of a blue-green upgrade: the blue nodes go. The refusal's text is not recorded.
func (c *clusterManager) CompleteNodePoolUpgrade(_ context.Context, r *containerpb.CompleteNodePoolUpgradeRequest) (*emptypb.Empty, error) {
	n, _, pool, err := c.s.findPool(r)
	if err != nil {
		return nil, err
	}
	info := pool.GetUpdateInfo().GetBlueGreenInfo()
	if info.GetPhase() != containerpb.NodePool_UpdateInfo_BlueGreenInfo_NODE_POOL_SOAKING {
		return nil, precondition("Node pool %q has no upgrade in the phase NODE_POOL_SOAKING to complete.", n.pool)
	}
	c.s.enterPhase(n, info.GetGreenInstanceGroupUrls()[0], containerpb.NodePool_UpdateInfo_BlueGreenInfo_DELETING_BLUE_POOL)
	for _, op := range c.s.operations.unfinished(n.String()) {
		c.s.schedule(c.s.now().Add(c.s.phaseTime()), func() { c.s.complete(op) })
	}
	return &emptypb.Empty{}, nil
}
