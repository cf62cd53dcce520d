package identity_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/genproto/googleapis/type/expr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

// iampbProjects calls the project's policy methods as another principal.
type iampbProjects struct {
	mu     *sync.Mutex // held while the policy and what the rival knows of it differ
	client resourcemanagerpb.ProjectsClient
	token  string
}

func dialProjects(t *testing.T, env *acctest.Env, token string) iampbProjects {
	t.Helper()
	conn, err := grpc.NewClient(env.Fake.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return iampbProjects{mu: &sync.Mutex{}, client: resourcemanagerpb.NewProjectsClient(conn), token: token}
}

func (p iampbProjects) as(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+p.token)
}

func (p iampbProjects) get(ctx context.Context) (*iampb.Policy, error) {
	return p.client.GetIamPolicy(p.as(ctx), &iampb.GetIamPolicyRequest{
		Resource: "projects/acme-dev", Options: &iampb.GetPolicyOptions{RequestedPolicyVersion: 3},
	})
}

// keptBindings are what nobody in the test changes.
func keptBindings() []*iampb.Binding {
	return []*iampb.Binding{
		{Role: "roles/resourcemanager.projectIamAdmin", Members: []string{"user:" + rivalEmail}},
		{Role: "roles/viewer", Members: []string{
			"deleted:serviceAccount:old@acme-dev.iam.gserviceaccount.com?uid=100000000000000000001", "group:team@example.com",
		}},
		{Role: "roles/cloudtrace.agent", Members: []string{"user:night@example.com"}, Condition: &expr.Expr{
			Title: "nights", Expression: "request.time.getHours('Asia/Tokyo') < 6",
		}},
	}
}

// change adds a member, on every other turn under a condition, and takes the one from ten turns before out again.
func (r *rival) change(ctx context.Context, n int) error {
	r.projects.mu.Lock()
	defer r.projects.mu.Unlock()
	over := ctx.Done()
	ctx = context.WithoutCancel(ctx) // a call that is given up may still have had its effect
	member := func(n int) string { return fmt.Sprintf("user:ops-%d@example.com", n) }
	for {
		select {
		case <-over:
			return nil
		default:
		}
		policy, err := r.projects.get(ctx)
		if err != nil {
			return err
		}
		binding := &iampb.Binding{Role: rivalRole, Members: []string{member(n)}}
		if n%2 == 1 {
			binding.Condition = &expr.Expr{Title: "odd", Expression: "request.time < timestamp('2030-01-01T00:00:00Z')"}
		}
		policy.Version, policy.Bindings = 3, append(policy.Bindings, binding)
		for _, b := range policy.GetBindings() {
			b.Members = slices.DeleteFunc(b.Members, func(m string) bool { return m == member(n-10) })
		}
		_, err = r.projects.client.SetIamPolicy(r.projects.as(ctx), &iampb.SetIamPolicyRequest{Resource: "projects/acme-dev", Policy: policy})
		if status.Code(err) == codes.Aborted {
			continue
		}
		if err == nil {
			r.present = append(slices.DeleteFunc(r.present, func(m string) bool { return m == member(n-10) }), member(n))
		}
		return err
	}
}
