package fakegcp

import (
	"context"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/genproto/googleapis/api"
	"google.golang.org/protobuf/proto"
)

// runWorkerPools serves google.cloud.run.v2.WorkerPools.
type runWorkerPools struct {
	runpb.UnimplementedWorkerPoolsServer
	s *Server
}

var workerPoolKind = runKind[*runpb.WorkerPool]{
	collection: "workerPools",
	rollout: func(m *runpb.WorkerPool) rollout {
		return rollout{
			uid: &m.Uid, etag: &m.Etag, creator: &m.Creator, modifier: &m.LastModifier,
			generation: &m.Generation, observed: &m.ObservedGeneration,
			created: &m.CreateTime, updated: &m.UpdateTime, deleted: &m.DeleteTime, expires: &m.ExpireTime,
			reconciling: &m.Reconciling, terminal: &m.TerminalCondition, conditions: &m.Conditions,
			latestCreated: &m.LatestCreatedRevision, latestReady: &m.LatestReadyRevision,
		}
	},
	template: func(m *runpb.WorkerPool) runTemplate { return m.GetTemplate() },
	revision: workerPoolRevision,
	defaults: workerPoolDefaults,
	check:    checkWorkerPool,
	ready:    func(s *Server, m *runpb.WorkerPool) error { return s.readyRevision(m.GetLatestCreatedRevision()) },
	route:    splitInstances,
}

func workerPoolRevision(m *runpb.WorkerPool) *runpb.Revision {
	t := proto.CloneOf(m.GetTemplate())
	return &runpb.Revision{
		LaunchStage:    m.GetLaunchStage(),
		Labels:         t.GetLabels(),
		Annotations:    t.GetAnnotations(),
		VpcAccess:      t.GetVpcAccess(),
		ServiceAccount: t.GetServiceAccount(),
		Containers:     t.GetContainers(),
		Volumes:        t.GetVolumes(),
	}
}

// workerPoolDefaults fills in what the API fills in. Source: the comments of google/cloud/run/v2/worker_pool.proto.
func workerPoolDefaults(s *Server, m *runpb.WorkerPool) {
	if m.LaunchStage == api.LaunchStage_LAUNCH_STAGE_UNSPECIFIED {
		m.LaunchStage = api.LaunchStage_GA
	}
	if m.GetTemplate() == nil {
		m.Template = &runpb.WorkerPoolRevisionTemplate{}
	}
	if m.GetTemplate().GetServiceAccount() == "" {
		m.Template.ServiceAccount = s.defaultAccountOf(m.GetName())
	}
	vpcDefaults(m.GetTemplate().GetVpcAccess())
	for _, c := range m.GetTemplate().GetContainers() {
		limitDefaults(c)
	}
	if len(m.GetInstanceSplits()) == 0 {
		m.InstanceSplits = []*runpb.InstanceSplit{{Type: runpb.InstanceSplitAllocationType_INSTANCE_SPLIT_ALLOCATION_TYPE_LATEST, Percent: 100}}
	}
	if m.GetScaling() == nil {
		m.Scaling = &runpb.WorkerPoolScaling{}
	}
	if m.GetScaling().ManualInstanceCount == nil {
		m.Scaling.ManualInstanceCount = proto.Int32(1)
	}
}

func checkWorkerPool(m *runpb.WorkerPool) error {
	if len(m.GetDescription()) > maxRunDescription {
		return invalid("description: must be at most %d characters.", maxRunDescription)
	}
	if m.GetScaling().GetManualInstanceCount() < 0 {
		return invalid("scaling.manual_instance_count: must not be negative.")
	}
	for i, c := range m.GetTemplate().GetContainers() {
		if len(c.GetPorts()) > 0 {
			return invalid("spec.template.spec.containers[%d].ports: Worker pools do not support ports.", i)
		}
	}
	if err := checkSize(m.GetTemplate().GetContainers(), alwaysAllocated); err != nil {
		return err
	}
	return checkSplits(m.GetInstanceSplits())
}

// CreateWorkerPool makes a worker pool and its first revision.
func (r *runWorkerPools) CreateWorkerPool(ctx context.Context, q *runpb.CreateWorkerPoolRequest) (*longrunningpb.Operation, error) {
	return workerPoolKind.create(ctx, r.s, q.GetParent(), q.GetWorkerPoolId(), q.GetWorkerPool(), q.GetValidateOnly())
}

// GetWorkerPool is the worker pool as it is now.
func (r *runWorkerPools) GetWorkerPool(_ context.Context, q *runpb.GetWorkerPoolRequest) (*runpb.WorkerPool, error) {
	return workerPoolKind.find(r.s, q.GetName())
}

// ListWorkerPools lists a location's worker pools by name.
func (r *runWorkerPools) ListWorkerPools(_ context.Context, q *runpb.ListWorkerPoolsRequest) (*runpb.ListWorkerPoolsResponse, error) {
	items, next, err := workerPoolKind.list(r.s, q.GetParent(), q.GetPageSize(), q.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &runpb.ListWorkerPoolsResponse{WorkerPools: items, NextPageToken: next}, nil
}

// UpdateWorkerPool changes a worker pool; with allow_missing it makes it.
func (r *runWorkerPools) UpdateWorkerPool(ctx context.Context, q *runpb.UpdateWorkerPoolRequest) (*longrunningpb.Operation, error) {
	return workerPoolKind.update(ctx, r.s, q.GetWorkerPool(), updateOptions{
		mask: q.GetUpdateMask().GetPaths(), validateOnly: q.GetValidateOnly(), allowMissing: q.GetAllowMissing(),
		forceNewRevision: q.GetForceNewRevision(),
	})
}

// DeleteWorkerPool takes a worker pool and its revisions away.
func (r *runWorkerPools) DeleteWorkerPool(_ context.Context, q *runpb.DeleteWorkerPoolRequest) (*longrunningpb.Operation, error) {
	return workerPoolKind.delete(r.s, q.GetName(), q.GetEtag(), q.GetValidateOnly())
}

// GetIamPolicy is the worker pool's policy.
func (r *runWorkerPools) GetIamPolicy(_ context.Context, q *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := workerPoolKind.find(r.s, q.GetResource()); err != nil {
		return nil, err
	}
	return r.s.getIamPolicy(q), nil
}

// SetIamPolicy replaces the worker pool's policy.
func (r *runWorkerPools) SetIamPolicy(_ context.Context, q *iampb.SetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := workerPoolKind.find(r.s, q.GetResource()); err != nil {
		return nil, err
	}
	return r.s.setIamPolicy(q, refusePublic)
}

// TestIamPermissions says which of the permissions the caller has.
func (r *runWorkerPools) TestIamPermissions(ctx context.Context, q *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	if _, err := workerPoolKind.find(r.s, q.GetResource()); err != nil {
		return nil, err
	}
	return r.s.testIamPermissions(ctx, q), nil
}
