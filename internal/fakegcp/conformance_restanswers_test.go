package fakegcp_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// cluster makes a cluster with one pool in a location, and lets its operation end.
func (c *cloud) clusterOverREST(location, name string) {
	c.t.Helper()
	a := c.send("POST", "/v1/projects/acme-dev/locations/"+location+"/clusters",
		`{"cluster":{"name":"`+name+`","resourceLabels":{"team":"shop","env":"dev"},"nodePools":[{"name":"p","initialNodeCount":1,"config":{"spot":true}}]}}`)
	if a.code != 200 {
		c.t.Fatalf("%d %s", a.code, a.body)
	}
	c.Advance(time.Minute)
}

func TestRESTJSON(t *testing.T) {
	c := start(t)
	c.clusterOverREST("us-central1-a", "one")
	c.secret("k", "value")
	fact(t, "1.0", "int64 are strings, int32 numbers", "recorded", func(t *testing.T) {
		a := c.send("GET", "/v1/projects/acme-dev/locations/us-central1-a/clusters/one", "")
		for _, part := range []string{`"maxPodsPerNode": "110"`, `"sizeGb": "100"`, `"diskSizeGb": 100`, `"initialNodeCount": 1`} {
			if !strings.Contains(a.body, part) {
				t.Errorf("no %s in\n%s", part, a.body)
			}
		}
		if a := c.send("GET", "/v1/projects/acme-dev/locations/us-central1-a/operations", ""); !strings.Contains(a.body, `"intValue": "8"`) {
			t.Errorf("no progress in %s", a.body)
		}
	})
	fact(t, "1.0", "enum-encoding=int returns enums as numbers", "mock", func(t *testing.T) {
		for _, query := range []string{"%24alt=json;enum-encoding=int", "$alt=json%3Benum-encoding%3Dint", "alt=json%3Benum-encoding%3Dint"} {
			if a := c.send("GET", "/v1/projects/acme-dev/secrets/k/versions/1?"+query, ""); !strings.Contains(a.body, `"state": 1`) {
				t.Errorf("%s: %d %s", query, a.code, a.body)
			}
		}
	})
	fact(t, "1.0", "false, zero and empty fields are left out, optional ones are not", "recorded", func(t *testing.T) {
		a := c.send("GET", "/v1/projects/acme-dev/locations/us-central1-a/clusters/one?fields=controlPlaneEndpointsConfig,nodePools(autoscaling,config(preemptible,spot)),enableTpu", "")
		if !strings.Contains(a.body, `"allowExternalTraffic": false`) || strings.Contains(a.body, "preemptible") || strings.Contains(a.body, "enableTpu") {
			t.Errorf("%d %s", a.code, a.body)
		}
	})
}

