package fakegcp_test

import (
	"regexp"
	"strings"
	"testing"
)

func TestProjectsInNames(t *testing.T) {
	c := start(t)
	c.clusterOverREST("us-central1-a", "one")
	c.secret("k", "value")
	c.account("app-runner")
	_, err := c.create(service(container()))
	must(t, err)
	fact(t, "1.0", "GKE's objects and Cloud Run's have the project's id, GKE's operations and secrets its number, accounts its id", "recorded", func(t *testing.T) {
		for _, test := range []struct{ path, want string }{
			{"/v1/projects/123456789012/locations/us-central1-a/clusters/one?fields=selfLink", `"https://container.googleapis.com/v1/projects/acme-dev/zones/us-central1-a/clusters/one"`},
			{"/v1/projects/acme-dev/locations/us-central1-a/operations?fields=operations(selfLink,targetLink)", `"https://container.googleapis.com/v1/projects/123456789012/zones/us-central1-a/clusters/one"`},
			{"/v1/projects/acme-dev/secrets/k", `"name": "projects/123456789012/secrets/k"`},
			{"/v1/projects/acme-dev/secrets/none", `Secret [projects/123456789012/secrets/none] not found.`},
			{"/v1/projects/123456789012/serviceAccounts/app-runner@acme-dev.iam.gserviceaccount.com", `"name": "projects/acme-dev/serviceAccounts/app-runner@acme-dev.iam.gserviceaccount.com"`},
			{"/v2/projects/123456789012/locations/asia-northeast1/services/api", `"name": "projects/acme-dev/locations/asia-northeast1/services/api"`},
		} {
			if a := c.send("GET", test.path, ""); !strings.Contains(a.body, test.want) {
				t.Errorf("%s: %d %s\nwant %s", test.path, a.code, a.body, test.want)
			}
		}
	})
	fact(t, "1.0", "a project that is not there is refused as one that may not be read, in the words of each API", "mock; google provider matches the text", func(t *testing.T) {
		for path, want := range map[string]string{
			"/v3/projects/none-such":                                "Permission 'resourcemanager.projects.get' denied on resource '//cloudresourcemanager.googleapis.com/projects/none-such' (or it may not exist).",
			"/v1/projects/none-such":                                "The caller does not have permission",
			"/v1/projects/none-such/locations/us-central1/clusters": "Project 'none-such' not found or permission denied.",
		} {
			if a := c.send("GET", path, ""); a.code != 403 || a.failure(t).Error.Message != want {
				t.Errorf("%s: %d %s", path, a.code, a.body)
			}
		}
	})
	fact(t, "1.0", "operations have a dialect per API", "recorded; proto", func(t *testing.T) {
		gke := c.send("GET", "/v1/projects/acme-dev/locations/us-central1-a/operations?fields=operations(name,status)", "")
		if !regexp.MustCompile(`"name": "operation-\d+-[0-9a-f-]{36}",\s*"status": "DONE"`).MatchString(gke.body) {
			t.Errorf("GKE: %s", gke.body)
		}
		run := c.send("GET", "/v2/projects/acme-dev/locations/asia-northeast1/operations?fields=operations(name,metadata)", "")
		for _, part := range []string{`"name": "projects/acme-dev/locations/asia-northeast1/operations/`, `"@type": "type.googleapis.com/google.cloud.run.v2.Service"`} {
			if !strings.Contains(run.body, part) {
				t.Errorf("Cloud Run: no %s in %s", part, run.body)
			}
		}
	})
}
