package service

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

func TestIdentityAndIDSayTheSame(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"projects/acme-dev/locations/asia-northeast1/services/shop",
		"projects/acme-dev/locations/asia-northeast1/clusters/dev/namespaces/web/services/shop",
	} {
		if err := checkServiceID(id); err != nil {
			t.Error(err)
		}
		if got := identityAt(id).id(); got != id {
			t.Errorf("got %s, want %s", got, id)
		}
	}
	short := identity{
		Project: types.StringValue("acme-dev"), Location: types.StringValue("asia-northeast1"),
		Cluster: types.StringValue("dev"), Name: types.StringValue("shop"),
	}
	if want := testCluster + "/namespaces/shop/services/shop"; short.id() != want {
		t.Errorf("got %s, want %s", short.id(), want)
	}
}

func TestWorkloadIdentityOfARecordedApp(t *testing.T) {
	t.Parallel()
	run := func(email string) app.App { return app.App{Name: "shop", Identity: email, CloudRun: &app.CloudRun{}} }
	for _, row := range []struct {
		app  app.App
		want string
	}{
		{run(""), ""},
		{run("a@acme-dev.iam.gserviceaccount.com"), "projects/acme-dev/serviceAccounts/a@acme-dev.iam.gserviceaccount.com"},
		{run("a@web.acme.example.iam.gserviceaccount.com"), "projects/acme.example:web/serviceAccounts/a@web.acme.example.iam.gserviceaccount.com"},
		{run("123-compute@developer.gserviceaccount.com"), "projects/here/serviceAccounts/123-compute@developer.gserviceaccount.com"},
		{
			app.App{Name: "shop", Identity: "publisher", GKE: &app.GKE{Cluster: testCluster}},
			testCluster + "/namespaces/shop/serviceAccounts/publisher",
		},
	} {
		if got := identityOf(row.app, "here"); got != row.want {
			t.Errorf("got %s, want %s", got, row.want)
		}
	}
}

func TestReferencesAreRefusedUnlessTheyAreFullNames(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		check   func(string) error
		refused string
	}{
		{names.CheckClusterID, "dev"},
		{checkRegion, "tokyo"},
		{checkRegion, "asia-northeast1-b"},
		{checkIdentityID, "publisher@acme-dev.iam.gserviceaccount.com"},
		{checkIdentityID, testCluster + "/serviceAccounts/publisher"},
		{checkServiceID, "shop"},
		{checkServiceID, "projects/123456789012/locations/asia-northeast1/services/shop"},
	} {
		if row.check(row.refused) == nil {
			t.Errorf("%s is accepted", row.refused)
		}
	}
}
