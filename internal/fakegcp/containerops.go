package fakegcp

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// containerDetail is the part of an operation that is GKE's.
type containerDetail struct {
	name     containerName // of the target
	kind     containerpb.Operation_Type
	progress []progressMetric
	// conditions are those of a failure, on the cluster or on the node pool.
	conditions []*containerpb.StatusCondition
	aborting   bool // cancelled, and not done yet
}

// progressMetric is a number that an operation shows when it is done.
type progressMetric struct {
	name  string
	value int64
}

// containerChange is what a GKE operation does.
type containerChange struct {
	name containerName // of the target
	kind containerpb.Operation_Type
	// pending is set for operations that start as PENDING: those of node pools do, those of clusters do not.
	pending  bool
	slow     int // how many times longer than usual it takes, 0 is 1
	progress []progressMetric
	upgrade  *containerpb.UpgradeDetails // nil if no version changes
	finish   func(*containerDetail) error
	fail     func(error)
}

// pendingShare is the part of an operation's time that it spends as PENDING.
const pendingShare = 5

// startChange accepts a change and renders its operation. The caller has checked busy.
func (s *Server) startChange(c containerChange) *containerpb.Operation {
	c = s.trackUpgrade(c)
	detail := &containerDetail{name: c.name, kind: c.kind, progress: c.progress}
	op := &operation{
		name:     fmt.Sprintf("%s/operations/operation-%d-%s", c.name.parent(), s.now().UnixMilli(), randomUUID()),
		kind:     c.kind.String(),
		target:   c.name.String(),
		duration: s.options.OperationTime * time.Duration(max(1, c.slow)),
		detail:   detail,
		finish: func() error {
			if detail.aborting {
				aborted := status.Error(codes.Canceled, "Operation was aborted.")
				c.fail(aborted)
				return aborted
			}
			return c.finish(detail)
		},
		fail: c.fail,
	}
	if c.pending {
		op.pending = s.options.OperationTime / pendingShare
	}
	return s.renderContainerOperation(s.begin(op), detail)
}

// busy refuses a change of a cluster or of a node pool of it while another one runs. Text: rancher/gke-operator#509.
func (s *Server) busy(n containerName) error {
	for _, op := range s.operations.unfinished(n.clusterName()) {
		refusal := precondition("Cluster is running incompatible operation %s.", lastSegment(op.name))
		return withDetails(refusal, &errdetails.RequestInfo{RequestId: "0x" + randomHex(8)})
	}
	return nil
}

// renderContainerOperation writes an operation in GKE's dialect. zone is filled for regional clusters too, location is
// not: so it was in all recorded operations.
func (s *Server) renderContainerOperation(op *operation, detail *containerDetail) *containerpb.Operation {
	id := lastSegment(op.name)
	number := s.options.ProjectNumber
	if p, ok := s.projectOf("projects/" + detail.name.project); ok {
		number = p.Number
	}
	where := containerName{project: detail.name.project, location: detail.name.location}
	m := &containerpb.Operation{
		Name:          id,
		OperationType: detail.kind,
		SelfLink:      where.link(number) + "/operations/" + id,
		TargetLink:    detail.name.link(number),
		StartTime:     containerTime(op.accepted),
		Zone:          detail.name.location,
	}
	switch s.state(op) {
	case operationPending:
		m.Status = containerpb.Operation_PENDING
	case operationRunning:
		m.Status = containerpb.Operation_RUNNING
		if detail.aborting {
			m.Status = containerpb.Operation_ABORTING
		}
	case operationDone:
		m.Status = containerpb.Operation_DONE
		m.EndTime = containerTime(op.ends)
		m.Progress = renderProgress(detail.progress)
		renderFailure(m, op.failure, detail)
	}
	return m
}

// renderFailure fills the fields of an operation that is done without success: DONE does not mean that it went well.
func renderFailure(m *containerpb.Operation, failure error, detail *containerDetail) {
	if failure == nil {
		return
	}
	st := status.Convert(failure)
	m.Error = st.Proto()
	m.StatusMessage, m.Detail = st.Message(), st.Message()
	if detail.name.pool != "" {
		m.NodepoolConditions = detail.conditions
	} else {
		m.ClusterConditions = detail.conditions
	}
}

