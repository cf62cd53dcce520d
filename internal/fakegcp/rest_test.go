package fakegcp_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

func TestREST(t *testing.T) {
	c := start(t)
	steps := []struct {
		verb, path, body string
		code             int
		want             []string
	}{
		{"POST", "/v1/projects/acme-dev/secrets?secretId=k", `{"replication":{"automatic":{}},"labels":{"a":"b"}}`, 200, []string{`"name": "projects/123456789012/secrets/k"`}},
		{"POST", "/v1/projects/acme-dev/secrets/k:addVersion", `{"payload":{"data":"aGVsbG8="}}`, 200, []string{`"state": "ENABLED"`, `/versions/1"`}},
		{"GET", "/v1/projects/acme-dev/secrets/k/versions/latest:access", "", 200, []string{`"data": "aGVsbG8="`, `"dataCrc32c": "`}},
		{"GET", "/v1/projects/acme-dev/secrets/k/versions/1?%24alt=json%3Benum-encoding%3Dint", "", 200, []string{`"state": 1`}},
		{"PATCH", "/v1/projects/acme-dev/secrets/k?updateMask=versionAliases,labels", `{"labels":{"c":"d"},"versionAliases":{"live":"1"}}`, 200, []string{`"c": "d"`, `"live": "1"`}},
		{"GET", "/v1/projects/acme-dev/secrets/k:getIamPolicy?options.requestedPolicyVersion=3", "", 200, []string{`"etag": "ACAB"`}},
		{"GET", "/v1/projects/acme-dev/secrets/none", "", 404, []string{`"message": "Secret [projects/123456789012/secrets/none] not found."`, `"status": "NOT_FOUND"`}},
		{"POST", "/v1/projects/acme-dev/secrets/k:addVersion", `{"payload":{"data":"aGVsbG8=","bogus":1}}`, 400, []string{`Unknown name \"bogus\"`, "INVALID_ARGUMENT"}},
		{"GET", "/v1/projects/acme-dev/secrets/k?bogus=1", "", 400, []string{`Cannot bind query parameter. Field 'bogus' could not be found in request message.`}},
		{"POST", "/v1/projects/acme-dev/serviceAccounts", `{"accountId":"app-runner","serviceAccount":{"displayName":"x"}}`, 200, []string{`"email": "app-runner@acme-dev.iam.gserviceaccount.com"`}},
		{"PATCH", "/v1/projects/acme-dev/serviceAccounts/app-runner@acme-dev.iam.gserviceaccount.com", `{"serviceAccount":{"displayName":"y"},"updateMask":"display_name"}`, 200, []string{`"displayName": "y"`}},
		{"GET", "/v1/projects/acme-dev/serviceAccounts/none@acme-dev.iam.gserviceaccount.com", "", 404, []string{`"errors"`, `"reason": "notFound"`, "Unknown service account"}},
		{"GET", "/v1/projects/acme-dev", "", 200, []string{`"projectNumber": "123456789012"`, `"lifecycleState": "ACTIVE"`}},
		{"GET", "/v3/projects/acme-dev", "", 200, []string{`"projectId": "acme-dev"`}},
		{"POST", "/v1/projects/acme-dev:getIamPolicy", `{}`, 200, []string{`"etag"`}},
		{"GET", "/v1/projects/none-such", "", 403, []string{"The caller does not have permission"}},
		{"GET", "/v3/projects/none-such", "", 403, []string{"Permission 'resourcemanager.projects.get' denied on resource '//cloudresourcemanager.googleapis.com/projects/none-such' (or it may not exist)."}},
		{"GET", "/v2/projects/acme-dev/locations/asia-northeast1/operations", "", 200, []string{"{}"}},
		{"GET", "/v2/projects/acme-dev/locations/asia-northeast1/jobs/j", "", 404, []string{"of kind 'JOB'", "NOT_FOUND"}},
		{"GET", "/v1/projects/acme-dev/serviceAccounts/a@acme-dev.iam.gserviceaccount.com/keys", "", 501, []string{"google.iam.admin.v1.IAM/ListServiceAccountKeys", "UNIMPLEMENTED"}},
		{"GET", "/v1/nothing/<script>", "", 404, []string{"<!DOCTYPE html>", "&lt;script&gt;"}},
	}
	for _, s := range steps {
		code, body := c.curl(s.verb, s.path, s.body)
		if code != s.code {
			t.Errorf("%s %s: status %d, want %d\n%s", s.verb, s.path, code, s.code, body)
		}
		for _, want := range s.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s %s: no %s in\n%s", s.verb, s.path, want, body)
			}
		}
	}
}

