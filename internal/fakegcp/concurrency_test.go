package fakegcp_test

import (
	"fmt"
	"sync"
	"testing"

	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestConcurrentPolicyWritersLoseNothing has writers read, modify and write one policy at the same time: with etags, each
// of them either sees the others' members or is refused.
func TestConcurrentPolicyWritersLoseNothing(t *testing.T) {
	const writers = 8
	c := start(t)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			member := fmt.Sprintf("user:writer-%d@example.com", w)
			for {
				p, err := c.projects.GetIamPolicy(t.Context(), &iampb.GetIamPolicyRequest{Resource: project})
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
				p.Bindings = append(p.Bindings, binding("roles/viewer", member))
				_, err = c.setProjectPolicy(p)
				switch status.Code(err) {
				case codes.OK:
					return
				case codes.Aborted: // somebody else was faster
				default:
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := len(c.projectPolicy(3).GetBindings()[0].GetMembers()); got != writers {
		t.Errorf("%d members, want %d", got, writers)
	}
}
