package fakegcp_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// waited has somebody wait for an operation.
func (c *cloud) waited(ctx context.Context, q *longrunningpb.WaitOperationRequest) <-chan error {
	over := make(chan error, 1)
	go func() {
		op, err := c.operations.WaitOperation(ctx, q)
		if err == nil && q.GetTimeout() == nil && !op.GetDone() {
			c.t.Error("the wait is over, the operation is not")
		}
		over <- err
	}()
	return over
}

// still fails when a wait that must go on is over.
func still(t *testing.T, over <-chan error) {
	t.Helper()
	select {
	case err := <-over:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
}

func TestWaitOperation(t *testing.T) {
	c := start(t)
	op, err := c.create(service(container()))
	must(t, err)
	q := &longrunningpb.WaitOperationRequest{Name: op.GetName()}

	t.Run("until it is done, and others are served", func(t *testing.T) {
		over := c.waited(t.Context(), q)
		still(t, over)
		if m := c.get(); !m.GetReconciling() {
			t.Error("not reconciling")
		}
		c.Advance(30 * time.Second)
		still(t, over)
		c.Advance(30 * time.Second)
		must(t, <-over)
		must(t, <-c.waited(t.Context(), q))
	})
	update, err := c.services.DeleteService(c.ctx(), deletion())
	must(t, err)
	q.Name = update.GetName()
	t.Run("until the caller gives up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		over := c.waited(ctx, q)
		still(t, over)
		cancel()
		wantError(t, <-over, codes.Canceled, "")
	})
	t.Run("until the timeout by the virtual clock", func(t *testing.T) {
		over := c.waited(t.Context(), &longrunningpb.WaitOperationRequest{Name: q.GetName(), Timeout: durationpb.New(10 * time.Second)})
		still(t, over)
		c.Advance(10 * time.Second)
		must(t, <-over)
	})
	t.Run("until the world is made anew", func(t *testing.T) {
		over := c.waited(t.Context(), q)
		still(t, over)
		must(t, c.Reset())
		wantError(t, <-over, codes.NotFound, "Requested entity was not found.")
	})
	wantError(t, <-c.waited(t.Context(), q), codes.NotFound, "Requested entity was not found.")
}

func TestWaitOperationInRealTime(t *testing.T) {
	c := start(t, func(o *fakegcp.Options) { o.Clock, o.OperationTime = nil, 50*time.Millisecond })
	op, err := c.create(service(container()))
	must(t, err)
	must(t, <-c.waited(t.Context(), &longrunningpb.WaitOperationRequest{Name: op.GetName()}))
	code, answer := c.curl("POST", "/v2/"+op.GetName()+":wait", `{"timeout":"1s"}`)
	if code != 200 || !strings.Contains(answer, `"done"`) {
		t.Errorf("over REST: %d %s", code, answer)
	}
}

func TestOperationsAreFilteredDeletedAndNotCancelled(t *testing.T) {
	c := start(t)
	first := c.done(c.create(service(container())))
	second, err := c.services.DeleteService(c.ctx(), deletion())
	must(t, err)
	for filter, want := range map[string][]string{
		"": {first.GetName(), second.GetName()}, "done:true": {first.GetName()}, "done:false": {second.GetName()},
	} {
		l, err := c.operations.ListOperations(c.ctx(), &longrunningpb.ListOperationsRequest{Name: location, Filter: filter})
		must(t, err)
		var got []string
		for _, op := range l.GetOperations() {
			got = append(got, op.GetName())
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("filter %q: %v, want %v", filter, got, want)
		}
	}
	_, err = c.operations.ListOperations(c.ctx(), &longrunningpb.ListOperationsRequest{Name: location, Filter: "name:x"})
	wantError(t, err, codes.Unimplemented, `filter "name:x"`)
	_, err = c.operations.CancelOperation(c.ctx(), &longrunningpb.CancelOperationRequest{Name: second.GetName()})
	wantError(t, err, codes.Unimplemented, "google.longrunning.Operations/CancelOperation is not served")
	_, err = c.operations.DeleteOperation(c.ctx(), &longrunningpb.DeleteOperationRequest{Name: second.GetName()})
	must(t, err)
	_, err = c.operations.GetOperation(c.ctx(), &longrunningpb.GetOperationRequest{Name: second.GetName()})
	wantError(t, err, codes.NotFound, "not found")
	c.Advance(time.Minute)
	if left, err := c.Remaining(); err != nil || len(left) > 0 {
		t.Errorf("what the forgotten operation does goes on: %v, %v", left, err)
	}
}
