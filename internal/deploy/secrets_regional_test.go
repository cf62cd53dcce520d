package deploy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// newRegionalBench is a bench for a regional secret. Beside it there is a global one of the same name, which is somebody
// else's: check tells when anything of it was changed.
func newRegionalBench(t testing.TB) (b *secretBench, check func()) {
	t.Helper()
	b = newSecretBench(t)
	byHand(b, "of somebody else")
	twin := b.object()
	b.id = benchRegionalID
	return b, func() {
		b.Helper()
		now, err := b.cloud.GCP.Secrets().Get(b.Context(), benchID.String())
		if err != nil || !proto.Equal(now, twin) {
			b.Errorf("the global secret of the same name is %v, %v", now, err)
		}
		versions, err := b.cloud.GCP.SecretVersions().List(b.Context(), benchID.String(), "state:ENABLED")
		if err != nil || len(versions) != 1 {
			b.Errorf("the global secret of the same name has the versions %v, %v", versions, err)
		}
	}
}

// TestRegionalSecrets_everyOperation goes through every operation on a regional secret: undisturbed, with the answer of
// each call lost, and with the process killed at each call.
func TestRegionalSecrets_everyOperation(t *testing.T) {
	troubles := map[string]func(s sweep, b *secretBench, call benchCall){
		"undisturbed": func(s sweep, b *secretBench, _ benchCall) {
			if err := s.attempt(b); err != nil {
				b.Errorf("the run: %v", err)
			}
		},
		"lost after": func(s sweep, b *secretBench, call benchCall) {
			lost := fakegcp.Fault{Method: call.method, Occurrence: call.occurrence, When: fakegcp.After, Code: codes.Unavailable}
			if err := b.fake.Inject(lost); err != nil {
				b.Fatal(err)
			}
			_ = s.attempt(b)
			b.fake.ClearFaults()
		},
		"killed after": func(s sweep, b *secretBench, call benchCall) {
			s.crash(b, fakegcp.Fault{Method: call.method, Occurrence: call.occurrence, When: fakegcp.After, Kind: fakegcp.FaultHang})
		},
	}
	for _, s := range sweeps() {
		for i, call := range s.calls(t) {
			for name, trouble := range troubles {
				if name == "undisturbed" && i > 0 {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s %d %s", s.name, call.method, call.occurrence, name), func(t *testing.T) {
					t.Parallel()
					b, checkTwin := newRegionalBench(t)
					s.prepare(b)
					old := b.enabled()
					trouble(s, b, call)
					durable := b.enabled()
					switch d := s.target(b); {
					case d == nil:
						if err := s.attempt(b); err != nil {
							t.Errorf("the second delete: %v", err)
						}
						if _, err := b.cloud.GCP.Secrets().Get(t.Context(), b.id.String()); !gcp.IsNotFound(err) {
							t.Errorf("the secret is still there: %v", err)
						}
					case len(old) == 0 && b.state == nil && b.finished():
						checkRegionalRefusal(t, b.apply(*d))
					default:
						b.mustApply(*d)
						b.checkSettled(*d)
						s.checkVersions(b, old, durable)
						if live := b.object(); live.GetReplication() != nil || !strings.Contains(live.GetName(), "/locations/europe-west3/") {
							t.Errorf("the secret is %s, replicated %v", live.GetName(), live.GetReplication())
						}
						if want := b.id.String() + "/versions/" + b.state.Version; b.state.VersionID() != want {
							t.Errorf("version id %s, want %s", b.state.VersionID(), want)
						}
					}
					checkTwin()
					b.checkSecrecy()
				})
			}
		}
	}
}

func checkRegionalRefusal(t *testing.T, err error) {
	t.Helper()
	var refusal *deploy.Error
	if !errors.As(err, &refusal) || !strings.Contains(refusal.Fix, `id = "projects/acme-dev/locations/europe-west3/secrets/payments"`) {
		t.Errorf("the refusal does not print the import block of the regional secret:\n%v", err)
	}
}

// TestRegionalSecrets_imports reads a regional secret that only its name is known of.
func TestRegionalSecrets_imports(t *testing.T) {
	for name, d := range map[string]func(*secretBench) *declared{"secret": secretNamed("1", alice), "session key": keyTriggered("1", alice)} {
		t.Run(name, func(t *testing.T) {
			b, checkTwin := newRegionalBench(t)
			b.mustApply(*d(b))
			read := b.cloud.ReadSecret
			if d(b).key != nil {
				read = b.cloud.ReadSessionKey
			}
			live, err := read(t.Context(), b.id, deploy.SecretKnown{Imported: true})
			if err != nil || live.Version != "1" || live.ID != b.id || len(live.Accessors) != 1 {
				t.Errorf("imported %+v, %v", live, err)
			}
			checkTwin()
		})
	}
}

// TestRegionalSecrets_foreignVersion stops at a version of somebody else, with the command that finds the secret.
func TestRegionalSecrets_foreignVersion(t *testing.T) {
	b, checkTwin := newRegionalBench(t)
	b.mustApply(*secretNamed("1")(b))
	sweep{target: secretNamed("2")}.crash(b, fakegcp.Fault{
		Method: "/AddSecretVersion", Occurrence: 1, When: fakegcp.Before, Kind: fakegcp.FaultHang,
	})
	addByHand(b, "something else")
	err := b.apply(*secretNamed("2")(b))
	want := "gcloud secrets versions disable 2 --secret=payments --location=europe-west3 --project=acme-dev"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q in it", err, want)
	}
	checkTwin()
	b.checkSecrecy()
}

// TestRegionalSecrets_madeByHand changes a regional secret that others made and filled.
func TestRegionalSecrets_madeByHand(t *testing.T) {
	b, checkTwin := newRegionalBench(t)
	if _, err := b.cloud.GCP.Secrets().Create(t.Context(), b.id.String(), &secretmanagerpb.Secret{}); err != nil {
		t.Fatal(err)
	}
	addByHand(b, "by hand")
	checkRegionalRefusal(t, b.apply(*secretNamed("1")(b)))
	live, err := b.cloud.ReadSecret(t.Context(), b.id, deploy.SecretKnown{Imported: true})
	if err != nil || live.Version != "1" || live.Recorded {
		t.Fatalf("imported %+v, %v", live, err)
	}
	spec := deploy.SecretSpec{ID: b.id, ValueVersion: "2", Accessors: []string{bob}}
	live, _, err = b.cloud.UpdateSecret(t.Context(), deploy.SecretKnown{}, spec, secret.FromString(b.value("2")))
	if err != nil || live.Version != "2" {
		t.Errorf("updated to %+v, %v", live, err)
	}
	checkTwin()
	b.checkSecrecy()
}
