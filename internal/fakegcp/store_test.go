package fakegcp_test

import (
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
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