func TestRESTSystemParameters(t *testing.T) {
	c := start(t)
	c.clusterOverREST("us-central1-a", "one")
	c.secret("k", "value")
	const cluster = "/v1/projects/acme-dev/locations/us-central1-a/clusters/one"
	t.Run("fields", func(t *testing.T) {
		for fields, want := range map[string]string{
			"name":                             `{"name":"one"}`,
			"nodePools/config/spot,name":       `{"name":"one","nodePools":[{"config":{"spot":true}}]}`,
			"nodePools(name,config(spot))":     `{"nodePools":[{"name":"p","config":{"spot":true}}]}`,
			"node_pools.name":                  `{"nodePools":[{"name":"p"}]}`,
			"resourceLabels/team":              `{"resourceLabels":{"team":"shop"}}`,
			"nodePools/*/autoRepair":           `{"nodePools":[{"management":{"autoRepair":true}}]}`,
			"location,location,name/../x":      "",
			"resourceLabels,resourceLabels/no": `{"resourceLabels":{"env":"dev","team":"shop"}}`,
		} {
			for _, key := range []string{"fields", "%24fields"} {
				a := c.send("GET", cluster+"?prettyPrint=false&"+key+"="+fields, "")
				if want != "" && strings.TrimSpace(a.body) != want || want == "" && a.code != 400 {
					t.Errorf("%s: %d %s, want %s", fields, a.code, a.body, want)
				}
			}
		}
		a := c.send("GET", cluster+"?prettyPrint=false", "", "X-Goog-FieldMask", "name")
		if strings.TrimSpace(a.body) != `{"name":"one"}` {
			t.Errorf("by header: %s", a.body)
		}
		if a := c.send("GET", cluster+"?fields=*", ""); !strings.Contains(a.body, "nodePools") {
			t.Errorf("*: %s", a.body)
		}
	})
	fact(t, "1.0", "fields that the answer does not have are refused with the path, before anything happens", "public repositories", func(t *testing.T) {
		a := c.send("POST", "/v1/projects/acme-dev/secrets?secretId=unmade&fields=name,replication(automatic/nonsense)", `{"replication":{"automatic":{}}}`)
		e := a.failure(t).Error
		if e.Message != "Request contains an invalid argument." || len(e.Details) != 1 || e.Details[0].FieldViolations[0].Field != "name,replication(automatic/nonsense)" ||
			e.Details[0].FieldViolations[0].Description != "Error expanding 'fields' parameter. Cannot find matching fields for path 'replication.automatic.nonsense'." {
			t.Errorf("%+v", e)
		}
		if a := c.send("GET", "/v1/projects/acme-dev/secrets/unmade", ""); a.code != 404 {
			t.Errorf("it was made: %s", a.body)
		}
	})
	t.Run("the others", func(t *testing.T) {
		for query, code := range map[string]int{
			"alt=json": 200, "key=x&quotaUser=y&%24userProject=z": 200, "prettyPrint=true": 200, "alt=": 200,
			"alt=media": 501, "%24alt=proto": 501, "callback=f": 501, "%24callback=f": 501, "alt=xml": 400, "alt=%zz": 400,
		} {
			if a := c.send("GET", "/v1/projects/acme-dev/secrets/k?"+query, ""); a.code != code {
				t.Errorf("%s: %d %s", query, a.code, a.body)
			}
		}
		if a := c.send("GET", "/v1/projects/acme-dev/secrets/k?prettyPrint=false", ""); strings.Count(a.body, "\n") != 1 {
			t.Errorf("not compact: %q", a.body)
		}
		if a := c.send("GET", "/v1/projects/acme-dev/secrets/k/versions/1:access?access_token="+readOnlyToken, ""); a.code != 403 {
			t.Errorf("the token in the query is not the caller's: %d", a.code)
		}
	})
}

