package acctest

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// TestCanaries_findInFake is the negative control of CheckFake: what is planted in an object, in the journal and in a
// console page is found there, and a payload is on no page.
func TestCanaries_findInFake(t *testing.T) {
	t.Parallel()
	canaries := NewCanaries()
	env := New(t, WithoutWaits())
	value := canaries.Text(t, "payload")
	life := env.NewLife(t, "twelvefactor_secret", canaries)
	life.Must(life.Apply(Attributes{"name": "payments", "value_wo": value, "value_wo_version": "1"}))
	canaries.CheckFake(t, env)

	const secret = "projects/acme-dev/secrets/payments"
	if err := env.Fake.UpdateSecret(secret, func(s *secretmanagerpb.Secret) {
		s.Annotations["planted"] = canaries.Text(t, "annotation")
	}); err != nil {
		t.Fatal(err)
	}
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	if _, err := client.Secrets().Get(t.Context(), secret+canaries.Text(t, "journal")); err == nil {
		t.Fatal("a secret of a name that no secret can have was found")
	}
	if err := env.Fake.Inject(fakegcp.Fault{Method: canaries.Text(t, "fault")}); err != nil {
		t.Fatal(err)
	}
	leaks, _ := canaries.ScanFake(t, env)
	found := map[string][]string{}
	for _, leak := range leaks {
		found[leak.Canary] = append(found[leak.Canary], leak.Where)
	}
	number := "projects/" + ProjectNumber + "/secrets/payments"
	for name, pages := range map[string][]string{
		"annotation": {"/_fake/objects", "/console/object?name=" + number},
		"journal":    {"/_fake/journal", "/console/journal"},
	} {
		for _, page := range pages {
			if !slices.ContainsFunc(found[name], func(where string) bool { return where == page || unescaped(where) == page }) {
				t.Errorf("what was planted as %s was not found on %s, only on %v", name, page, found[name])
			}
		}
	}
	if found["payload"] != nil {
		t.Errorf("the payload is on %v", found["payload"])
	}
}

func unescaped(where string) string {
	path, _, _ := strings.Cut(where, " > ") // the page as text
	if text, err := url.PathUnescape(path); err == nil {
		return text
	}
	return path
}
