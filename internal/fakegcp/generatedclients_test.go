package fakegcp_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// Resources of hashicorp/google that are generated send JSON of their own, without a client: the whole object in every
// update of Cloud Run and no mask, null for what is not configured, no body at all for a method without parameters. Its
// source: google/services/{secretmanager,cloudrunv2} and google/transport.

// exchanged is a call and what has to be in its answer.
type exchanged struct {
	verb, path, body string
	want             []string
}

func (c *cloud) steps(steps []exchanged) {
	c.t.Helper()
	for _, s := range steps {
		code, body := c.curl(s.verb, s.path, s.body)
		if code != 200 {
			c.t.Fatalf("%s %s: %d %s", s.verb, s.path, code, body)
		}
		for _, want := range s.want {
			if !strings.Contains(body, want) {
				c.t.Errorf("%s %s: no %s in\n%s", s.verb, s.path, want, body)
			}
		}
	}
}

// settled calls a method of Cloud Run and waits for its operation.
func (c *cloud) settled(verb, path, body string) {
	c.t.Helper()
	code, answer := c.curl(verb, path, body)
	var op struct{ Name string }
	if err := json.Unmarshal([]byte(answer), &op); err != nil || code != 200 {
		c.t.Fatalf("%s %s: %d %s %v", verb, path, code, answer, err)
	}
	c.Advance(time.Minute)
	if code, answer := c.curl("GET", "/v2/"+op.Name+"?alt=json", ""); code != 200 || !strings.Contains(answer, `"done": true`) || strings.Contains(answer, `"error"`) {
		c.t.Fatalf("%s %s: operation %d %s", verb, path, code, answer)
	}
}

func TestGeneratedSecret(t *testing.T) {
	c := start(t)
	c.account("app-runner")
	const secret, version = "/v1/projects/acme-dev/secrets/db", "/v1/projects/123456789012/secrets/db/versions/1"
	policy := `{"policy":{"version":3,"etag":"ACAB","bindings":[{"role":"roles/secretmanager.secretAccessor",` +
		`"members":["serviceAccount:app-runner@acme-dev.iam.gserviceaccount.com"],"condition":null}]}}`
	c.steps([]exchanged{
		{"POST", "/v1/projects/acme-dev/secrets?alt=json&secretId=db", `{"labels":{"team":"shop"},"replication":{"automatic":{}},"topics":[]}`, []string{`"automatic": {}`}},
		{"PATCH", secret + "?updateMask=labels%2CversionAliases", `{"labels":{"team":"pay"},"versionAliases":{}}`, []string{`"team": "pay"`}},
		{"POST", secret + ":addVersion", `{"payload":{"data":"aHVudGVyMg=="}}`, []string{`"name": "` + strings.TrimPrefix(version, "/v1/") + `"`}},
		{"POST", version + ":enable", "", []string{`"state": "ENABLED"`}},
		{"GET", version + ":access", "", []string{`"data": "aHVudGVyMg=="`}},
		{"POST", secret + ":setIamPolicy", policy, []string{"secretAccessor"}},
		{"GET", secret + ":getIamPolicy?options.requestedPolicyVersion=3", "", []string{"secretAccessor"}},
		{"POST", version + ":disable", "", []string{`"state": "DISABLED"`}},
		{"POST", version + ":destroy", "", []string{`"state": "DESTROYED"`}},
		{"DELETE", secret, "", []string{"{}"}},
	})
	if code, body := c.curl("GET", secret, ""); code != 404 {
		t.Errorf("after the deletion: %d %s", code, body)
	}
}

func TestGeneratedSecretWithReplicas(t *testing.T) {
	c := start(t)
	body := `{"replication":{"automatic":null,"userManaged":{"replicas":[{"location":"us-central1"},{"location":"us-east1"}]}},"versionDestroyTtl":"86400s"}`
	c.steps([]exchanged{
		{"POST", "/v1/projects/acme-dev/secrets?secretId=db", body, []string{`"location": "us-central1"`}},
		{"GET", "/v1/projects/acme-dev/secrets/db", "", []string{`"location": "us-east1"`, `"versionDestroyTtl": "86400s"`}},
	})
}

