package fakegcp_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// restAnswer is an answer of the REST side.
type restAnswer struct {
	code   int
	header http.Header
	body   string
}

// failure is the error envelope.
type failure struct {
	Error struct {
		Code            int
		Message, Status string
		Errors          []struct{ Message, Domain, Reason string }
		Details         []struct {
			Type            string `json:"@type"`
			FieldViolations []struct{ Field, Description string }
			Reason, Domain  string
		}
	}
}

func (c *cloud) send(verb, path, body string, headers ...string) restAnswer {
	c.t.Helper()
	q, err := http.NewRequestWithContext(c.ctx(), verb, "http://"+c.Addr()+path, strings.NewReader(body))
	must(c.t, err)
	for i := 0; i < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	r, err := http.DefaultClient.Do(q)
	must(c.t, err)
	defer func() { _ = r.Body.Close() }()
	answer, err := io.ReadAll(r.Body)
	must(c.t, err)
	return restAnswer{r.StatusCode, r.Header, string(answer)}
}

func (a restAnswer) failure(t *testing.T) failure {
	t.Helper()
	var f failure
	if err := json.Unmarshal([]byte(a.body), &f); err != nil {
		t.Fatalf("status %d, not an error envelope: %v\n%s", a.code, err, a.body)
	}
	return f
}

const (
	clustersPath = "/v1/projects/acme-dev/locations/us-central1/clusters"
	missing      = clustersPath + "/none"
)

func TestRESTErrors(t *testing.T) {
	c := start(t)
	fact(t, "1.0", "container and iam send errors[] with domain and reason", "recorded", func(t *testing.T) {
		for path, message := range map[string]string{
			missing: "Not found: projects/acme-dev/locations/us-central1/clusters/none.",
			"/v1/projects/acme-dev/serviceAccounts/none@acme-dev.iam.gserviceaccount.com": "Unknown service account",
		} {
			e := c.send("GET", path, "").failure(t).Error
			if e.Code != 404 || e.Status != "NOT_FOUND" || e.Message != message || len(e.Errors) != 1 ||
				e.Errors[0].Domain != "global" || e.Errors[0].Reason != "notFound" || e.Errors[0].Message != message {
				t.Errorf("%s: %+v", path, e)
			}
		}
	})
	fact(t, "1.0", "secretmanager, run and cloudresourcemanager send no errors[]", "recorded", func(t *testing.T) {
		for path, code := range map[string]int{
			"/v1/projects/acme-dev/secrets/none":                               404,
			"/v2/projects/acme-dev/locations/asia-northeast1/services/none":    404,
			"/v3/projects/none-such":                                           403,
			"/v1/projects/none-such":                                           403,
			"/v1/projects/none-such/secrets":                                   403,
			"/v2/projects/acme-dev/locations/asia-northeast1/services?bogus=1": 400,
		} {
			if e := c.send("GET", path, "").failure(t).Error; e.Code != code || len(e.Errors) != 0 {
				t.Errorf("%s: %+v, want %d", path, e, code)
			}
		}
	})
	fact(t, "1.0", "gRPC codes are HTTP's, and have Google's names", "google/rpc/code.proto", func(t *testing.T) {
		for code, want := range map[codes.Code]struct {
			status int
			name   string
		}{
			codes.InvalidArgument: {400, "INVALID_ARGUMENT"}, codes.FailedPrecondition: {400, "FAILED_PRECONDITION"},
			codes.OutOfRange: {400, "OUT_OF_RANGE"}, codes.Unauthenticated: {401, "UNAUTHENTICATED"},
			codes.PermissionDenied: {403, "PERMISSION_DENIED"}, codes.NotFound: {404, "NOT_FOUND"},
			codes.AlreadyExists: {409, "ALREADY_EXISTS"}, codes.Aborted: {409, "ABORTED"},
			codes.ResourceExhausted: {429, "RESOURCE_EXHAUSTED"}, codes.Canceled: {499, "CANCELLED"},
			codes.Unknown: {500, "UNKNOWN"}, codes.Internal: {500, "INTERNAL"}, codes.DataLoss: {500, "DATA_LOSS"},
			codes.Unimplemented: {501, "UNIMPLEMENTED"}, codes.Unavailable: {503, "UNAVAILABLE"},
			codes.DeadlineExceeded: {504, "DEADLINE_EXCEEDED"},
		} {
			c.ClearFaults()
			must(t, c.Inject(fakegcp.Fault{Code: code, Message: "because"}))
			a := c.send("GET", missing, "")
			if e := a.failure(t).Error; a.code != want.status || e.Code != want.status || e.Status != want.name || e.Message != "because" || e.Errors[0].Reason == "" {
				t.Errorf("%v: status %d, %+v", code, a.code, e)
			}
		}
		c.ClearFaults()
	})
	fact(t, "1.0", "details hold ErrorInfo", "recorded", func(t *testing.T) {
		c.Deny("container.clusters.get", "")
		e := c.send("GET", missing, "").failure(t).Error
		c.Allow("container.clusters.get", "")
		if len(e.Details) == 0 || e.Details[0].Type != "type.googleapis.com/google.rpc.ErrorInfo" || e.Details[0].Reason != "IAM_PERMISSION_DENIED" {
			t.Errorf("%+v", e)
		}
	})
	fact(t, "1.0", "a wrong path is an HTML 404, and so is a wrong verb", "google#24627, provider-upjet-gcp#45", func(t *testing.T) {
		for _, call := range []struct{ verb, path string }{
			{"GET", "/v1/nothing"}, {"PATCH", clustersPath}, {"PUT", missing + ":undelete"}, {"POST", "/v1/projects/acme-dev/secrets/k"},
			{"GET", "/v1/projects/acme-dev/secrets/k:nonsense/x"}, {"GET", "/v1/projects/acme-dev/locations/us-central1/clusters/"},
			{"HEAD", missing}, {"OPTIONS", clustersPath},
		} {
			a := c.send(call.verb, call.path, "")
			if a.code != 404 || a.header.Get("Content-Type") != "text/html; charset=UTF-8" || call.verb != "HEAD" && !strings.Contains(a.body, "Error 404 (Not Found)!!1") {
				t.Errorf("%s %s: %d %s", call.verb, call.path, a.code, a.body)
			}
		}
	})
}

