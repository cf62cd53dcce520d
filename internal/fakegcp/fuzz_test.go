package fakegcp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// fuzzed is a fake that fuzz targets call without a connection.
type fuzzed struct {
	*fakegcp.Server
	log bytes.Buffer
}

// fuzzServer is a fake with a cluster, a secret and an account in it, and with a clock that stands still.
func fuzzServer(f *testing.F) *fuzzed {
	f.Helper()
	z := &fuzzed{}
	s, err := fakegcp.Start(fakegcp.Options{
		Clock: &stoppedClock{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)},
		Log:   slog.New(slog.NewTextHandler(&z.log, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close(context.Background()) })
	z.Server = s
	z.fill(f)
	return z
}

// fill makes what requests are about.
func (z *fuzzed) fill(t testing.TB) {
	t.Helper()
	for _, call := range []struct{ path, body string }{
		{"/v1/projects/acme-dev/secrets?secretId=k", `{"replication":{"automatic":{}}}`},
		{"/v1/projects/acme-dev/secrets/k:addVersion", `{"payload":{"data":"aGVsbG8="}}`},
		{"/v1/projects/acme-dev/serviceAccounts", `{"accountId":"app-runner"}`},
		{"/v1/projects/acme-dev/locations/us-central1-a/clusters", `{"cluster":{"name":"one","nodePools":[{"name":"p","initialNodeCount":1}]}}`},
		{"/v2/projects/acme-dev/locations/us-central1/services?serviceId=api", `{"template":{"containers":[{"image":"gcr.io/acme/api:1"}]}}`},
	} {
		if w := z.serve(httptest.NewRequest(http.MethodPost, call.path, strings.NewReader(call.body))); w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", call.path, w.Code, w.Body)
		}
	}
	z.Advance(time.Hour)
}

func (z *fuzzed) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	z.RESTHandlerForTest().ServeHTTP(w, r)
	return w
}

// check fails for a handler that has panicked, which is in the log.
func (z *fuzzed) check(t *testing.T) {
	t.Helper()
	if log := z.log.String(); log != "" {
		t.Error(log)
	}
	z.log.Reset()
}

// FuzzREST sends whole requests: each is answered, with JSON or with the page for a path that no API has.
func FuzzREST(f *testing.F) {
	const cluster = "/v1/projects/acme-dev/zones/us-central1-a/clusters/one"
	for _, seed := range []struct{ verb, path, query, kind, body string }{
		{"GET", "/v1/projects/acme-dev/secrets", "pageSize=1&filter=labels.a%3Db", "", ""},
		{"GET", "/v1/projects/acme-dev/secrets/k/versions/latest:access", "$alt=json;enum-encoding=int", "", ""},
		{"PATCH", "/v1/projects/acme-dev/secrets/k", "updateMask=labels,ttl", "application/json", `{"labels":{"a":"b"},"ttl":"1.5s"}`},
		{"POST", "/v1/projects/acme-dev/secrets/k:setIamPolicy", "", "application/json", `{"policy":{"bindings":[{"role":"roles/viewer","members":["user:a@b.c"],"condition":{"expression":"a&&b"}}],"version":3}}`},
		{"POST", "/v1/projects/acme-dev/serviceAccounts", "", "application/json", `{"accountId":"another-one","serviceAccount":{"displayName":"x"}}`},
		{"GET", cluster, "fields=nodePools(config/*,name),location", "", ""},
		{"PUT", cluster, "", "application/json", `{"update":{"desiredNodePoolId":"p","desiredNodePoolAutoscaling":{"enabled":true,"maxNodeCount":3}}}`},
		{"POST", "/v1beta1/projects/acme-dev/locations/us-central1/clusters", "", "application/json", `{"cluster":{"name":"two","autopilot":{"enabled":true},"ipAllocationPolicy":{"clusterIpv4CidrBlock":"/14"}}}`},
		{"POST", cluster + "/nodePools", "", "application/json", `{"nodePool":{"name":"q","upgradeSettings":{"strategy":"BLUE_GREEN","blueGreenSettings":{"standardRolloutPolicy":{"batchPercentage":0.5}}}}}`},
		{"PUT", cluster + "/nodePools/p", "", "application/json", `{"taints":{"taints":[{"key":"a","effect":"NO_SCHEDULE"}]},"etag":"x"}`},
		{"POST", "/v2/projects/acme-dev/locations/us-central1/services", "serviceId=b&validateOnly=true", "application/json", `{"template":{"containers":[{"image":"i","env":[{"name":"A","valueSource":{"secretKeyRef":{"secret":"k","version":"1"}}}]}]},"traffic":[{"percent":100}]}`},
		{"GET", "/v2/projects/acme-dev/locations/us-central1/services/api/revisions", "", "", ""},
		{"POST", "/v1/projects/acme-dev:setIamPolicy", "", "application/x-www-form-urlencoded", "a=b"},
		{"GET", "/v1/projects", "filter=lifecycleState:ACTIVE&pageToken=1", "", ""},
		{"POST", "/v1/projects/acme-dev/secrets", "secretId=x", "application/json", `{"a":[{"b":{"c":1e999}}],"labels":null,"ttl":-1}`},
		{"DELETE", cluster, "%", "text/plain", "\x00"},
	} {
		f.Add(seed.verb, seed.path, seed.query, seed.kind, seed.body)
	}
	z := fuzzServer(f)
	f.Fuzz(func(t *testing.T, verb, path, query, kind, body string) {
		r, err := http.NewRequest(verb, "http://fake/", strings.NewReader(body))
		if err != nil || !strings.HasPrefix(path, "/v") {
			t.Skip("net/http would not have let it through, or it is the control API's or the console's")
		}
		if r.URL.Path, err = url.PathUnescape(path); err != nil {
			t.Skip("no URL")
		}
		r.URL.RawPath, r.URL.RawQuery = path, query
		r.Header.Set("Content-Type", kind)
		w := z.serve(r)
		switch html := strings.HasPrefix(w.Header().Get("Content-Type"), "text/html"); {
		case html && w.Code == http.StatusNotFound:
		case html || !json.Valid(w.Body.Bytes()):
			t.Errorf("%d, not JSON: %s", w.Code, w.Body)
		case w.Code == http.StatusInternalServerError:
			t.Errorf("%s", w.Body)
		}
		z.check(t)
		if w.Code == http.StatusOK && verb != http.MethodGet { // a finding must not depend on the inputs before it
			if err := z.Reset(); err != nil {
				t.Fatal(err)
			}
			z.fill(t)
		}
	})
}

