package fakegcp_test

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
)

func TestListsFollowWhatIsThere(t *testing.T) {
	c := start(t)
	list := func(place string) string {
		t.Helper()
		var ids []string
		for token := "-"; token != ""; {
			r, err := c.services.ListServices(c.ctx(), &runpb.ListServicesRequest{Parent: project + "/locations/" + place, PageSize: 2, PageToken: strings.Trim(token, "-")})
			must(t, err)
			for _, s := range r.GetServices() {
				ids = append(ids, strings.TrimPrefix(s.GetName(), project+"/locations/"))
			}
			token = r.GetNextPageToken()
		}
		if !slices.IsSorted(ids) {
			t.Errorf("%s: not sorted: %q", place, ids)
		}
		return strings.ReplaceAll(strings.Join(ids, " "), "/services/", "/")
	}
	deploy := func(place, id string) {
		t.Helper()
		_, err := c.services.CreateService(c.ctx(), &runpb.CreateServiceRequest{Parent: project + "/locations/" + place, ServiceId: id, Service: &runpb.Service{
			Template: &runpb.RevisionTemplate{Containers: []*runpb.Container{{Image: image}}},
		}})
		must(t, err)
	}
	remove := func(name string) {
		t.Helper()
		must(t, c.Remove(project+"/locations/"+name))
	}
	check := func(place, want string) {
		t.Helper()
		if got := list(place); got != want {
			t.Errorf("%s: %q, want %q", place, got, want)
		}
	}
	check("-", "")
	for _, id := range []string{"web", "api", "job"} {
		deploy("us-east1", id)
		deploy("asia-northeast1", id)
	}
	check("-", "asia-northeast1/api asia-northeast1/job asia-northeast1/web us-east1/api us-east1/job us-east1/web")
	remove("us-east1/services/job")
	check("us-east1", "us-east1/api us-east1/web")
	remove("us-east1/services/api")
	remove("us-east1/services/web")
	check("us-east1", "")
	check("-", "asia-northeast1/api asia-northeast1/job asia-northeast1/web")
	deploy("us-east1", "api")
	check("-", "asia-northeast1/api asia-northeast1/job asia-northeast1/web us-east1/api")
}

// TestListsAreSentWhileTheirItemsChange is for the race detector: lists go out without copies.
func TestListsAreSentWhileTheirItemsChange(t *testing.T) {
	c := start(t)
	c.secret("shop-key", "one")
	c.secret("other")
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 25 {
				if w%2 == 0 {
					if _, err := c.updateSecret(&secretmanagerpb.Secret{Name: shopKey, Labels: map[string]string{"i": strconv.Itoa(i)}}, "labels"); err != nil {
						t.Error(err)
					}
					continue
				}
				r, err := c.secrets.ListSecrets(c.ctx(), &secretmanagerpb.ListSecretsRequest{Parent: project})
				if err != nil || len(r.GetSecrets()) != 2 || r.GetSecrets()[1].GetName() != numbered+"/secrets/shop-key" {
					t.Errorf("%v, %v", r, err)
				}
			}
		})
	}
	wg.Wait()
}
