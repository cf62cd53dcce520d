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

// neverNeeded is what a row says about a permission that somebody may look for.
var neverNeeded = regexp.MustCompile("`[^`]+` is never needed")

// developer is who the fake takes the provider for: what an app itself may do stays.
const developer = "developer@example.com"

// allPermissions are those that the fake asks for: by methods, and where something is to run as a service account.
func allPermissions() []string { return append(fakegcp.Permissions(), "iam.serviceAccounts.actAs") }

// GuidePermissions are the permissions that the guide asks for in its table of applies. The row begins as the guide has it:
// "`twelvefactor_secret`".
func GuidePermissions(t testing.TB, row string) []string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile(filepath.Join(root, "templates", "guides", "permissions.md.tmpl"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?m)^\\| " + regexp.QuoteMeta(row) + " \\| ([^|]*secretmanager[^|]*) \\|").FindSubmatch(guide)
	if found == nil {
		t.Fatalf("the guide has no row for %s", row)
	}
	var permissions []string
	prefix := ""
	for _, word := range quoted.FindAllStringSubmatch(neverNeeded.ReplaceAllString(string(found[1]), ""), -1) {
		name := word[1]
		switch {
		case strings.HasPrefix(name, TypePrefix):
			permissions = append(permissions, GuidePermissions(t, "`"+name+"`")...)
			continue
		case strings.HasPrefix(name, "."):
			name = prefix + name
		}
		if all, ok := strings.CutSuffix(name, "*"); ok {
			permissions = append(permissions, slices.DeleteFunc(allPermissions(), func(p string) bool { return !strings.HasPrefix(p, all) })...)
			continue
		}
		if !slices.Contains(allPermissions(), name) {
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

// Privileges is a resource, and what the guide says that it needs.
type Privileges struct {
	Noun string
	// Row is how the guide's row begins; empty for the resource alone.
	Row string
	// Life goes through everything that needs a permission. It stops at the first error and gives everything that was said.
	Life func(l *Life) string
	// Prepare makes, before permissions are taken away, what the life needs of others; nil for nothing.
	Prepare func(t testing.TB, env *Env)
	// Canaries are those of one life.
	Canaries func() *Canaries
	// Elsewhere are permissions that the life does not need, or whose lack is told in other words: other tests try them.
	Elsewhere []string
}

// CheckLeastPrivilege demands that a life passes with exactly the permissions that the guide lists for the resource, and
// that without any one of them a diagnostic names it and says where it comes from. A life stops at the first error and
// gives everything that was said. Permissions that the life does not need are tried elsewhere.
func CheckLeastPrivilege(t *testing.T, noun string, life func(l *Life) string, canaries func() *Canaries, elsewhere ...string) {
	t.Helper()
	Privileges{Noun: noun, Life: life, Canaries: canaries, Elsewhere: elsewhere}.Check(t)
}

// Check demands what CheckLeastPrivilege says.
func (p Privileges) Check(t *testing.T) {
	t.Helper()
	row := p.Row
	if row == "" {
		row = "`" + p.Noun + "`"
	}
	listed := GuidePermissions(t, row)
	t.Run("with what the guide lists", func(t *testing.T) {
		t.Parallel()
		if said := p.run(t, listed, "", nil); Failed(said) {
			t.Errorf("%s\n%s", strings.Join(listed, ", "), said)
		}
	})
	for _, permission := range listed {
		if slices.Contains(p.Elsewhere, permission) {
			continue
		}
		t.Run("without "+permission, func(t *testing.T) {
			t.Parallel()
			// A plan that asks for what the apply needs would name the permission first.
			said := p.run(t, listed, permission, Attributes{"factors": map[string]string{"live-check": "off"}})
			if !regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(permission) + `\b`).MatchString(said) {
				t.Errorf("no diagnostic names the permission:\n%s", said)
			}
			if !fromWhere.MatchString(said) {
				t.Errorf("no diagnostic says where the permission comes from:\n%s", said)
			}
		})
	}
	Report("%s: %d permissions, each taken away once", row, len(listed)-len(p.Elsewhere))
}

// fromWhere is how diagnostics say where a permission comes from.
var fromWhere = regexp.MustCompile(`guide "Permissions"|roles/(secretmanager|run|iam)\.`)

// run goes through a life with the permissions that are listed, but for one.
func (p Privileges) run(t *testing.T, listed []string, without string, settings Attributes) string {
	t.Helper()
	secrets := p.Canaries()
	env := New(t, WithRand(secrets.Reader()), WithoutWaits())
	if p.Prepare != nil {
		p.Prepare(t, env)
	}
	for _, permission := range allPermissions() {
		if permission == without || !slices.Contains(listed, permission) {
			env.Fake.Deny(permission, developer)
		}
	}
	return p.Life(env.NewLifeWith(t, p.Noun, secrets, settings))
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
