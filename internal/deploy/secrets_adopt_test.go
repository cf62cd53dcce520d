package deploy_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// unfinished leaves a secret as a crashed create of the given stack leaves it: marked, announced, with one version.
func unfinished(b *secretBench, stack string) declared {
	b.Helper()
	d := *secretNamed("1", alice)(b)
	run := b.cloud
	b.cloud = b.another(stack)
	sweep{target: func(*secretBench) *declared { return &d }}.crash(b, fakegcp.Fault{
		Method: "/AddSecretVersion", Occurrence: 1, When: fakegcp.After, Kind: fakegcp.FaultHang,
	})
	b.cloud = run
	if stack != "stack" {
		relabel(b, func(labels map[string]string) { labels[names.LabelStack] = names.Stamp{Stack: stack}.Hash() })
	}
	return d
}

func relabel(b *secretBench, change func(map[string]string)) {
	b.Helper()
	if err := b.fake.UpdateSecret(b.id.String(), func(s *secretmanagerpb.Secret) { change(s.Labels) }); err != nil {
		b.Fatal(err)
	}
}

func TestCreateSecret_adoptsOnlyItsOwnUnfinishedWork(t *testing.T) {
	tests := map[string]struct {
		arrange func(b *secretBench) declared
		adopted bool
	}{
		"unfinished, same stack":       {func(b *secretBench) declared { return unfinished(b, "stack") }, true},
		"unfinished, of another stack": {func(b *secretBench) declared { return unfinished(b, "other") }, false},
		"unfinished, adoption switched off": {func(b *secretBench) declared {
			d := unfinished(b, "stack")
			b.cloud.AdoptInterrupted = false
			return d
		}, false},
		"unfinished, no stack, young": {func(b *secretBench) declared {
			d := unfinished(b, "stack")
			relabel(b, func(labels map[string]string) { delete(labels, names.LabelStack) })
			b.cloud = b.another("")
			return d
		}, true},
		"unfinished, no stack, old": {func(b *secretBench) declared {
			d := unfinished(b, "stack")
			relabel(b, func(labels map[string]string) { delete(labels, names.LabelStack) })
			b.cloud = b.another("")
			_ = b.clock.Sleep(b.Context(), time.Hour)
			return d
		}, false},
		"finished, same stack": {func(b *secretBench) declared {
			d := *secretNamed("1", alice)(b)
			b.mustApply(d)
			b.state = nil
			return d
		}, false},
		"made by hand": {func(b *secretBench) declared {
			byHand(b, "by hand")
			return *secretNamed("1", alice)(b)
		}, false},
		"unfinished session key under the same name": {func(b *secretBench) declared {
			d := unfinished(b, "stack")
			d.key, d.value = &deploy.SessionKeySettings{Bytes: 32, Encoding: "hex", Separator: ",", Keep: 1}, ""
			return d
		}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSecretBench(t)
			d := test.arrange(b)
			before := len(b.enabled())
			err := b.apply(d)
			if test.adopted {
				if err != nil || b.state == nil || b.state.Version != "1" || len(b.enabled()) != 1 {
					t.Fatalf("error %v, state %+v", err, b.state)
				}
				b.checkSettled(d)
				if !strings.Contains(b.said.String(), "interrupted create") {
					t.Errorf("adopted without a word: %q", b.said.String())
				}
				return
			}
			checkRefusal(t, err, d)
			if b.state != nil || len(b.enabled()) != before {
				t.Errorf("state %+v, %d versions", b.state, len(b.enabled()))
			}
		})
	}
}

func checkRefusal(t *testing.T, err error, d declared) {
	t.Helper()
	noun := "twelvefactor_secret"
	if d.key != nil {
		noun = "twelvefactor_session_key"
	}
	var refusal *deploy.Error
	want := "import {\n  to = " + noun + ".NAME\n  id = \"projects/acme-dev/secrets/payments\"\n}"
	if !errors.As(err, &refusal) || !strings.Contains(refusal.Fix, want) {
		t.Errorf("the refusal does not print the import block:\n%v", err)
	}
}

