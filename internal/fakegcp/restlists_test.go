package fakegcp_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// TestListsAreWhatTheirItemsAre compares a list, whose items are encoded once, with the same list in the other format, which
// is encoded each time, before and after an item changes.
func TestListsAreWhatTheirItemsAre(t *testing.T) {
	c := start(t)
	for _, id := range []string{"a", "b", "c"} {
		c.secret(id, "value")
	}
	_, err := c.create(service(container()))
	must(t, err)
	same := func(path string) {
		t.Helper()
		code, plain := c.curl(http.MethodGet, path, "")
		_, compact := c.curl(http.MethodGet, path+"&prettyPrint=false", "")
		if code != http.StatusOK || !reflect.DeepEqual(decode(t, plain), decode(t, compact)) {
			t.Errorf("%s: %d\n%s\ndiffers from\n%s", path, code, plain, compact)
		}
	}
	for range 2 {
		same("/v1/projects/acme-dev/secrets?pageSize=2")
		same("/v1/projects/acme-dev/secrets?filter=name:b")
		same("/v1/projects/acme-dev/secrets?filter=name:nothing")
		same("/v2/" + location + "/services?pageSize=5")
		_, err := c.secrets.UpdateSecret(c.ctx(), &secretmanagerpb.UpdateSecretRequest{
			Secret:     &secretmanagerpb.Secret{Name: project + "/secrets/b", Labels: map[string]string{"team": "shop"}},
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"labels"}},
		})
		must(t, err)
		must(t, c.UpdateRunService(api, func(m *runpb.Service) { m.Description = "changed" }))
	}
	if _, body := c.curl(http.MethodGet, "/v1/projects/acme-dev/secrets?filter=name:b", ""); !strings.Contains(body, `"team": "shop"`) {
		t.Errorf("after the update: %s, want the label", body)
	}
	if _, body := c.curl(http.MethodGet, "/v2/"+location+"/services", ""); !strings.Contains(body, `"description": "changed"`) {
		t.Errorf("after the change: %s, want the description", body)
	}
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return m
}
