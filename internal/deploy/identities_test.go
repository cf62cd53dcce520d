package deploy_test

import (
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"github.com/google/go-cmp/cmp"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

func TestIdentityOfAnUnreachableClusterIsComparedWithoutIt(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, time.Millisecond)
	cluster := smallCluster()
	if _, _, err := w.CreateCluster(t.Context(), cluster, clusterTimeout); err != nil {
		t.Fatal(err)
	}
	grant := deploy.IdentityGrant{Role: "roles/logging.logWriter", Project: cluster.ID.Project}
	account := deploy.IdentitySpec{
		Name: "shop-runtime", Project: cluster.ID.Project, Mode: deploy.IdentityServiceAccount, AccountID: "shop-runtime",
		Grants: []deploy.IdentityGrant{grant},
	}
	if _, _, err := w.CreateIdentity(t.Context(), account, clusterTimeout); err != nil {
		t.Fatal(err)
	}
	err := w.fake.UpdateCluster(cluster.ID.String(), func(c *containerpb.Cluster) { c.Endpoint = "127.0.0.1:1" })
	if err != nil {
		t.Fatal(err)
	}
	inCluster := account
	inCluster.Cluster, inCluster.Namespace = &cluster.ID, "web"
	state, notices, err := w.ReadIdentity(t.Context(), inCluster)
	if err != nil {
		t.Fatal(err)
	}
	if state == nil || !state.Unreachable || len(notices) != 1 {
		t.Fatalf("state %+v, notices %v", state, notices)
	}
	if diff := cmp.Diff([]deploy.IdentityGrant{grant}, state.Grants); diff != "" {
		t.Errorf("grants (-want, +got):\n%s", diff)
	}
}

func TestIdentityOfNothingIsGone(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, time.Millisecond)
	spec := deploy.IdentitySpec{
		Name: "shop", Project: "acme-dev", Mode: deploy.IdentityDirect, Namespace: "web",
		Cluster: &names.ClusterID{Project: "acme-dev", Location: "asia-northeast1", Name: "gone"},
		Grants:  []deploy.IdentityGrant{{Role: "roles/viewer", Project: "acme-dev"}},
	}
	state, _, err := w.ReadIdentity(t.Context(), spec)
	if err != nil || state != nil {
		t.Errorf("state %+v, error %v", state, err)
	}
	if _, err := w.DeleteIdentity(t.Context(), spec); err != nil {
		t.Errorf("deleting what is gone: %v", err)
	}
}

func TestResolveIdentity(t *testing.T) {
	t.Parallel()
	w := newClusterWorld(t, time.Millisecond)
	got, err := w.ResolveIdentity(t.Context(), "projects/acme-dev/serviceAccounts/shop@acme-dev.iam.gserviceaccount.com")
	if err != nil {
		t.Fatal(err)
	}
	want := deploy.ResolvedIdentity{Email: "shop@acme-dev.iam.gserviceaccount.com", Member: "serviceAccount:shop@acme-dev.iam.gserviceaccount.com"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want, +got):\n%s", diff)
	}
	if _, err := w.ResolveIdentity(t.Context(), "shop"); err == nil {
		t.Error("a name that is no id was accepted")
	}
}

func TestIdentityRoleNames(t *testing.T) {
	t.Parallel()
	for role, ok := range map[string]bool{
		"roles/cloudsql.client": true, "projects/acme-dev/roles/shopReader": true, "organizations/123/roles/auditor": true,
		"roles/owner": true, "": false, "viewer": false, "roles/": false, "roles/a b": false, "projects/acme-dev": false, "roles/x/y": false,
	} {
		if err := deploy.CheckIdentityRole(role); (err == nil) != ok {
			t.Errorf("%q: %v", role, err)
		}
	}
}

func TestRolesThatNoAppShouldHave(t *testing.T) {
	t.Parallel()
	const account = "projects/acme-dev/serviceAccounts/web@acme-dev.iam.gserviceaccount.com"
	soon := deploy.IdentityCondition{Title: "soon", Expression: "request.time < timestamp('2027-01-01T00:00:00Z')"}
	tests := map[string]struct {
		grant   deploy.IdentityGrant
		allowed []string
		ok      bool
	}{
		"a predefined role":                 {grant: deploy.IdentityGrant{Role: "roles/cloudsql.client", Project: "p"}, ok: true},
		"owner":                             {grant: deploy.IdentityGrant{Role: "roles/owner", Project: "p"}},
		"editor of a secret":                {grant: deploy.IdentityGrant{Role: "roles/editor", Secret: "projects/p/secrets/s"}},
		"owner, allowed":                    {grant: deploy.IdentityGrant{Role: "roles/owner", Project: "p"}, allowed: []string{"roles/owner"}, ok: true},
		"owner, another allowed":            {grant: deploy.IdentityGrant{Role: "roles/owner", Project: "p"}, allowed: []string{"roles/editor"}},
		"any account of a project":          {grant: deploy.IdentityGrant{Role: "roles/iam.serviceAccountTokenCreator", Project: "p"}},
		"one account":                       {grant: deploy.IdentityGrant{Role: "roles/iam.serviceAccountTokenCreator", ServiceAccount: account}, ok: true},
		"the policy, under a condition":     {grant: deploy.IdentityGrant{Role: "roles/resourcemanager.projectIamAdmin", Project: "p", Condition: soon}},
		"a basic role under a condition":    {grant: deploy.IdentityGrant{Role: "roles/viewer", Project: "p", Condition: soon}},
		"a predefined one":                  {grant: deploy.IdentityGrant{Role: "roles/cloudsql.client", Project: "p", Condition: soon}, ok: true},
		"owner under a condition, allowed":  {grant: deploy.IdentityGrant{Role: "roles/owner", Project: "p", Condition: soon}, allowed: []string{"roles/owner"}},
		"viewer, which reads but owns none": {grant: deploy.IdentityGrant{Role: "roles/viewer", Project: "p"}, ok: true},
	}
	for name, test := range tests {
		if err := deploy.CheckIdentityGrant(test.grant, test.allowed); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
