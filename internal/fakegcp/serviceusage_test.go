package fakegcp_test

import (
	"strings"
	"testing"
)

func TestServiceUsage(t *testing.T) {
	c := start(t)
	const services = "/v1/projects/acme-dev/services/"
	for _, s := range []struct {
		verb, path string
		code       int
		want       string
	}{
		{"GET", services + "container.googleapis.com", 200, `"name": "projects/123456789012/services/container.googleapis.com"`},
		{"GET", services + "run.googleapis.com?fields=state", 200, "{\n  \"state\": \"ENABLED\"\n}\n"},
		{"GET", services + "pubsub.googleapis.com", 501, "google.api.serviceusage.v1.ServiceUsage/GetService of pubsub.googleapis.com"},
		{"GET", "/v1/projects/none-such/services/run.googleapis.com", 403, "The caller does not have permission"},
		{"POST", services + "run.googleapis.com:enable", 501, "the Service Usage API"},
	} {
		if code, body := c.curl(s.verb, s.path, ""); code != s.code || !strings.Contains(body, s.want) {
			t.Errorf("%s %s: %d %s\nwant %d %s", s.verb, s.path, code, body, s.code, s.want)
		}
	}
	if code, body := c.curl("POST", "/_fake/permissions", `{"permission":"run.googleapis.com","denied":true}`); code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	if code, body := c.curl("GET", services+"run.googleapis.com", ""); code != 200 || !strings.Contains(body, `"state": "DISABLED"`) {
		t.Errorf("disabled: %d %s", code, body)
	}
}