func TestRESTPaths(t *testing.T) {
	c := start(t)
	c.clusterOverREST("us-central1-a", "one")
	fact(t, "1.0", "container paths are there by location, by zone and under v1beta1", "cluster_service.proto; recorded sessions", func(t *testing.T) {
		for _, path := range []string{
			"/v1/projects/acme-dev/locations/us-central1-a/clusters/one", "/v1/projects/acme-dev/zones/us-central1-a/clusters/one",
			"/v1beta1/projects/acme-dev/locations/us-central1-a/clusters/one/nodePools/p", "/v1beta1/projects/acme-dev/zones/us-central1-a/clusters/one/nodePools",
			"/v1/projects/acme-dev/zones/us-central1-a/serverconfig", "/v1/projects/acme-dev/zones/us-central1-a/serverConfig", "/v1beta1/projects/123456789012/locations/-/clusters",
			"/v1/projects/acme-dev/zones/us-central1-a/clusters/one:fetchClusterUpgradeInfo", "/v1beta1/projects/acme-dev/zones/us-central1-a/operations",
		} {
			if a := c.send("GET", path, ""); a.code != 200 {
				t.Errorf("%s: %d %s", path, a.code, a.body)
			}
		}
		paths, err := fakegcp.Routes()
		must(t, err)
		have := map[string]bool{}
		for _, p := range paths {
			have[p] = true
		}
		for _, p := range paths {
			if strings.Contains(p, "/clusters") && !strings.Contains(p, "v1beta1") && !have[strings.Replace(p, "/v1/", "/v1beta1/", 1)] {
				t.Errorf("%s is not under v1beta1", p)
			}
		}
	})
	fact(t, "1.0", "%2F stays in its segment", "google/api/http.proto", func(t *testing.T) {
		if a := c.send("GET", "/v1/projects%2Facme-dev/secrets/k", ""); a.code != 404 || !strings.Contains(a.body, "<!DOCTYPE html>") {
			t.Errorf("%d %s", a.code, a.body)
		}
		if a := c.send("GET", "/v1/projects/acme-dev/secrets/a%2Fb", ""); a.code == 200 || strings.Contains(a.body, "<html") {
			t.Errorf("%d %s", a.code, a.body)
		}
		if a := c.send("GET", "/v1/projects/acme%2Ddev/locations/us-central1-a/clusters/%6Fne", ""); a.code != 200 {
			t.Errorf("%d %s", a.code, a.body)
		}
	})
	t.Run("Resource Manager v1", func(t *testing.T) {
		for _, step := range []struct {
			verb, path, body string
			code             int
			want             string
		}{
			{"GET", "/v1/projects", "", 200, `"projectNumber": "123456789012"`},
			{"GET", "/v1/projects?filter=lifecycleState%3AACTIVE&pageSize=1", "", 200, `"projectId": "acme-dev"`},
			{"GET", "/v1/projects?filter=labels.a%3Ab", "", 501, "ListProjects"},
			{"GET", "/v1/projects?pageSize=x", "", 400, "page_size"},
			{"GET", "/v1/projects/acme-dev?fields=parent/id&prettyPrint=false", "", 200, `{"parent":{"id":"1"}}`},
			{"POST", "/v1/projects/acme-dev:setIamPolicy", `{"policy":{"bindings":[{"role":"roles/viewer","members":["user:a@example.com"]}]},"updateMask":"bindings,etag,auditConfigs"}`, 200, "roles/viewer"},
			{"POST", "/v1/projects/acme-dev:getIamPolicy", `{"options":{"requestedPolicyVersion":3}}`, 200, "user:a@example.com"},
			{"POST", "/v1/projects/acme-dev:testIamPermissions", `{"permissions":["resourcemanager.projects.get"]}`, 200, "resourcemanager.projects.get"},
			{"DELETE", "/v1/projects/acme-dev", "", 501, "google.cloudresourcemanager.v1.Projects/DeleteProject is not served"},
			{"POST", "/v1/projects", `{}`, 501, "Projects/CreateProject"},
			{"PATCH", "/v1/projects/acme-dev", `{}`, 404, "<!DOCTYPE html>"},
			{"GET", "/v3/projects:search", "", 200, `"projectId": "acme-dev"`},
			{"GET", "/v3/projects:search?query=id:a", "", 501, "SearchProjects"},
			{"GET", "/v3/projects?parent=organizations/1", "", 501, "ListProjects"},
			{"GET", "/v3/operations/cp.1", "", 404, ""},
		} {
			if a := c.send(step.verb, step.path, step.body); a.code != step.code || !strings.Contains(a.body, step.want) {
				t.Errorf("%s %s: %d %s, want %d …%s…", step.verb, step.path, a.code, a.body, step.code, step.want)
			}
		}
		must(t, c.Inject(fakegcp.Fault{Method: "SearchProjects", Code: codes.Unavailable}))
		if a := c.send("GET", "/v1/projects", ""); a.code != 503 {
			t.Errorf("a fault: %d %s", a.code, a.body)
		}
		c.ClearFaults()
	})
	t.Run("what is not served says so", func(t *testing.T) {
		for path, name := range map[string]string{
			"/v1/projects/acme-dev/locations":                                        "google.cloud.location.Locations/ListLocations",
			"/v1/projects/acme-dev/locations/us-central1":                            "google.cloud.location.Locations/GetLocation",
			"/apis/serving.knative.dev/v1/namespaces/acme-dev/services":              "Cloud Run Admin API v1",
			"/v1/projects/acme-dev/locations/-/services":                             "Cloud Run Admin API v1",
			"/v1/projects/acme-dev/services":                                         "Service Usage API",
			"/compute/v1/projects/acme-dev/zones/us-central1-a/instances":            "Compute Engine API",
			"/v1/projects/acme-dev/serviceAccounts/a@b.iam.gserviceaccount.com/keys": "ListServiceAccountKeys",
		} {
			a := c.send("GET", path, "")
			if e := a.failure(t).Error; a.code != 501 || e.Status != "UNIMPLEMENTED" || !strings.Contains(e.Message, name) {
				t.Errorf("%s: %d %+v", path, a.code, e)
			}
		}
	})
}
