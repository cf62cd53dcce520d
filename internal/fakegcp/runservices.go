package fakegcp

import (
	"context"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/protobuf/proto"
)

// runServices serves google.cloud.run.v2.Services.
type runServices struct {
	runpb.UnimplementedServicesServer
	s *Server
}

var runServiceKind = runKind[*runpb.Service]{
	collection: "services",
	rollout: func(m *runpb.Service) rollout {
		return rollout{
			uid: &m.Uid, etag: &m.Etag, creator: &m.Creator, modifier: &m.LastModifier,
			generation: &m.Generation, observed: &m.ObservedGeneration,
			created: &m.CreateTime, updated: &m.UpdateTime, deleted: &m.DeleteTime, expires: &m.ExpireTime,
			reconciling: &m.Reconciling, terminal: &m.TerminalCondition, conditions: &m.Conditions,
			latestCreated: &m.LatestCreatedRevision, latestReady: &m.LatestReadyRevision,
		}
	},
	template: func(m *runpb.Service) runTemplate { return m.GetTemplate() },
	revision: serviceRevision,
	defaults: serviceDefaults,
	check:    checkRunService,
	ready:    func(s *Server, m *runpb.Service) error { return s.readyRevision(m.GetLatestCreatedRevision()) },
	route:    routeTraffic,
}

func serviceRevision(m *runpb.Service) *runpb.Revision {
	t := proto.CloneOf(m.GetTemplate())
	return &runpb.Revision{
		Service:                       m.GetName(),
		LaunchStage:                   m.GetLaunchStage(),
		Labels:                        t.GetLabels(),
		Annotations:                   t.GetAnnotations(),
		Scaling:                       t.GetScaling(),
		VpcAccess:                     t.GetVpcAccess(),
		MaxInstanceRequestConcurrency: t.GetMaxInstanceRequestConcurrency(),
		Timeout:                       t.GetTimeout(),
		ServiceAccount:                t.GetServiceAccount(),
		Containers:                    t.GetContainers(),
		Volumes:                       t.GetVolumes(),
		ExecutionEnvironment:          t.GetExecutionEnvironment(),
		SessionAffinity:               t.GetSessionAffinity(),
	}
}

// CreateService makes a service and its first revision.
func (r *runServices) CreateService(ctx context.Context, q *runpb.CreateServiceRequest) (*longrunningpb.Operation, error) {
	return runServiceKind.create(ctx, r.s, q.GetParent(), q.GetServiceId(), q.GetService(), q.GetValidateOnly())
}

// GetService is the service as it is now, reconciling or not.
func (r *runServices) GetService(_ context.Context, q *runpb.GetServiceRequest) (*runpb.Service, error) {
	return runServiceKind.find(r.s, q.GetName())
}

// ListServices lists a location's services by name.
func (r *runServices) ListServices(_ context.Context, q *runpb.ListServicesRequest) (*runpb.ListServicesResponse, error) {
	items, next, err := runServiceKind.list(r.s, q.GetParent(), q.GetPageSize(), q.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &runpb.ListServicesResponse{Services: items, NextPageToken: next}, nil
}

// UpdateService changes a service; with allow_missing it makes it.
func (r *runServices) UpdateService(ctx context.Context, q *runpb.UpdateServiceRequest) (*longrunningpb.Operation, error) {
	return runServiceKind.update(ctx, r.s, q.GetService(), updateOptions{
		mask: q.GetUpdateMask().GetPaths(), validateOnly: q.GetValidateOnly(), allowMissing: q.GetAllowMissing(),
	})
}

// DeleteService takes a service and its revisions away.
func (r *runServices) DeleteService(_ context.Context, q *runpb.DeleteServiceRequest) (*longrunningpb.Operation, error) {
	return runServiceKind.delete(r.s, q.GetName(), q.GetEtag(), q.GetValidateOnly())
}

// GetIamPolicy is the service's policy.
func (r *runServices) GetIamPolicy(_ context.Context, q *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := runServiceKind.find(r.s, q.GetResource()); err != nil {
		return nil, err
	}
	return r.s.getIamPolicy(q), nil
}

// SetIamPolicy replaces the service's policy; allUsers makes it public.
func (r *runServices) SetIamPolicy(_ context.Context, q *iampb.SetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := runServiceKind.find(r.s, q.GetResource()); err != nil {
		return nil, err
	}
	return r.s.setIamPolicy(q, allowPublic)
}

// TestIamPermissions says which of the permissions the caller has.
func (r *runServices) TestIamPermissions(ctx context.Context, q *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	if _, err := runServiceKind.find(r.s, q.GetResource()); err != nil {
		return nil, err
	}
	return r.s.testIamPermissions(ctx, q), nil
}