// FuzzNames calls methods with names and masks of any form: each finds something or refuses, none panics.
func FuzzNames(f *testing.F) {
	for _, seed := range []struct{ name, mask string }{
		{"projects/acme-dev/locations/us-central1-a/clusters/one/nodePools/p", "labels,ttl"},
		{"projects/acme-dev/zones/us-central1-a/clusters/one", "template.containers.image"},
		{"projects/123456789012/secrets/k/versions/latest", "*"},
		{"projects/acme-dev/serviceAccounts/app-runner@acme-dev.iam.gserviceaccount.com", "display_name"},
		{"projects/-/serviceAccounts/123456789012345678901", ""},
		{"projects/acme-dev/locations/us-central1/services/api/revisions/api-00001-abc", "version_aliases.live"},
		{"projects/acme-dev/locations/-/operations/x", "a..b"},
		{"projects/acme-dev:iamPolicy", "bindings"},
		{"//", "."},
		{"projects/", ","},
	} {
		f.Add(seed.name, seed.mask)
	}
	z := fuzzServer(f)
	f.Fuzz(func(t *testing.T, name, mask string) {
		if !json.Valid([]byte(`"`+name+`"`)) || strings.ToValidUTF8(mask, "") != mask {
			t.Skip("protobuf's strings are UTF-8")
		}
		paths := &fieldmaskpb.FieldMask{Paths: strings.Split(mask, ",")}
		const (
			gke     = "/google.container.v1.ClusterManager/"
			manager = "/google.cloud.secretmanager.v1.SecretManagerService/"
			runs    = "/google.cloud.run.v2."
		)
		for method, request := range map[string]proto.Message{
			gke + "GetCluster":                    &containerpb.GetClusterRequest{Name: name},
			gke + "GetNodePool":                   &containerpb.GetNodePoolRequest{Name: name},
			gke + "ListClusters":                  &containerpb.ListClustersRequest{Parent: name},
			gke + "GetOperation":                  &containerpb.GetOperationRequest{Name: name},
			gke + "GetServerConfig":               &containerpb.GetServerConfigRequest{ProjectId: name, Zone: mask},
			manager + "GetSecret":                 &secretmanagerpb.GetSecretRequest{Name: name},
			manager + "AccessSecretVersion":       &secretmanagerpb.AccessSecretVersionRequest{Name: name},
			manager + "ListSecrets":               &secretmanagerpb.ListSecretsRequest{Parent: "projects/acme-dev", Filter: name, PageToken: mask},
			manager + "UpdateSecret":              &secretmanagerpb.UpdateSecretRequest{Secret: &secretmanagerpb.Secret{Name: "projects/acme-dev/secrets/k"}, UpdateMask: paths},
			manager + "GetIamPolicy":              &iampb.GetIamPolicyRequest{Resource: name},
			runs + "Services/GetService":          &runpb.GetServiceRequest{Name: name},
			runs + "Services/ListServices":        &runpb.ListServicesRequest{Parent: name, PageToken: mask},
			runs + "Services/UpdateService":       &runpb.UpdateServiceRequest{Service: &runpb.Service{Name: name}, UpdateMask: paths},
			runs + "Revisions/GetRevision":        &runpb.GetRevisionRequest{Name: name},
			runs + "WorkerPools/CreateWorkerPool": &runpb.CreateWorkerPoolRequest{Parent: name, WorkerPoolId: mask, WorkerPool: &runpb.WorkerPool{}},
		} {
			_, _ = z.InvokeForTest(t.Context(), method, request) // what it answers is other tests' business
		}
		z.check(t)
	})
}