func renderProgress(metrics []progressMetric) *containerpb.OperationProgress {
	if len(metrics) == 0 {
		return nil
	}
	p := &containerpb.OperationProgress{}
	for _, metric := range metrics {
		p.Metrics = append(p.Metrics, &containerpb.OperationProgress_Metric{
			Name: metric.name, Value: &containerpb.OperationProgress_Metric_IntValue{IntValue: metric.value},
		})
	}
	return p
}

// createProgress is what a finished CREATE_CLUSTER shows, as recorded.
func createProgress(n containerName, autopilot bool) []progressMetric {
	configuring, deploying := int64(9), int64(10)
	switch {
	case autopilot:
		configuring, deploying = 10, 11
	case n.zonal():
		configuring = 8
	}
	return []progressMetric{
		{"CLUSTER_CONFIGURING", configuring}, {"CLUSTER_CONFIGURING_TOTAL", configuring},
		{"CLUSTER_DEPLOYING", deploying}, {"CLUSTER_DEPLOYING_TOTAL", deploying},
		{"CLUSTER_HEALTHCHECKING", 1}, {"CLUSTER_HEALTHCHECKING_TOTAL", 2},
	}
}

// upgradeProgress is what a finished UPGRADE_NODES shows, as recorded.
func upgradeProgress(nodes int) []progressMetric {
	n := int64(nodes)
	return []progressMetric{
		{"NODES_TOTAL", n}, {"NODES_FAILED", 0}, {"NODES_COMPLETE", n}, {"NODES_DONE", n}, {"NODE_PDB_DELAY_SECONDS", 0},
	}
}

func containerTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

// findOperation resolves projects/P/locations/L/operations/ID and the deprecated fields.
func (c *clusterManager) findOperation(name, project, zone, id string) (*operation, *containerDetail, error) {
	if name == "" {
		name = fmt.Sprintf("projects/%s/locations/%s/operations/%s", project, zone, id)
	}
	name = c.s.identified(strings.Replace(name, "/zones/", "/locations/", 1))
	if op, ok := c.s.operations.byName[name]; ok {
		if detail, ok := op.detail.(*containerDetail); ok {
			return op, detail, nil
		}
	}
	return nil, nil, notFound("Not found: %s.", name)
}

// GetOperation is the operation as it is now.
func (c *clusterManager) GetOperation(_ context.Context, r *containerpb.GetOperationRequest) (*containerpb.Operation, error) {
	op, detail, err := c.findOperation(r.GetName(), r.GetProjectId(), r.GetZone(), r.GetOperationId())
	if err != nil {
		return nil, err
	}
	return c.s.renderContainerOperation(op, detail), nil
}

// ListOperations lists a location's operations ("-": of all locations), the oldest first.
func (c *clusterManager) ListOperations(_ context.Context, r *containerpb.ListOperationsRequest) (*containerpb.ListOperationsResponse, error) {
	n, err := c.s.containerNameOf(r)
	if err != nil {
		return nil, err
	}
	answer := &containerpb.ListOperationsResponse{}
	for _, op := range c.s.operations.under(n.parent()) {
		if detail, ok := op.detail.(*containerDetail); ok {
			answer.Operations = append(answer.Operations, c.s.renderContainerOperation(op, detail))
		}
	}
	return answer, nil
}

// CancelOperation cancels upgrades of nodes: ABORTING, and then DONE with an error. Other kinds are refused, as in practice
// creations are. The text of the refusal is not recorded.
func (c *clusterManager) CancelOperation(_ context.Context, r *containerpb.CancelOperationRequest) (*emptypb.Empty, error) {
	op, detail, err := c.findOperation(r.GetName(), r.GetProjectId(), r.GetZone(), r.GetOperationId())
	if err != nil {
		return nil, err
	}
	if op.done || detail.kind != containerpb.Operation_UPGRADE_NODES {
		return nil, precondition("Operation %q of type %s cannot be cancelled.", lastSegment(op.name), detail.kind)
	}
	if !detail.aborting {
		detail.aborting = true
		op.runs = c.s.now() // one that waits is ABORTING as well
		c.s.schedule(c.s.now().Add(c.s.options.OperationTime/pendingShare), func() { c.s.complete(op) })
	}
	return &emptypb.Empty{}, nil
}
