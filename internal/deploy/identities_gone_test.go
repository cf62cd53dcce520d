package deploy_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// closeProject has a project answer as one that is gone and as one that the caller may not see: both sound the same.
func closeProject(b *identityBench, project string) {
	b.Helper()
	for _, method := range []string{"GetIamPolicy", "SetIamPolicy", "GetProject"} {
		err := b.fake.Inject(fakegcp.Fault{
			Method: "Projects/" + method, Resource: "projects/" + project, Code: codes.PermissionDenied,
			Message: "Permission denied on resource '//cloudresourcemanager.googleapis.com/projects/" + project + "' (or it may not exist).",
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// A grant on a project that was deleted, or that may not be seen any more, is never forgotten by itself and never in the
// way of the rest.
func TestGrantsOnAProjectThatMayBeGone(t *testing.T) {
	t.Parallel()
	b := newIdentityBench(t)
	if err := b.fake.AddProject("other-dev", "210987654321"); err != nil {
		t.Fatal(err)
	}
	onOther := deploy.IdentityGrant{Role: "roles/cloudsql.client", Project: "other-dev"}
	b.mustMake(identitySpec(onOther))
	closeProject(b, "other-dev")

	state, notices, err := b.cloud.ReadIdentity(t.Context(), b.known(b.spec))
	if err != nil || state.Status != deploy.IdentityReady || !sameGrants(state.Grants, b.spec.Grants) {
		t.Fatalf("refresh: state %+v, error %v", state, err)
	}
	if len(notices) != 1 || !strings.Contains(notices[0].Detail, "roles/cloudsql.client") || !strings.Contains(notices[0].Detail, "take the grants out of grants") {
		t.Errorf("notices %v", notices)
	}

	_, _, err = b.cloud.UpdateIdentity(t.Context(), b.known(identitySpec()), b.spec.Grants)
	if err == nil || !strings.Contains(err.Error(), "remove the identity from the state (state rm) and import it") {
		t.Errorf("taking the grant out of the configuration: %v", err)
	}

	var told *deploy.Error
	err = b.destroy()
	if !errors.As(err, &told) || !strings.Contains(told.Why, "project projects/other-dev") || !strings.Contains(told.Fix, "terraform state rm") {
		t.Errorf("destroy: %v", err)
	}
	if b.account() != nil {
		t.Error("the account is left")
	}
	b.checkPolicies(nil)
	b.refresh()
	if b.state == nil || !slices.Contains(b.state.Grants, onOther) {
		t.Errorf("the state forgot the grant: %+v", b.state)
	}

	b.fake.ClearFaults()
	if err := b.destroy(); err != nil {
		t.Errorf("destroy, with the right to: %v", err)
	}
	if left, err := b.fake.Remaining(); err != nil || slices.ContainsFunc(left, func(name string) bool { return strings.Contains(name, "other-dev") }) {
		t.Errorf("left %v, error %v", left, err)
	}
}