func TestRESTUnknownNames(t *testing.T) {
	c := start(t)
	fact(t, "1.0", "an unknown name is refused with its path, every one of them, and BadRequest says which", "ansible#50252; proto_writer.cc", func(t *testing.T) {
		a := c.send("POST", clustersPath, `{"cluster":{"name":"c","nodePools":[{"name":"p","config":{"bogus":1}}],"labelz":{}},"top":null}`)
		e := a.failure(t).Error
		want := []struct{ field, text string }{
			{"cluster.node_pools[0].config", `Invalid JSON payload received. Unknown name "bogus" at 'cluster.node_pools[0].config': Cannot find field.`},
			{"cluster", `Invalid JSON payload received. Unknown name "labelz" at 'cluster': Cannot find field.`},
			{"", `Invalid JSON payload received. Unknown name "top": Cannot find field.`},
		}
		if a.code != 400 || e.Status != "INVALID_ARGUMENT" || len(e.Details) != 1 || len(e.Details[0].FieldViolations) != len(want) {
			t.Fatalf("%+v", e)
		}
		var lines []string
		for i, w := range want {
			if got := e.Details[0].FieldViolations[i]; got.Field != w.field || got.Description != w.text {
				t.Errorf("violation %d: %+v, want %+v", i, got, w)
			}
			lines = append(lines, w.text)
		}
		if e.Message != strings.Join(lines, "\n") || len(e.Errors) != 1 || e.Errors[0].Reason != "invalid" || e.Errors[0].Domain != "" {
			t.Errorf("%+v", e)
		}
		if a := c.send("GET", clustersPath, ""); strings.Contains(a.body, `"c"`) {
			t.Error("the refused cluster was made")
		}
	})
	fact(t, "1.0", "v1beta1 refuses what the messages do not have, and links to itself", "recorded sessions", func(t *testing.T) {
		beta := strings.Replace(clustersPath, "/v1/", "/v1beta1/", 1)
		a := c.send("POST", beta, `{"cluster":{"name":"c","clusterTelemetry":{"type":"ENABLED"}}}`)
		if want := `Unknown name "clusterTelemetry" at 'cluster': Cannot find field.`; a.code != 400 || !strings.Contains(a.failure(t).Error.Message, want) {
			t.Errorf("%d %s", a.code, a.body)
		}
		a = c.send("POST", beta, `{"cluster":{"name":"c","initialNodeCount":1}}`)
		for _, link := range []string{`"selfLink": "https://container.googleapis.com/v1beta1/projects/123456789012/locations/us-central1/operations/`,
			`"targetLink": "https://container.googleapis.com/v1beta1/projects/123456789012/locations/us-central1/clusters/c"`} {
			if a.code != 200 || !strings.Contains(a.body, link) {
				t.Errorf("%d: no %s in\n%s", a.code, link, a.body)
			}
		}
		if a := c.send("GET", clustersPath+"/c", ""); strings.Contains(a.body, "v1beta1") {
			t.Errorf("v1 links to v1beta1: %s", a.body)
		}
	})
	fact(t, "1.0", "query parameters that the request has no field for are refused", "public repositories", func(t *testing.T) {
		for query, name := range map[string]string{
			"bogus=1": "bogus", "name=x": "name", "options.bogus=1": "options.bogus", "options=1": "options", "%24nonsense=1": "$nonsense",
		} {
			e := c.send("GET", "/v1/projects/acme-dev/secrets/k:getIamPolicy?"+query, "").failure(t).Error
			want := `Invalid JSON payload received. Unknown name "` + name + `": Cannot bind query parameter. Field '` + name + `' could not be found in request message.`
			if e.Code != 400 || e.Message != want {
				t.Errorf("%s: %+v", query, e)
			}
		}
	})
}