// FuzzMembers sets a policy with a member, a role and a condition of any form on a project and on a secret.
func FuzzMembers(f *testing.F) {
	for _, seed := range []struct{ member, role, condition string }{
		{"user:a@example.com", "roles/viewer", ""},
		{"serviceAccount:app-runner@acme-dev.iam.gserviceaccount.com", "roles/secretmanager.secretAccessor", `request.time < timestamp("2027-01-01T00:00:00Z")`},
		{"serviceAccount:acme-dev.svc.id.goog[default/api]", "roles/iam.workloadIdentityUser", `resource.name.startsWith("a") && b`},
		{"principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/subject/ns/a/sa/b", "projects/acme-dev/roles/x", "a ||"},
		{"deleted:serviceAccount:x@y.iam.gserviceaccount.com?uid=1", "roles/owner", `"`},
		{"allUsers", "", "resource.name.extract("},
		{"domain:", "roles/", "!!"},
	} {
		f.Add(seed.member, seed.role, seed.condition)
	}
	z := fuzzServer(f)
	f.Fuzz(func(t *testing.T, member, role, condition string) {
		body, err := json.Marshal(map[string]any{"policy": map[string]any{"version": 3, "bindings": []any{map[string]any{
			"role": role, "members": []string{member}, "condition": map[string]string{"expression": condition, "title": "t"},
		}}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, resource := range []string{"/v3/projects/acme-dev", "/v1/projects/acme-dev/secrets/k"} {
			w := z.serve(httptest.NewRequest(http.MethodPost, resource+":setIamPolicy", bytes.NewReader(body)))
			if w.Code != http.StatusOK && w.Code != http.StatusBadRequest && w.Code != http.StatusConflict {
				t.Errorf("%s: %d %s", body, w.Code, w.Body)
			}
		}
		z.check(t)
	})
}

// FuzzFields selects of an answer: what is left is JSON again, and selecting of it once more changes nothing.
func FuzzFields(f *testing.F) {
	for _, fields := range []string{"a", "a/b,c", "a(b,c/d)", "*", "a/*/b", "a(b(c(d)))", "a,a/b", "a(", ")", "a//b", "", "a.b.c,a(b)", "*/*", " a , b "} {
		f.Add(fields, `{"a":{"b":[{"c":1},{"d":{"e":null}}]},"c":"x","b":[1,2,[{}]]}`)
	}
	f.Fuzz(func(t *testing.T, fields, body string) {
		left, ok := fakegcp.ParseFields(fields, body)
		if !ok || !strings.HasPrefix(strings.TrimSpace(body), "{") {
			return // answers are objects
		}
		if !json.Valid([]byte(left)) {
			t.Fatalf("%q of %s leaves %s", fields, body, left)
		}
		if again, _ := fakegcp.ParseFields(fields, left); again != left {
			t.Errorf("%q of %s leaves %s, and of that %s", fields, body, left, again)
		}
	})
}
