package fakegcp

import (
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// checkSplits refuses splits of a worker pool's instances that contradict themselves. Whether a revision is there shows in the
// operation, as with a service's traffic.
// Source: the comments of google/cloud/run/v2/instance_split.proto; the texts are not recorded.
func checkSplits(splits []*runpb.InstanceSplit) error {
	total := int32(0)
	for i, split := range splits {
		total += split.GetPercent()
		switch {
		case split.GetPercent() < 0 || split.GetPercent() > 100:
			return invalid("instance_splits[%d].percent: must be between 0 and 100.", i)
		case split.GetType() == runpb.InstanceSplitAllocationType_INSTANCE_SPLIT_ALLOCATION_TYPE_LATEST && split.GetRevision() != "":
			return invalid("instance_splits[%d].revision: must not be set for the latest revision.", i)
		case split.GetType() == runpb.InstanceSplitAllocationType_INSTANCE_SPLIT_ALLOCATION_TYPE_REVISION && split.GetRevision() == "":
			return invalid("instance_splits[%d].revision: must be set for a split by revision.", i)
		}
	}
	if total != 100 {
		return invalid("Instance splits must sum to 100, got %d.", total)
	}
	return nil
}

// splitInstances makes the declared splits the actual ones; it fails on a revision that is not there, in the words that are
// recorded of traffic.
func splitInstances(s *Server, m *runpb.WorkerPool) error {
	var statuses []*runpb.InstanceSplitStatus
	for _, split := range m.GetInstanceSplits() {
		if id := split.GetRevision(); id != "" {
			if _, ok := lookup[*runpb.Revision](s.store, m.GetName()+"/revisions/"+id); !ok {
				return status.Errorf(codes.Internal, "Revision '%s' does not exist or is deleted. Update all traffic to route to currently available revisions.", id)
			}
		}
		statuses = append(statuses, &runpb.InstanceSplitStatus{Type: split.GetType(), Revision: split.GetRevision(), Percent: split.GetPercent()})
	}
	m.InstanceSplitStatuses = statuses
	return nil
}