func TestRESTInvalidValues(t *testing.T) {
	c := start(t)
	fact(t, "1.0", "a value of the wrong type is refused with path and type", "public repositories; protostream_objectwriter.cc", func(t *testing.T) {
		for _, test := range []struct{ path, body, want string }{
			{clustersPath, `{"cluster":{"releaseChannel":{"channel":"WEEKLY"}}}`, `Invalid value at 'cluster.release_channel.channel' (type.googleapis.com/google.container.v1.ReleaseChannel.Channel), "WEEKLY"`},
			{clustersPath, `{"cluster":{"initialNodeCount":"many"}}`, `Invalid value at 'cluster.initial_node_count' (TYPE_INT32), "many"`},
			{clustersPath, `{"cluster":{"initialNodeCount":3000000000}}`, `Invalid value at 'cluster.initial_node_count' (TYPE_INT32), 3000000000`},
			{clustersPath, `{"cluster":{"resourceLabels":{"a":"b","c":5}}}`, `Invalid value at 'cluster.resource_labels[1].value' (TYPE_STRING), 5`},
			{clustersPath, `{"cluster":{"resourceLabels":"a=b"}}`, `Invalid value at 'cluster.resource_labels' (type.googleapis.com/google.container.v1.Cluster.ResourceLabelsEntry), "a=b"`},
			{clustersPath, `{"cluster":{"resourceLabels":[]}}`, `Invalid value at 'cluster' (Map), Cannot bind a list to map for field 'resourceLabels'.`},
			{clustersPath, `{"cluster":{"location":["us-central1-a"]}}`, `Invalid JSON payload received. Unknown name "location" at 'cluster': Proto field is not repeating, cannot start list.`},
			{clustersPath, `{"cluster":{"name":{"a":1}}}`, `Invalid value at 'cluster' (name), Starting an object on a scalar field`},
			{clustersPath, `{"cluster":{"releaseChannel":"REGULAR"}}`, `Invalid value at 'cluster.release_channel' (type.googleapis.com/google.container.v1.ReleaseChannel), "REGULAR"`},
			{"/v1/projects/acme-dev/secrets?secretId=k", `{"ttl":"1h"}`, `Invalid value at 'secret.ttl' (type.googleapis.com/google.protobuf.Duration), Field 'ttl', Illegal duration format; duration must end with 's'`},
			{"/v1/projects/acme-dev/secrets?secretId=k", `{"ttl":"3600s","expireTime":"2027-01-01T00:00:00Z"}`, `Invalid value at 'secret' (oneof), oneof field 'expiration' is already set. Cannot set 'expireTime'`},
			{"/v1/projects/acme-dev/secrets?secretId=k", `[]`, `Invalid JSON payload received. Unknown name "": Root element must be a message.`},
			{"/v1/projects/acme-dev/secrets?secretId=k", `{"labels":`, `Invalid JSON payload received. Unexpected end of string. Expected a value.`},
			{"/v1/projects/acme-dev/secrets?secretId=k", `{"labels" {}}`, `Invalid JSON payload received. Unexpected token.`},
			{"/v1/projects/acme-dev/secrets?secretId=k", strings.Repeat(`{"labels":`, 5000), `Invalid JSON payload received. Message too deep. Max recursion depth reached for key ''`},
		} {
			a := c.send("POST", test.path, test.body)
			if e := a.failure(t).Error; a.code != 400 || e.Message != test.want || len(e.Details) != 1 {
				t.Errorf("%.60s: %d %q\nwant %q", test.body, a.code, e.Message, test.want)
			}
		}
		for query, want := range map[string]string{
			"pageSize=abc":          `Invalid value at 'page_size' (TYPE_INT32), "abc"`,
			"pageSize=":             `Invalid value at 'page_size' (TYPE_INT32), ""`,
			"pageSize=1&pageSize=2": `Invalid JSON payload received. Unknown name "pageSize": Proto field is not repeating, cannot start list.`,
		} {
			if e := c.send("GET", "/v1/projects/acme-dev/secrets?"+query, "").failure(t).Error; e.Code != 400 || e.Message != want {
				t.Errorf("%s: %+v", query, e)
			}
		}
	})
	t.Run("no value that may be a secret is quoted", func(t *testing.T) {
		c.secret("k")
		const add, secret = "/v1/projects/acme-dev/secrets/k:addVersion", "hunter2"
		for _, call := range []struct{ path, body, kind string }{
			{add, `{"payload":"hunter2"}`, ""}, {add, `{"payload":{"data":"hunter2!"}}`, ""}, {add, `{"payload":{"data":["hunter2"]}}`, ""},
			{add, `{"payload":{"data":"hunter2`, ""}, {add, `"hunter2"`, ""}, {add, `hunter2`, ""}, {add, `{"payload":["hunter2"]}`, ""},
			{add, `{"payload":{"dataCrc32c":"hunter2"}}`, ""}, {add, `{"payload":{"data":"hunter2"}}`, "application/x-www-form-urlencoded"},
			{"/v2/" + location + "/services?serviceId=s", `{"template":{"containers":[{"env":[{"name":"A","value":{"x":"hunter2"}}]}]}}`, ""},
			{"/v2/" + location + "/services?serviceId=s", `{"template":"hunter2"}`, ""},
		} {
			a := c.send("POST", call.path, call.body, "Content-Type", call.kind)
			if a.code != 400 || strings.Contains(a.body, secret) {
				t.Errorf("%s: %d %s", call.body, a.code, a.body)
			}
		}
	})
	t.Run("values that JSON allows are taken", func(t *testing.T) {
		a := c.send("POST", "/v1/projects/acme-dev/serviceAccounts", `{"account_id":"app-runner","serviceAccount":{"display_name":"a","displayName":"b","description":null}}`)
		if a.code != 200 || !strings.Contains(a.body, `"displayName": "b"`) {
			t.Errorf("%d %s", a.code, a.body)
		}
		a = c.send("POST", clustersPath, `{"cluster":{"name":"taken","nodePools":{"name":"p","initialNodeCount":1e0,"config":{"spot":"true","diskSizeGb":"50"}}}}`)
		if a.code != 200 {
			t.Errorf("%d %s", a.code, a.body)
		}
		if a := c.send("GET", clustersPath+"/taken", ""); !strings.Contains(a.body, `"spot": true`) || !strings.Contains(a.body, `"diskSizeGb": 50`) {
			t.Errorf("%s", a.body)
		}
	})
}

