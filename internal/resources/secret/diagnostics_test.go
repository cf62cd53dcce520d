package secret_test

import (
	"strings"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// TestSecret_diagnostics demands of every error the object, the reason and the way out.
func TestSecret_diagnostics(t *testing.T) {
	t.Parallel()
	canaries := acctest.NewCanaries()
	numbered := func(version string) acctest.Attributes {
		return acctest.Attributes{
			"name": "payments", "value_wo": canaries.Text(t, "value "+version), "value_wo_version": version,
			"accessors": []string{"user:" + version + "@example.com"},
		}
	}
	one, two := numbered("1"), numbered("2")
	mute := acctest.Attributes{"name": "payments", "value_wo_version": "1", "accessors": one["accessors"]}
	relabelled := acctest.Attributes{"name": "payments", "value_wo_version": "1", "labels": map[string]string{"a": "b"}}
	quota := fakegcp.Fault{Code: codes.ResourceExhausted, Message: "Quota exceeded for quota metric 'Write requests' and limit 'Write requests per " +
		"minute' of service 'secretmanager.googleapis.com' for consumer 'project_number:123456789012'."}
	state := func(to secretmanagerpb.SecretVersion_State) func(*acctest.Life) {
		return func(l *acctest.Life) {
			must(l.Env.Fake.UpdateSecretVersion(id+"/versions/1", func(v *secretmanagerpb.SecretVersion) { v.State = to }))
			l.Must(l.Refresh())
		}
	}
	gone := func(l *acctest.Life) { must(l.Env.Fake.Remove(id)) }
	fault := func(method string) func(*acctest.Life) {
		return func(l *acctest.Life) {
			f := quota
			f.Method = "/" + method
			must(l.Env.Fake.Inject(f))
		}
	}
	for name, c := range map[string]struct {
		before acctest.Attributes
		harm   func(*acctest.Life)
		do     func(*acctest.Life) string
		wants  []string
	}{
		"quota, create":     {nil, fault("CreateSecret"), apply(one), []string{"payments", "Write requests per minute", "rate"}},
		"quota, add":        {one, fault("AddSecretVersion"), apply(two), []string{"payments", "Write requests per minute", "rate"}},
		"quota, read":       {one, fault("GetSecret"), (*acctest.Life).Refresh, []string{"payments", "Write requests per minute", "rate"}},
		"quota, delete":     {one, fault("DeleteSecret"), (*acctest.Life).Destroy, []string{"payments", "Write requests per minute", "rate"}},
		"API off, create":   {nil, apiOff, apply(one), []string{"payments", "secretmanager.googleapis.com", "gcloud services enable"}},
		"API off, read":     {one, apiOff, (*acctest.Life).Refresh, []string{"payments", "secretmanager.googleapis.com", "gcloud services enable"}},
		"API off, delete":   {one, apiOff, (*acctest.Life).Destroy, []string{"payments", "secretmanager.googleapis.com", "gcloud services enable"}},
		"deleted, rotate":   {one, gone, apply(two), []string{"payments", "deleted", "Apply again"}},
		"deleted, settings": {one, gone, apply(relabelled), []string{"payments", "deleted", "Apply again"}},
		"destroyed, mute":   {one, state(secretmanagerpb.SecretVersion_DESTROYED), apply(mute), []string{"value_wo_version", "disabled or destroyed", "Give the value"}},
		"disabled, mute":    {one, state(secretmanagerpb.SecretVersion_DISABLED), apply(mute), []string{"value_wo_version", "disabled or destroyed", "enabled again"}},
		"there already":     {one, func(l *acctest.Life) { l.State = nil }, apply(two), []string{"payments", "already exists", "import {"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			life := acctest.New(t, acctest.WithoutWaits()).NewLife(t, noun, canaries)
			if c.before != nil {
				life.Must(life.Apply(c.before))
			}
			c.harm(life)
			said := c.do(life)
			if !acctest.Failed(said) {
				t.Fatalf("no error:\n%s", said)
			}
			for _, want := range c.wants {
				if !strings.Contains(said, want) {
					t.Errorf("nothing says %q:\n%s", want, said)
				}
			}
		})
	}
}

func apply(config acctest.Attributes) func(*acctest.Life) string {
	return func(l *acctest.Life) string { return l.Apply(config) }
}

func apiOff(l *acctest.Life) { l.Env.Fake.SetAPIEnabled("secretmanager.googleapis.com", false) }
