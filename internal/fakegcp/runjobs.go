package fakegcp

import (
	"context"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/run/apiv2/runpb"
)

// runJobs serves google.cloud.run.v2.Jobs. Creating a job runs nothing; RunJob does (runexecutions.go).
type runJobs struct {
	runpb.UnimplementedJobsServer
	s *Server
}

var jobKind = runKind[*runpb.Job]{
	collection: "jobs",
	rollout: func(m *runpb.Job) rollout {
		return rollout{
			uid: &m.Uid, etag: &m.Etag, creator: &m.Creator, modifier: &m.LastModifier,
			generation: &m.Generation, observed: &m.ObservedGeneration,
			created: &m.CreateTime, updated: &m.UpdateTime, deleted: &m.DeleteTime, expires: &m.ExpireTime,
			reconciling: &m.Reconciling, terminal: &m.TerminalCondition, conditions: &m.Conditions,
		}
	},
	template: func(m *runpb.Job) runTemplate { return jobTemplate{m.GetTemplate()} },
	defaults: jobDefaults,
	check:    checkJob,
	ready: func(s *Server, m *runpb.Job) error {
		return s.startable(m.GetName(), m.GetTemplate().GetTemplate())
	},
}

// jobTemplate is a job's template in the shape of the others: what runs is one level deeper.
type jobTemplate struct{ *runpb.ExecutionTemplate }

// GetRevision is empty: jobs have no revisions.
func (t jobTemplate) GetRevision() string { return "" }

// GetServiceAccount is the tasks' account.
func (t jobTemplate) GetServiceAccount() string { return t.GetTemplate().GetServiceAccount() }

// GetContainers are the tasks' containers.
func (t jobTemplate) GetContainers() []*runpb.Container { return t.GetTemplate().GetContainers() }

// GetVolumes are the tasks' volumes.
func (t jobTemplate) GetVolumes() []*runpb.Volume { return t.GetTemplate().GetVolumes() }

// GetVpcAccess is the tasks' way into a network.
func (t jobTemplate) GetVpcAccess() *runpb.VpcAccess { return t.GetTemplate().GetVpcAccess() }

// startable says why tasks of a template cannot start, nil if they can: a job that cannot is not ready.
func (s *Server) startable(name string, t *runpb.TaskTemplate) error {
	for _, c := range t.GetContainers() {
		if s.images[c.GetImage()] == ImageMissing {
			return notFound("Image '%s' not found.", c.GetImage())
		}
	}
	return s.checkRunSecrets(&runpb.Revision{
		Name: name, ServiceAccount: t.GetServiceAccount(), Containers: t.GetContainers(), Volumes: t.GetVolumes(),
	})
}

// CreateJob makes a job and runs nothing. A job whose operation fails stays.
func (r *runJobs) CreateJob(ctx context.Context, q *runpb.CreateJobRequest) (*longrunningpb.Operation, error) {
	return jobKind.create(ctx, r.s, q.GetParent(), q.GetJobId(), q.GetJob(), q.GetValidateOnly())
}

// GetJob is the job as it is now.
func (r *runJobs) GetJob(_ context.Context, q *runpb.GetJobRequest) (*runpb.Job, error) {
	return jobKind.find(r.s, q.GetName())
}

// ListJobs lists a location's jobs by name.
func (r *runJobs) ListJobs(_ context.Context, q *runpb.ListJobsRequest) (*runpb.ListJobsResponse, error) {
	items, next, err := jobKind.list(r.s, q.GetParent(), q.GetPageSize(), q.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &runpb.ListJobsResponse{Jobs: items, NextPageToken: next}, nil
}

// UpdateJob replaces a job, its request has no mask; with allow_missing it makes it. Executions that run go on as they are.
func (r *runJobs) UpdateJob(ctx context.Context, q *runpb.UpdateJobRequest) (*longrunningpb.Operation, error) {
	return jobKind.update(ctx, r.s, q.GetJob(), updateOptions{validateOnly: q.GetValidateOnly(), allowMissing: q.GetAllowMissing()})
}

// DeleteJob takes a job and its executions away, running ones too.
func (r *runJobs) DeleteJob(_ context.Context, q *runpb.DeleteJobRequest) (*longrunningpb.Operation, error) {
	return jobKind.delete(r.s, q.GetName(), q.GetEtag(), q.GetValidateOnly())
}

// GetIamPolicy is the job's policy.
func (r *runJobs) GetIamPolicy(_ context.Context, q *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := jobKind.find(r.s, q.GetResource()); err != nil {
		return nil, err
	}
	return r.s.getIamPolicy(q), nil
}

// SetIamPolicy replaces the job's policy.
func (r *runJobs) SetIamPolicy(_ context.Context, q *iampb.SetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := jobKind.find(r.s, q.GetResource()); err != nil {
		return nil, err
	}
	return r.s.setIamPolicy(q, refusePublic)
}

// TestIamPermissions says which of the permissions the caller has.
func (r *runJobs) TestIamPermissions(ctx context.Context, q *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	if _, err := jobKind.find(r.s, q.GetResource()); err != nil {
		return nil, err
	}
	return r.s.testIamPermissions(ctx, q), nil
}
