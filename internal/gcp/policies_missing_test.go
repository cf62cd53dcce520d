package gcp_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

const ghost = "serviceAccount:ghost@acme.iam.gserviceaccount.com"

func TestMembersThatShouldExistAreWaitedForBriefly(t *testing.T) {
	var left atomic.Int32
	left.Store(1 << 30)
	s := &server{on: refuseGhosts(&left)}
	c := serve(t, s)
	began := c.Clock().Now()
	err := c.Policies().AddExisting(t.Context(), project, []gcp.Grant{viewer("user:a@example.com"), viewer(ghost)})
	var missing *gcp.MissingMemberError
	if !errors.As(err, &missing) || missing.Member != ghost || gcp.Classify(err) != gcp.Invalid {
		t.Fatalf("error %v, want that %s is missing", err, ghost)
	}
	if waited := c.Clock().Now().Sub(began); waited < gcp.MemberGrace || waited > gcp.MemberGrace+30*time.Second {
		t.Errorf("it waited %s", waited)
	}
	left.Store(5)
	if err := c.Policies().AddExisting(t.Context(), project, []gcp.Grant{viewer(ghost)}); err != nil {
		t.Errorf("one that becomes known in time: %v", err)
	}
}

// TestAMissingMemberFailsAlone has a typo, a new account that takes long, and a known member in one queue.
func TestAMissingMemberFailsAlone(t *testing.T) {
	var told atomic.Bool
	s := &server{on: func(_ string, req any) error {
		set, ok := req.(*iampb.SetIamPolicyRequest)
		if !ok {
			return nil
		}
		switch text := set.String(); {
		case strings.Contains(text, "ghost@"):
			return status.Error(codes.InvalidArgument, "Service account ghost@acme.iam.gserviceaccount.com does not exist.")
		case strings.Contains(text, "fresh@") && !told.Load():
			return status.Error(codes.InvalidArgument, "Service account fresh@acme.iam.gserviceaccount.com does not exist.")
		default:
			return nil
		}
	}}
	c := serve(t, s)
	fresh, typo := make(chan error, 1), make(chan error, 1)
	go func() {
		fresh <- c.Policies().Add(t.Context(), project, []gcp.Grant{viewer("serviceAccount:fresh@acme.iam.gserviceaccount.com")})
	}()
	go func() { typo <- c.Policies().AddExisting(t.Context(), project, []gcp.Grant{viewer(ghost)}) }()
	if err := c.Policies().AddExisting(t.Context(), project, []gcp.Grant{viewer("user:a@example.com")}); err != nil {
		t.Errorf("the known member: %v", err)
	}
	var missing *gcp.MissingMemberError
	if err := <-typo; !errors.As(err, &missing) || missing.Member != ghost {
		t.Errorf("the typo: %v", err)
	}
	told.Store(true)
	if err := <-fresh; err != nil {
		t.Errorf("the new account: %v", err)
	}
}

func TestTheMissingMemberIsNamed(t *testing.T) {
	const pool = "Identity Pool does not exist (acme.svc.id.goog). Please check that you specified a valid resource name."
	const kube = "serviceAccount:acme.svc.id.goog[shop/web]"
	const principal = "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/acme.svc.id.goog/subject/ns/shop/sa/web"
	tests := []struct{ says, member, want string }{
		{"Service account Ghost@acme.iam.gserviceaccount.com does not exist.", ghost, ghost},
		{"Service account big-ghost@acme.iam.gserviceaccount.com does not exist.", ghost, ""},
		{pool, kube, kube},
		{pool, principal, principal},
		{pool, ghost, ""},
	}
	for _, test := range tests {
		c := serve(t, &server{on: func(method string, _ any) error {
			if method == "SetIamPolicy" {
				return status.Error(codes.InvalidArgument, test.says)
			}
			return nil
		}})
		err := c.Policies().AddExisting(t.Context(), project, []gcp.Grant{viewer("user:a@example.com"), viewer(test.member)})
		var missing *gcp.MissingMemberError
		if !errors.As(err, &missing) || missing.Member != test.want {
			t.Errorf("%s for %s: %v, want %q", test.says, test.member, err, test.want)
		}
	}
}
