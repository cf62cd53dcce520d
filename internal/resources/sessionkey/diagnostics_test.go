package sessionkey_test

import (
	"strings"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// TestSessionKey_diagnostics demands of every error the object, the reason and the way out.
func TestSessionKey_diagnostics(t *testing.T) {
	t.Parallel()
	one, two := valid(acctest.Attributes{"rotation_trigger": "1"}), valid(acctest.Attributes{"rotation_trigger": "2"})
	apply := func(config acctest.Attributes) func(*acctest.Life) string {
		return func(l *acctest.Life) string { return l.Apply(config) }
	}
	rate := func(method string) func(*acctest.Life) {
		return func(l *acctest.Life) {
			must(l.Env.Fake.Inject(fakegcp.Fault{Method: "/" + method, Code: codes.ResourceExhausted, Message: "Quota exceeded for quota metric " +
				"'Write requests' and limit 'Write requests per minute' of service 'secretmanager.googleapis.com' for consumer 'project_number:1'."}))
		}
	}
	off := func(l *acctest.Life) { l.Env.Fake.SetAPIEnabled("secretmanager.googleapis.com", false) }
	for name, c := range map[string]struct {
		before acctest.Attributes
		harm   func(*acctest.Life)
		do     func(*acctest.Life) string
		wants  []string
	}{
		"quota, rotate": {one, rate("AddSecretVersion"), apply(two), []string{"shop", "per minute", "rate quota"}},
		"API off":       {nil, off, apply(one), []string{"shop", "secretmanager.googleapis.com", "gcloud services enable"}},
		"deleted":       {one, func(l *acctest.Life) { must(l.Env.Fake.Remove(id)) }, apply(two), []string{"shop", "was deleted", "Apply again"}},
		"unreadable ring": {one, func(l *acctest.Life) { l.Env.Fake.Deny("secretmanager.versions.access", "") }, apply(two),
			[]string{"shop", "AttributeName(\"keep\")", "secretmanager.versions.access", "roles/secretmanager.secretAccessor", "keep = 0"}},
		"there already": {one, func(l *acctest.Life) { l.State = nil }, apply(two), []string{"shop", "already exists", "import {"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			canaries := acctest.NewCanaries()
			life := acctest.New(t, acctest.WithoutWaits(), acctest.WithRand(canaries.Reader())).NewLife(t, noun, canaries)
			if c.before != nil {
				life.Must(life.Apply(c.before))
			}
			c.harm(life)
			said := c.do(life)
			for _, want := range append(c.wants, "ERROR") {
				if !strings.Contains(said, want) {
					t.Errorf("nothing says %q:\n%s", want, said)
				}
			}
		})
	}
}

// TestSessionKey_destroyedByHand destroys the effective version: the next apply draws a key and needs no one's help.
func TestSessionKey_destroyedByHand(t *testing.T) {
	t.Parallel()
	canaries := acctest.NewCanaries()
	life := acctest.New(t, acctest.WithoutWaits(), acctest.WithRand(canaries.Reader())).NewLife(t, noun, canaries)
	config := valid(nil)
	life.Must(life.Apply(config))
	must(life.Env.Fake.UpdateSecretVersion(id+"/versions/1", func(v *secretmanagerpb.SecretVersion) { v.State = secretmanagerpb.SecretVersion_DESTROYED }))
	life.Must(life.Refresh())
	if status := life.State.Get(t, "status"); status != "degraded" {
		t.Errorf("status %s", status)
	}
	life.Must(life.Apply(config))
	if version := life.State.Get(t, "version"); version != "2" {
		t.Errorf("version %s", version)
	}
}