func TestRunOverREST(t *testing.T) {
	c := start(t)
	code, body := c.curl("POST", "/v2/"+location+"/services?serviceId=api", `{"template":{"containers":[{"image":"`+image+`"}]}}`)
	var op struct{ Name string }
	if err := json.Unmarshal([]byte(body), &op); err != nil || code != 200 || strings.Contains(body, `"done"`) {
		t.Fatalf("create: %d %s %v", code, body, err)
	}
	c.Advance(time.Minute)
	if code, body := c.curl("GET", "/v2/"+op.Name, ""); code != 200 || !strings.Contains(body, `"done": true`) {
		t.Errorf("operation: %d %s", code, body)
	}
	if code, body := c.curl("GET", "/v2/"+api, ""); code != 200 || !strings.Contains(body, `"generation": "1"`) {
		t.Errorf("service: %d %s", code, body)
	}
}

func TestRESTClientLibrary(t *testing.T) {
	c := start(t)
	c.secret("shop-key", "one")
	client, err := secretmanager.NewRESTClient(c.ctx(), option.WithEndpoint("http://"+c.Addr()), option.WithoutAuthentication())
	must(t, err)
	defer func() { _ = client.Close() }()
	r, err := client.AccessSecretVersion(c.ctx(), &secretmanagerpb.AccessSecretVersionRequest{Name: shopKey + "/versions/1"})
	must(t, err)
	if string(r.GetPayload().GetData()) != "one" {
		t.Errorf("payload %q", r.GetPayload().GetData())
	}
}

func TestControlAPI(t *testing.T) {
	c := start(t)
	c.secret("shop-key", "one")
	steps := []struct {
		verb, path, body string
		code             int
		want             string
	}{
		{"GET", "remaining", "", 200, numbered + "/secrets/shop-key"},
		{"PATCH", "objects?name=projects/acme-dev/secrets/shop-key", `{"labels":{"drift":"yes"}}`, 200, "{}"},
		{"GET", "objects", "", 200, `"drift": "yes"`},
		{"POST", "clock", `{"advance":"720h"}`, 200, "2026-12-01T12:00:00Z"},
		{"POST", "clock", `{"advance":"soon"}`, 400, "want a positive duration"},
		{"POST", "faults", `{"method":"GetSecret","code":"UNAVAILABLE","moment":1}`, 400, "unknown field"},
		{"POST", "faults", `{"method":"GetSecret","code":"UNAVAILABLE","occurrence":1}`, 200, "{}"},
		{"DELETE", "faults", "", 200, "{}"},
		{"POST", "images", `{"image":"a:1","behaviour":"exit:300"}`, 400, "is none of"},
		{"POST", "permissions", `{"permission":"container.clusters.create","denied":true}`, 200, "{}"},
		{"DELETE", "objects?name=projects/acme-dev/secrets/shop-key", "", 200, "{}"},
		{"GET", "remaining", "", 200, "[]"},
		{"GET", "nothing", "", 404, ""},
	}
	for _, s := range steps {
		code, body := c.curl(s.verb, "/_fake/"+s.path, s.body)
		if code != s.code || !strings.Contains(body, s.want) {
			t.Errorf("%s %s: %d %s\nwant %d %s", s.verb, s.path, code, body, s.code, s.want)
		}
	}
}

func TestStartRefuses(t *testing.T) {
	for name, o := range map[string]fakegcp.Options{
		"all interfaces": {Listen: "0.0.0.0:0"},
		"another host":   {Listen: "192.0.2.1:80"},
		"no port":        {Listen: "127.0.0.1"},
		"project id":     {Project: "X"},
		"number":         {ProjectNumber: "acme"},
	} {
		if s, err := fakegcp.Start(o); err == nil {
			_ = s.Close(context.Background())
			t.Errorf("%s: started", name)
		}
	}
}