func TestRESTBodies(t *testing.T) {
	c := start(t)
	const create = "/v1/projects/acme-dev/secrets?secretId="
	t.Run("gzip", func(t *testing.T) {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, err := z.Write([]byte(`{"replication":{"automatic":{}}}`))
		must(t, err)
		must(t, z.Close())
		if a := c.send("POST", create+"packed", packed.String(), "Content-Encoding", "gzip"); a.code != 200 {
			t.Errorf("%d %s", a.code, a.body)
		}
		if a := c.send("POST", create+"not", `{}`, "Content-Encoding", "gzip"); a.code != 400 {
			t.Errorf("%d %s", a.code, a.body)
		}
		packed.Reset()
		z.Reset(&packed)
		_, err = z.Write(bytes.Repeat([]byte(" "), 11<<20))
		must(t, err)
		must(t, z.Close())
		if a := c.send("POST", create+"bomb", packed.String(), "Content-Encoding", "gzip"); a.code != 400 || !strings.Contains(a.body, "Request payload size exceeds the limit: 10485760 bytes.") {
			t.Errorf("%d %s", a.code, a.body)
		}
	})
	t.Run("too large", func(t *testing.T) {
		a := c.send("POST", create+"large", `{"labels":"`+strings.Repeat("x", 11<<20)+`"}`)
		if a.code != 400 || !strings.Contains(a.body, "Request payload size exceeds the limit: 10485760 bytes.") {
			t.Errorf("%d %s", a.code, a.body)
		}
	})
	t.Run("content types", func(t *testing.T) {
		const body = `{"replication":{"automatic":{}}}`
		for kind, code := range map[string]int{"application/json; charset=utf-8": 200, "text/plain": 400, "text": 400, "application/x-www-form-urlencoded": 400} {
			if a := c.send("POST", create+"kind"+strings.ReplaceAll(kind, "/", "_")[:4], body, "Content-Type", kind); a.code != code {
				t.Errorf("%s: %d %s", kind, a.code, a.body)
			}
		}
	})
	t.Run("POST for another verb", func(t *testing.T) {
		c.secret("over", "one")
		for _, step := range []struct {
			verb string
			code int
		}{{"GET", 200}, {"PUT", 404}, {"DELETE", 200}, {"GET", 404}} {
			if a := c.send("POST", "/v1/projects/acme-dev/secrets/over", "", "X-HTTP-Method-Override", step.verb); a.code != step.code {
				t.Errorf("%s: %d %s", step.verb, a.code, a.body)
			}
		}
		c.secret("listed")
		a := c.send("POST", "/v1/projects/acme-dev/secrets", "pageSize=1", "X-HTTP-Method-Override", "GET", "Content-Type", "application/x-www-form-urlencoded")
		if a.code != 200 || !strings.Contains(a.body, "nextPageToken") {
			t.Errorf("a form as query: %d %s", a.code, a.body)
		}
	})
}
