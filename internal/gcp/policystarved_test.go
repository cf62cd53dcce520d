package gcp_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// However many members IAM never gets to know, one that it knows is written.
func TestUnknownMembersStarveNobody(t *testing.T) {
	s := &server{on: func(_ string, req any) error {
		set, ok := req.(*iampb.SetIamPolicyRequest)
		if !ok {
			return nil
		}
		for _, b := range set.GetPolicy().GetBindings() {
			for _, member := range b.GetMembers() {
				if strings.Contains(member, "ghost") {
					return status.Errorf(codes.InvalidArgument, "Service account %s does not exist.", strings.TrimPrefix(member, "serviceAccount:"))
				}
			}
		}
		return nil
	}}
	c := serve(t, s)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for i := range 9 {
		go func() {
			_ = c.Policies().Add(ctx, project, []gcp.Grant{viewer(fmt.Sprintf("serviceAccount:ghost%d@acme.iam.gserviceaccount.com", i))})
		}()
	}
	for c.PendingPolicyChanges(project) == 0 && s.count("SetIamPolicy") == 0 {
		time.Sleep(time.Millisecond)
	}
	limited, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := c.Policies().Add(limited, project, []gcp.Grant{viewer("serviceAccount:known@acme.iam.gserviceaccount.com")}); err != nil {
		t.Errorf("the member that IAM knows: %v", err)
	}
}

// Too many requests in one minute are no reason to give up.
func TestPolicyRateLimitsAreWaitedOut(t *testing.T) {
	s := &server{}
	left := 12
	s.on = func(method string, _ any) error {
		if method == "SetIamPolicy" && left > 0 {
			left--
			return status.Error(codes.ResourceExhausted,
				"Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute' of service 'cloudresourcemanager.googleapis.com'")
		}
		return nil
	}
	c := serve(t, s)
	if err := c.Policies().Add(t.Context(), project, []gcp.Grant{viewer("user:a@example.com")}); err != nil {
		t.Error(err)
	}
}