func TestGeneratedService(t *testing.T) {
	c := start(t)
	c.secret("db", "hunter2")
	c.grantSecret("db", "roles/secretmanager.secretAccessor", "serviceAccount:"+defaultCaller)
	template := func(memory string) string {
		return `"template":{"containers":[{"image":"` + image + `","env":[{"name":"LOG","value":"info"},{"name":"DB","valueSource":{"secretKeyRef":{"secret":"db","version":"1"}}}],` +
			`"resources":{"limits":{"cpu":"1","memory":"` + memory + `"},"cpuIdle":true}}],"scaling":{"maxInstanceCount":3},"volumes":[],"vpcAccess":null}`
	}
	const path = "/v2/" + api
	c.settled("POST", "/v2/"+location+"/services?serviceId=api", `{"ingress":"INGRESS_TRAFFIC_ALL","labels":{"team":"shop"},"binaryAuthorization":null,`+template("512Mi")+`}`)
	c.steps([]exchanged{{"GET", path, "", []string{`"cpu": "1"`, `"maxInstanceCount": 3`, `"team": "shop"`, `"generation": "1"`}}})

	c.settled("PATCH", path, `{"ingress":"INGRESS_TRAFFIC_ALL","labels":{"team":"pay"},`+template("1Gi")+
		`,"traffic":[{"type":"TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST","percent":100}]}`)
	c.steps([]exchanged{
		{"GET", path, "", []string{`"memory": "1Gi"`, `"team": "pay"`, `"generation": "2"`, `"cpuIdle": true`}},
		{"GET", path + ":getIamPolicy", "", []string{`"etag"`}},
		{"POST", path + ":setIamPolicy", `{"policy":{"bindings":[{"role":"roles/run.invoker","members":["allUsers"]}],"etag":"ACAB"}}`, []string{"allUsers"}},
	})
	c.settled("DELETE", path, "")
	if code, body := c.curl("GET", path, ""); code != 404 {
		t.Errorf("after the deletion: %d %s", code, body)
	}
}

func TestGeneratedWorkerPool(t *testing.T) {
	c := start(t)
	const path = "/v2/" + location + "/workerPools/mail"
	template := `"template":{"containers":[{"image":"` + image + `","resources":{"limits":{"cpu":"1","memory":"512Mi"}}}],"labels":{"process":"mail"}}`
	c.settled("POST", "/v2/"+location+"/workerPools?workerPoolId=mail", `{"launchStage":"GA","scaling":{"manualInstanceCount":0},`+template+`}`)
	c.steps([]exchanged{{"GET", path, "", []string{`"manualInstanceCount": 0`}}})
	c.settled("PATCH", path, `{"launchStage":"GA","scaling":{"manualInstanceCount":2},`+template+
		`,"instanceSplits":[{"type":"INSTANCE_SPLIT_ALLOCATION_TYPE_LATEST","percent":100}]}`)
	c.steps([]exchanged{{"GET", path, "", []string{`"manualInstanceCount": 2`, `"generation": "2"`}}})
	c.settled("DELETE", path, "")
}

func TestGeneratedJob(t *testing.T) {
	c := start(t)
	const path = "/v2/" + location + "/jobs/migrate"
	template := func(retries string) string {
		return `"template":{"template":{"containers":[{"image":"` + image + `","command":["migrate"],"resources":{"limits":{"cpu":"1","memory":"512Mi"}}}],"maxRetries":` + retries +
			`,"timeout":"600s","volumes":[],"vpcAccess":null}}`
	}
	c.settled("POST", "/v2/"+location+"/jobs?jobId=migrate", `{"labels":{"team":"shop"},"binaryAuthorization":null,`+template("0")+`}`)
	c.steps([]exchanged{{"GET", path, "", []string{`"maxRetries": 0`, `"cpu": "1"`, `"timeout": "600s"`, `"taskCount": 1`}}})
	c.settled("PATCH", path, `{"labels":{"team":"pay"},`+template("2")+`}`)
	c.steps([]exchanged{{"GET", path, "", []string{`"maxRetries": 2`, `"team": "pay"`, `"generation": "2"`}}})
	c.settled("DELETE", path, "")
	if code, body := c.curl("GET", path, ""); code != 404 {
		t.Errorf("after the deletion: %d %s", code, body)
	}
}
