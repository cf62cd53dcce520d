package acctest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

var quoted = regexp.MustCompile("`([^`]+)`")

// GuidePermissions are the permissions that the guide asks for in its table of applies, for a resource.
func GuidePermissions(t testing.TB, noun string) []string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile(filepath.Join(root, "templates", "guides", "permissions.md.tmpl"))
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `" + noun + "` \\| ([^|]*secretmanager[^|]*) \\|").FindSubmatch(guide)
	if row == nil {
		t.Fatalf("the guide has no row for %s", noun)
	}
	var permissions []string
	prefix := ""
	for _, word := range quoted.FindAllStringSubmatch(string(row[1]), -1) {
		name := word[1]
		switch {
		case strings.HasPrefix(name, TypePrefix):
			permissions = append(permissions, GuidePermissions(t, name)...)
			continue
		case strings.HasPrefix(name, "."):
			name = prefix + name
		}
		if !slices.Contains(fakegcp.Permissions(), name) {
			continue // an attribute
		}
		prefix = name[:max(0, strings.LastIndexByte(name, '.'))]
		permissions = append(permissions, name)
	}
	slices.Sort(permissions)
	return slices.Compact(permissions)
}

// TypePrefix begins the names of the provider's resources.
const TypePrefix = localName + "_"

// CheckLeastPrivilege demands that a life passes with exactly the permissions that the guide lists for the resource, and
// that without any one of them a diagnostic names it and says where it comes from. A life stops at the first error and
// gives everything that was said. Permissions that the life does not need are tried elsewhere.
func CheckLeastPrivilege(t *testing.T, noun string, life func(l *Life) string, canaries func() *Canaries, elsewhere ...string) {
	t.Helper()
	listed := GuidePermissions(t, noun)
	run := func(t *testing.T, without string) string {
		secrets := canaries()
		env := New(t, WithRand(secrets.Reader()), WithoutWaits())
		for _, permission := range fakegcp.Permissions() {
			if permission == without || !slices.Contains(listed, permission) {
				env.Fake.Deny(permission, "")
			}
		}
		return life(env.NewLife(t, noun, secrets))
	}
	t.Run("with what the guide lists", func(t *testing.T) {
		t.Parallel()
		if said := run(t, ""); Failed(said) {
			t.Errorf("%s\n%s", strings.Join(listed, ", "), said)
		}
	})
	for _, permission := range listed {
		if slices.Contains(elsewhere, permission) {
			continue
		}
		t.Run("without "+permission, func(t *testing.T) {
			t.Parallel()
			said := run(t, permission)
			if !regexp.MustCompile(`\b` + regexp.QuoteMeta(permission) + `\b`).MatchString(said) {
				t.Errorf("no diagnostic names the permission:\n%s", said)
			}
			if !strings.Contains(said, "guide \"Permissions\"") && !strings.Contains(said, "roles/secretmanager.") {
				t.Errorf("no diagnostic says where the permission comes from:\n%s", said)
			}
		})
	}
	Report("%s: %d permissions, each taken away once", noun, len(listed)-len(elsewhere))
}

// Steps runs the steps of a life up to the first error, and gives everything that was said.
func Steps(steps ...func() string) string {
	var said []string
	for _, step := range steps {
		said = append(said, step())
		if Failed(said[len(said)-1]) {
			break
		}
	}
	return strings.Join(said, "\n")
}
