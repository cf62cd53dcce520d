package deploy_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

func TestVerification(t *testing.T) {
	fault := func(t *testing.T, b *secretBench, f fakegcp.Fault) {
		t.Helper()
		f.Occurrence = 1
		if err := b.fake.Inject(f); err != nil {
			t.Fatal(err)
		}
	}
	unchecked := fakegcp.Fault{Method: "AddSecretVersion", Kind: fakegcp.FaultUnchecked}
	damaged := fakegcp.Fault{Method: "AddSecretVersion", Kind: fakegcp.FaultDamaged}
	t.Run("not confirmed, but right", func(t *testing.T) {
		b := bumped(t, 3, 1)
		fault(t, b, unchecked)
		b.mustApply(b.hold(3, "2"))
		b.checkStates("on on")
		if b.payload("current") != b.value("2") {
			t.Error("another value")
		}
	})
	t.Run("damaged", func(t *testing.T) {
		b := bumped(t, 3, 1)
		fault(t, b, damaged)
		err := b.apply(b.hold(3, "2"))
		if err == nil || !strings.Contains(err.Error(), "checksum does not match") || !strings.Contains(err.Error(), "Version 1 is still the effective one") {
			t.Fatalf("error %v", err)
		}
		b.checkStates("on off")
		if got := b.payload("current"); got != b.value("1") {
			t.Error("the former version is not current")
		}
		b.mustApply(b.hold(3, "2"))
		b.checkStates("on off on")
		b.checkSettled(b.hold(3, "2"))
		b.checkSecrecy()
	})
	t.Run("damaged at creation", func(t *testing.T) {
		b := newSecretBench(t)
		fault(t, b, damaged)
		if err := b.apply(b.hold(3, "1")); err == nil && b.state.Status != deploy.SecretCreating {
			t.Errorf("state %+v", b.state)
		}
		if !strings.Contains(b.said.String(), "checksum does not match") {
			t.Errorf("said %s", b.said.String())
		}
		b.mustApply(b.hold(3, "1"))
		b.checkSettled(b.hold(3, "1"))
		if b.payload(b.state.Version) != b.value("1") {
			t.Error("another value")
		}
	})
	t.Run("damaged, and not to be disabled", func(t *testing.T) {
		b := bumped(t, 3, 1)
		fault(t, b, damaged)
		fault(t, b, fakegcp.Fault{Method: "DisableSecretVersion", Code: codes.PermissionDenied})
		if err := b.apply(b.hold(3, "2")); err == nil || !strings.Contains(err.Error(), "gcloud secrets versions disable 2") {
			t.Errorf("error %v", err)
		}
		b.mustApply(b.hold(3, "2"))
		if b.state.Version != "3" || b.payload("current") != b.value("2") {
			t.Errorf("state %+v", b.state)
		}
	})
	t.Run("not confirmed, and not to be read", func(t *testing.T) {
		b := bumped(t, 3, 1)
		fault(t, b, unchecked)
		b.fake.Deny("secretmanager.versions.access", "")
		err := b.apply(b.hold(3, "2"))
		b.checkAdvice(err, "1", "2")
		b.fake.Allow("secretmanager.versions.access", "")
		b.mustApply(b.hold(3, "2"))
		b.checkStates("on on")
	})
}

// checkAdvice demands that an error leaves the effective version alone and says how to go on: with the permission, or
// without it.
func (b *secretBench) checkAdvice(err error, effective, doubtful string) {
	b.Helper()
	for _, want := range []string{"secretmanager.versions.access", "roles/secretmanager.secretAccessor", "gcloud secrets versions disable " + doubtful} {
		if err == nil || !strings.Contains(err.Error(), want) {
			b.Errorf("the error lacks %q: %v", want, err)
		}
	}
	if got := fmt.Sprint(b.object().GetVersionAliases()["current"]); got != effective {
		b.Errorf("effective is %s", got)
	}
}

// TestAmbiguousAdd_withoutAccess loses the answer of a caller that may not read values: nothing is guessed, and the way
// out that the error names works.
func TestAmbiguousAdd_withoutAccess(t *testing.T) {
	for _, d := range []func(*secretBench) *declared{secretNamed("2"), keyTriggered("2")} {
		b := newSecretBench(t)
		first := secretNamed("1")
		if d(b).key != nil {
			first = keyTriggered("1")
		}
		b.mustApply(*first(b))
		want := *d(b)
		if want.key != nil {
			want.key.Keep = 0
		}
		b.fake.Deny("secretmanager.versions.access", "")
		if err := b.fake.Inject(fakegcp.Fault{Method: "AddSecretVersion", When: fakegcp.After, Occurrence: 1}); err != nil {
			t.Fatal(err)
		}
		b.checkAdvice(b.apply(want), "1", "2")
		b.checkAdvice(b.apply(want), "1", "2") // still nothing is guessed
		if _, err := b.cloud.GCP.SecretVersions().Disable(b.Context(), benchID.String()+"/versions/2"); err != nil {
			t.Fatal(err)
		}
		b.mustApply(want)
		b.checkStates("on off on")
	}
}

// TestDenied_namesPermissionResourceAndRole takes each permission away from each operation that needs it.
func TestDenied_namesPermissionResourceAndRole(t *testing.T) {
	tests := map[string]struct{ role, resource string }{
		"secretmanager.secrets.create":       {"roles/secretmanager.admin", "projects/acme-dev"},
		"secretmanager.secrets.get":          {"roles/secretmanager.viewer", benchID.String()},
		"secretmanager.secrets.update":       {"roles/secretmanager.admin", benchID.String()},
		"secretmanager.secrets.delete":       {"roles/secretmanager.admin", benchID.String()},
		"secretmanager.secrets.getIamPolicy": {"roles/secretmanager.viewer", benchID.String()},
		"secretmanager.secrets.setIamPolicy": {"roles/secretmanager.admin", benchID.String()},
		"secretmanager.versions.list":        {"roles/secretmanager.secretVersionManager", benchID.String()},
		"secretmanager.versions.add":         {"roles/secretmanager.secretVersionManager", benchID.String()},
		"secretmanager.versions.get":         {"roles/secretmanager.secretVersionManager", benchID.String()},
		"secretmanager.versions.access":      {"roles/secretmanager.secretAccessor", benchID.String()},
	}
	for permission, want := range tests {
		t.Run(permission, func(t *testing.T) {
			t.Parallel()
			b := newSecretBench(t)
			d := keyTriggered("1", alice)(b)
			if permission != "secretmanager.secrets.create" {
				b.mustApply(*d)
				d = keyTriggered("2", bob)(b)
			}
			b.fake.Deny(permission, "")
			err := b.apply(*d)
			if permission == "secretmanager.secrets.delete" {
				err = b.cloud.DeleteSecret(b.Context(), benchID)
			}
			for _, part := range []string{permission, want.role, want.resource} {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("the error lacks %q: %v", part, err)
				}
			}
		})
	}
}
