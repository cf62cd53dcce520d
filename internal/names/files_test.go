package names_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// configMapKey is what Kubernetes takes. Source: k8s.io/apimachinery/pkg/util/validation, IsConfigMapKey.
var configMapKey = regexp.MustCompile(`^[-._a-zA-Z0-9]{1,253}$`)

func TestFileKeys(t *testing.T) {
	t.Parallel()
	paths := []string{
		"/etc/app/app.conf", "/srv/app.conf", "/etc/app/..data", "/etc/app/.env", "/etc/app/...", "/etc/app/ä ü", "/etc/app/a b", "/etc/app/a_b", "/1",
		"/etc/app/" + strings.Repeat("x", 1000),
	}
	seen := map[string]string{}
	for _, path := range paths {
		key := names.FileKey(path)
		if !configMapKey.MatchString(key) || strings.HasPrefix(key, "..") {
			t.Errorf("%q is not a key of a ConfigMap", key)
		}
		if other, taken := seen[key]; taken {
			t.Errorf("%q is the key of %q and %q", key, path, other)
		}
		seen[key] = path
	}
}
