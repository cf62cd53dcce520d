package fakegcp

import (
	"context"
	"slices"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// runDetail is the part of an operation that is google.longrunning's: the object, which is the metadata while it runs and
// the response when it is done.
type runDetail struct {
	last proto.Message
}

// runOperationName is a new name in the location of an object.
func runOperationName(object string) string {
	location := strings.Join(strings.SplitN(object, "/", 5)[:4], "/")
	return location + "/operations/" + randomUUID()
}

// runOperations serves google.longrunning.Operations for Cloud Run. CancelOperation is not there: the real service's
// configuration binds no such method, and CancelExecution stops what RunJob began.
// Source: https://github.com/googleapis/googleapis, google/cloud/run/v2/run_v2.yaml (http.rules).
type runOperations struct {
	longrunningpb.UnimplementedOperationsServer
	s *Server
}

func (o *runOperations) find(name string) (*operation, error) {
	op, ok := o.s.operations.byName[o.s.identified(name)]
	if ok {
		_, ok = op.detail.(*runDetail)
	}
	if !ok {
		return nil, notFound("Requested entity was not found.")
	}
	return op, nil
}

// GetOperation is the operation as it is now.
func (o *runOperations) GetOperation(_ context.Context, r *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	op, err := o.find(r.GetName())
	if err != nil {
		return nil, err
	}
	return o.s.renderRunOperation(op)
}

// WaitOperation is one look at the operation; the waiting is around it (runwaits.go), because a handler never blocks.
func (o *runOperations) WaitOperation(ctx context.Context, r *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	return o.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: r.GetName()})
}

// operationFilters are the filters of ListOperations: whether an operation must be done.
// Source: https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.operations/list.
var operationFilters = map[string]func(*operation) bool{
	"":           func(*operation) bool { return true },
	"done:true":  func(op *operation) bool { return op.done },
	"done:false": func(op *operation) bool { return !op.done },
}

// ListOperations lists a location's operations, the oldest first.
func (o *runOperations) ListOperations(_ context.Context, r *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
	if !runParentForm.MatchString(r.GetName()) {
		return nil, invalid("Invalid resource parent: %s", r.GetName())
	}
	keep, ok := operationFilters[r.GetFilter()]
	if !ok {
		return nil, unmodelled("filter %q of operations", r.GetFilter())
	}
	all := slices.DeleteFunc(o.s.operations.under(o.s.identified(r.GetName())), func(op *operation) bool {
		_, run := op.detail.(*runDetail)
		return !run || !keep(op)
	})
	items, next, err := page(all, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	answer := &longrunningpb.ListOperationsResponse{NextPageToken: next}
	for _, op := range items {
		m, err := o.s.renderRunOperation(op)
		if err != nil {
			return nil, err
		}
		answer.Operations = append(answer.Operations, m)
	}
	return answer, nil
}

// DeleteOperation forgets the operation; what it does goes on.
func (o *runOperations) DeleteOperation(_ context.Context, r *longrunningpb.DeleteOperationRequest) (*emptypb.Empty, error) {
	op, err := o.find(r.GetName())
	if err != nil {
		return nil, err
	}
	delete(o.s.operations.byName, op.name)
	o.s.operations.order = slices.DeleteFunc(o.s.operations.order, func(other *operation) bool { return other == op })
	return &emptypb.Empty{}, nil
}

// renderRunOperation writes an operation in the google.longrunning dialect.
func (s *Server) renderRunOperation(op *operation) (*longrunningpb.Operation, error) {
	detail := op.detail.(*runDetail) //nolint:forcetypeassert // an operation of Cloud Run has no other
	if now, ok := lookup[proto.Message](s.store, op.target); ok {
		detail.last = now // a deleted object stays as it was last
	}
	object, err := anypb.New(detail.last)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "operation %s: %v", op.name, err)
	}
	m := &longrunningpb.Operation{Name: op.name, Metadata: object, Done: op.done}
	switch {
	case !op.done:
	case op.failure != nil:
		m.Result = &longrunningpb.Operation_Error{Error: status.Convert(op.failure).Proto()}
	default:
		m.Result = &longrunningpb.Operation_Response{Response: object}
	}
	return m, nil
}

// doneRunOperation is what a request that only validates gets: an operation that is done and was never kept.
func doneRunOperation(s *Server, m runNamed) (*longrunningpb.Operation, error) {
	return s.renderRunOperation(&operation{name: runOperationName(m.GetName()), done: true, detail: &runDetail{last: m}})
}
