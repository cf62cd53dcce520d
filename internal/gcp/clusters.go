package gcp

import (
	"context"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
)

// Operation is a GKE operation. Its name is short (operation-…), without project and location.
type Operation = containerpb.Operation

// Clusters is GKE's cluster collection. Names are projects/P/locations/L/clusters/C.
type Clusters struct{ c *Client }

// Clusters gives the cluster collection.
func (c *Client) Clusters() Clusters { return Clusters{c} }

// Get reads one cluster, its node pools included.
func (s Clusters) Get(ctx context.Context, name string) (*containerpb.Cluster, error) {
	api, err := s.c.containerAPI(ctx)
	if err != nil {
		return nil, err
	}
	cluster, err := api.GetCluster(ctx, &containerpb.GetClusterRequest{Name: name})
	if err != nil {
		return nil, err
	}
	return cluster, checkName(name, cluster.GetName())
}

// Create starts the creation of a cluster in projects/P/locations/L.
func (s Clusters) Create(ctx context.Context, parent string, cluster *containerpb.Cluster) (*Operation, error) {
	api, err := s.c.containerAPI(ctx)
	if err != nil {
		return nil, err
	}
	return api.CreateCluster(ctx, &containerpb.CreateClusterRequest{Parent: parent, Cluster: cluster})
}

// Delete starts the deletion of a cluster.
func (s Clusters) Delete(ctx context.Context, name string) (*Operation, error) {
	api, err := s.c.containerAPI(ctx)
	if err != nil {
		return nil, err
	}
	return api.DeleteCluster(ctx, &containerpb.DeleteClusterRequest{Name: name})
}

// Update starts a change of one field group of a cluster: GKE takes one per request.
func (s Clusters) Update(ctx context.Context, name string, update *containerpb.ClusterUpdate) (*Operation, error) {
	api, err := s.c.containerAPI(ctx)
	if err != nil {
		return nil, err
	}
	return api.UpdateCluster(ctx, &containerpb.UpdateClusterRequest{Name: name, Update: update})
}

// SetLabels replaces the labels. The fingerprint is the one that the cluster had when the labels were computed.
func (s Clusters) SetLabels(ctx context.Context, name string, labels map[string]string, fingerprint string) (*Operation, error) {
	api, err := s.c.containerAPI(ctx)
	if err != nil {
		return nil, err
	}
	return api.SetLabels(ctx, &containerpb.SetLabelsRequest{
		Name: name, ResourceLabels: labels, LabelFingerprint: fingerprint,
	})
}

// SetMaintenancePolicy replaces when GKE may work on a cluster. The policy's resource version is the one of the policy that
// it was computed from.
func (s Clusters) SetMaintenancePolicy(ctx context.Context, name string, policy *containerpb.MaintenancePolicy) (*Operation, error) {
	api, err := s.c.containerAPI(ctx)
	if err != nil {
		return nil, err
	}
	return api.SetMaintenancePolicy(ctx, &containerpb.SetMaintenancePolicyRequest{Name: name, MaintenancePolicy: policy})
}

// ListOperations lists the operations in projects/P/locations/L, finished ones included.
func (s Clusters) ListOperations(ctx context.Context, parent string) ([]*Operation, error) {
	api, err := s.c.containerAPI(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := api.ListOperations(ctx, &containerpb.ListOperationsRequest{Parent: parent})
	return answer.GetOperations(), err
}

// RunningOperations lists the unfinished operations on a cluster and its node pools, whoever started them.
func (s Clusters) RunningOperations(ctx context.Context, name string) ([]*Operation, error) {
	all, err := s.ListOperations(ctx, parentOf(name))
	if err != nil {
		return nil, err
	}
	var running []*Operation
	for _, op := range all {
		if op.GetStatus() != containerpb.Operation_DONE && targets(op, lastSegment(name)) {
			running = append(running, op)
		}
	}
	return running, nil
}

// targets tells whether an operation is about a cluster. The link holds the project's number and either zones or
// locations, so only its end is looked at; the list was already restricted to project and location.
func targets(op *Operation, cluster string) bool {
	link := op.GetTargetLink()
	return strings.HasSuffix(link, "/clusters/"+cluster) || strings.Contains(link, "/clusters/"+cluster+"/")
}

// GetOperation reads one operation: projects/P/locations/L/operations/O.
func (s Clusters) GetOperation(ctx context.Context, name string) (*Operation, error) {
	api, err := s.c.containerAPI(ctx)
	if err != nil {
		return nil, err
	}
	op, err := api.GetOperation(ctx, &containerpb.GetOperationRequest{Name: name})
	if err != nil {
		return nil, err
	}
	return op, checkName(name, op.GetName())
}

// WaitOperation waits until an operation in projects/P/locations/L is done. An operation that is done with an error
// gives an OperationError: DONE alone does not mean success.
func (s Clusters) WaitOperation(ctx context.Context, parent string, op *Operation) error {
	name, missing := parent+"/operations/"+lastSegment(op.GetName()), 0
	err := s.c.Poll(ctx, "operation "+op.GetName(), func(ctx context.Context) (bool, error) {
		if op.GetStatus() == containerpb.Operation_DONE {
			return true, nil
		}
		now, err := s.GetOperation(ctx, name)
		// An operation that was just started may not be readable for a moment (google provider, common_operation.go).
		if IsNotFound(err) && missing < pollTolerance {
			missing++
			return false, nil
		}
		if err != nil {
			return false, err
		}
		op = now
		return op.GetStatus() == containerpb.Operation_DONE, nil
	})
	if err != nil {
		return err
	}
	return operationFailure(op) // outside the wait, which would try what looks transient again
}

// LastFailure is the OperationError of the latest operation on a cluster that failed, nil when none did.
func (s Clusters) LastFailure(ctx context.Context, name string) error {
	all, err := s.ListOperations(ctx, parentOf(name))
	if err != nil {
		return err
	}
	var latest *Operation
	for _, op := range all {
		if operationFailure(op) != nil && targets(op, lastSegment(name)) && op.GetStartTime() >= latest.GetStartTime() {
			latest = op
		}
	}
	return operationFailure(latest)
}

// operationFailure reads the error of a finished operation from the new field and from the deprecated ones, which
// are what older control planes fill.
func operationFailure(op *Operation) error {
	if op.GetStatus() != containerpb.Operation_DONE {
		return nil
	}
	failure := &OperationError{Operation: op.GetName()}
	if e := op.GetError(); e.GetCode() != 0 {
		failure.Code, failure.Message = statusCode(e.GetCode()), e.GetMessage()
	} else if text := op.GetStatusMessage(); text != "" { //nolint:staticcheck // see the comment above
		failure.Code, failure.Message = statusCode(2), text
	} else {
		return nil
	}
	for _, list := range [][]*containerpb.StatusCondition{op.GetClusterConditions(), op.GetNodepoolConditions()} { //nolint:staticcheck // as above
		for _, condition := range list {
			failure.Conditions = append(failure.Conditions, condition.GetCode().String()) //nolint:staticcheck // GCE_STOCKOUT has no canonical code
		}
	}
	return failure
}
