package deploy_test

import (
	"strings"
	"testing"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
)

// An account that somebody else has made under the name of ours is neither changed nor deleted.
func TestIdentityWhoseAccountSomebodyElseMadeAgain(t *testing.T) {
	t.Parallel()
	b := newIdentityBench(t)
	spec := deploy.IdentitySpec{
		Name: "shop-runtime", Project: "acme-dev", Mode: deploy.IdentityServiceAccount, AccountID: "shop-runtime",
		Grants: []deploy.IdentityGrant{{Role: "roles/logging.logWriter", Project: "acme-dev"}},
	}
	b.mustMake(spec)
	accounts := b.cloud.GCP.ServiceAccounts()
	if err := accounts.Delete(t.Context(), identityName); err != nil {
		t.Fatal(err)
	}
	theirs := &adminpb.ServiceAccount{DisplayName: "billing team", Description: "Do not touch"}
	if _, err := accounts.Create(t.Context(), "acme-dev", "shop-runtime", theirs); err != nil {
		t.Fatal(err)
	}
	b.refresh()
	if !strings.Contains(strings.Join(b.state.Drift, "\n"), "made again by somebody else") {
		t.Errorf("the drift is %q", b.state.Drift)
	}
	_, _, err := b.cloud.UpdateIdentity(t.Context(), b.known(spec), b.state.Grants)
	if err == nil || !strings.Contains(err.Error(), "is another one now") {
		t.Errorf("the update ended with %v", err)
	}
	if err := b.destroy(); err != nil {
		t.Error(err)
	}
	if live := b.account(); live == nil || live.GetDescription() != "Do not touch" {
		t.Errorf("their account is %v", live)
	}
}
