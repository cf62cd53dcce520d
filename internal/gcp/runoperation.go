package gcp

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// statusCode turns a google.rpc.Status code into a gRPC code; they are the same numbers.
func statusCode(code int32) codes.Code { return codes.Code(code) }

// RunOperation is a Cloud Run operation whose result is a T.
type RunOperation[T proto.Message] struct {
	// Name is projects/P/locations/L/operations/O; empty for a validation, which is done when it answers.
	Name string

	client *Client
	read   readOperation
	done   bool
	result T
	err    error
}

// readOperation reads an operation by its name.
type readOperation func(ctx context.Context, name string) (*longrunningpb.Operation, error)

// startedOperation is what Google's generated clients answer to a create, update or delete.
type startedOperation[T proto.Message] interface {
	Name() string
	Done() bool
	Poll(ctx context.Context, opts ...gax.CallOption) (T, error)
}

// started wraps an accepted operation. empty is a message that the result is read into.
func started[T proto.Message](ctx context.Context, c *Client, op startedOperation[T], read readOperation, empty T) *RunOperation[T] {
	o := &RunOperation[T]{Name: op.Name(), client: c, read: read, result: empty}
	switch {
	case op.Done(): // Poll of a finished operation makes no call
		o.done = true
		if o.result, o.err = op.Poll(ctx); o.err != nil {
			o.err = &OperationError{Operation: o.Name, Code: status.Code(o.err), Message: status.Convert(o.err).Message()}
		}
	case o.Name == "":
		o.done = true
	}
	return o
}

// Wait waits until the operation is done and gives its result. An operation that is done with an error gives an
// OperationError; the object is there all the same, with its conditions.
func (o *RunOperation[T]) Wait(ctx context.Context) (T, error) {
	if o.done {
		return o.result, o.err
	}
	missing := 0
	err := o.client.Poll(ctx, "operation "+o.Name, func(ctx context.Context) (bool, error) {
		now, err := o.read(ctx, o.Name)
		// An operation that was just started may not be readable for a moment.
		if IsNotFound(err) && missing < pollTolerance {
			missing++
			return false, nil
		}
		if err != nil || !now.GetDone() {
			return false, err
		}
		o.finish(now)
		return true, nil
	})
	if err != nil {
		return o.result, err
	}
	return o.result, o.err
}

func (o *RunOperation[T]) finish(op *longrunningpb.Operation) {
	o.done = true
	if failure := op.GetError(); failure != nil {
		o.err = &OperationError{Operation: o.Name, Code: statusCode(failure.GetCode()), Message: failure.GetMessage()}
		return
	}
	if answer := op.GetResponse(); answer != nil {
		o.err = answer.UnmarshalTo(o.result)
	}
}