// byHand makes a secret that the provider knows nothing of.
func byHand(b *secretBench, values ...string) {
	b.Helper()
	ctx, c := b.Context(), b.cloud.GCP
	replication := &secretmanagerpb.Replication{Replication: &secretmanagerpb.Replication_Automatic_{Automatic: &secretmanagerpb.Replication_Automatic{}}}
	if _, err := c.Secrets().Create(ctx, b.id.String(), &secretmanagerpb.Secret{Replication: replication}); err != nil {
		b.Fatal(err)
	}
	for _, value := range values {
		addByHand(b, value)
	}
}

func addByHand(b *secretBench, value string) {
	b.Helper()
	if _, err := b.cloud.GCP.SecretVersions().Add(b.Context(), b.id.String(), secret.FromString(value)); err != nil {
		b.Fatal(err)
	}
}

// TestUpdateSecret_settlesWhatAnInterruptedRunAnnounced covers what may have become of the announced version.
func TestUpdateSecret_settlesWhatAnInterruptedRunAnnounced(t *testing.T) {
	tests := map[string]struct {
		arrange  func(b *secretBench)
		next     func(b *secretBench) declared
		versions int
		err      string
	}{
		"the same value was added by someone": {
			arrange: func(b *secretBench) { addByHand(b, b.value("2")) },
			next:    func(b *secretBench) declared { return *secretNamed("2")(b) }, versions: 2,
		},
		"another value was added by someone": {
			arrange: func(b *secretBench) { addByHand(b, "something else") },
			next:    func(b *secretBench) declared { return *secretNamed("2")(b) }, versions: 2,
			err: "cannot be attributed",
		},
		"another value was added, and the user has moved on": {
			arrange: func(b *secretBench) { addByHand(b, "something else") },
			next:    func(b *secretBench) declared { return *secretNamed("3")(b) }, versions: 3,
		},
		"the version may not be read": {
			arrange: func(b *secretBench) {
				addByHand(b, b.value("2"))
				fault := fakegcp.Fault{Method: "AccessSecretVersion", Code: codes.PermissionDenied}
				if err := b.fake.Inject(fault); err != nil {
					b.Fatal(err)
				}
			},
			next: func(b *secretBench) declared { return *secretNamed("2")(b) }, versions: 2,
			err: "Cannot tell whether",
		},
		"nothing was added": {
			arrange: func(*secretBench) {},
			next:    func(b *secretBench) declared { return *secretNamed("2")(b) }, versions: 2,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSecretBench(t)
			b.mustApply(*secretNamed("1")(b))
			sweep{target: secretNamed("2")}.crash(b, fakegcp.Fault{
				Method: "/AddSecretVersion", Occurrence: 1, When: fakegcp.Before, Kind: fakegcp.FaultHang,
			})
			test.arrange(b)
			err := b.apply(test.next(b))
			b.fake.ClearFaults()
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Fatalf("error %v, want %q", err, test.err)
			}
			if got := len(b.enabled()); got != test.versions {
				t.Errorf("%d versions, want %d", got, test.versions)
			}
			if err == nil {
				b.checkSettled(test.next(b))
			}
			b.checkSecrecy()
		})
	}
}

// TestUpdateSecret_stopsWithoutTheRightToCompare loses the answer of the add for a caller that may not read values.
func TestUpdateSecret_stopsWithoutTheRightToCompare(t *testing.T) {
	b := newSecretBench(t)
	b.mustApply(*secretNamed("1")(b))
	for _, fault := range []fakegcp.Fault{
		{Method: "AddSecretVersion", Occurrence: 1, When: fakegcp.After, Code: codes.Unavailable},
		{Method: "AccessSecretVersion", Code: codes.PermissionDenied},
	} {
		if err := b.fake.Inject(fault); err != nil {
			t.Fatal(err)
		}
	}
	d := *secretNamed("2")(b)
	if err := b.apply(d); err == nil || !strings.Contains(err.Error(), "Cannot tell whether") {
		t.Errorf("error %v", err)
	}
	if b.state.ValueVersion != "1" || b.state.Version != "1" {
		t.Errorf("the state says %+v", b.state)
	}
	b.fake.ClearFaults()
	b.mustApply(d)
	if b.state.Version != "2" || len(b.enabled()) != 2 {
		t.Errorf("version %s of %d", b.state.Version, len(b.enabled()))
	}
	b.checkSettled(d)
	b.checkSecrecy()
}
