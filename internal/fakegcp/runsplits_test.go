package fakegcp_test

import (
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestInstanceSplits(t *testing.T) {
	const (
		latest = runpb.InstanceSplitAllocationType_INSTANCE_SPLIT_ALLOCATION_TYPE_LATEST
		byName = runpb.InstanceSplitAllocationType_INSTANCE_SPLIT_ALLOCATION_TYPE_REVISION
		mail   = location + "/workerPools/mail"
	)
	c := start(t)
	pool := func(splits ...*runpb.InstanceSplit) *runpb.WorkerPool {
		return &runpb.WorkerPool{
			Name:           mail,
			Template:       &runpb.WorkerPoolRevisionTemplate{Revision: "mail-one", Containers: []*runpb.Container{container()}},
			InstanceSplits: splits,
		}
	}
	for text, splits := range map[string][]*runpb.InstanceSplit{
		"sum to 100, got 50":            {{Type: latest, Percent: 50}},
		"between 0 and 100":             {{Type: latest, Percent: 110}, {Type: byName, Revision: "mail-one", Percent: -10}},
		"must not be set for the":       {{Type: latest, Revision: "mail-one", Percent: 100}},
		"must be set for a split by":    {{Type: byName, Percent: 100}},
		"instance_splits[1].percent: m": {{Type: latest, Percent: 50}, {Type: byName, Revision: "mail-one", Percent: 150}},
	} {
		_, err := c.pools.CreateWorkerPool(c.ctx(), &runpb.CreateWorkerPoolRequest{Parent: location, WorkerPoolId: "mail", WorkerPool: pool(splits...)})
		wantError(t, err, codes.InvalidArgument, text)
	}
	c.done(c.pools.CreateWorkerPool(c.ctx(), &runpb.CreateWorkerPoolRequest{Parent: location, WorkerPoolId: "mail", WorkerPool: pool()}))
	update := func(id string) error {
		op := c.done(c.pools.UpdateWorkerPool(c.ctx(), &runpb.UpdateWorkerPoolRequest{
			WorkerPool: pool(&runpb.InstanceSplit{Type: byName, Revision: id, Percent: 100}),
		}))
		return status.FromProto(op.GetError()).Err()
	}
	wantError(t, update("mail-none"), codes.Internal, "Revision 'mail-none' does not exist or is deleted.")
	splits := func() []*runpb.InstanceSplitStatus {
		m, err := c.pools.GetWorkerPool(c.ctx(), &runpb.GetWorkerPoolRequest{Name: mail})
		must(t, err)
		return m.GetInstanceSplitStatuses()
	}
	if got := splits(); len(got) != 1 || got[0].GetType() != latest {
		t.Errorf("after the failure it runs as before, got %v", got)
	}
	must(t, update("mail-one"))
	if got := splits(); len(got) != 1 || got[0].GetRevision() != "mail-one" {
		t.Errorf("after the update: %v", got)
	}
}
