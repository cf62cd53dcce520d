package deploy_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

var (
	benchID         = names.SecretID{Project: "acme-dev", Name: "payments"}
	benchRegionalID = names.SecretID{Project: "acme-dev", Location: "europe-west3", Name: "payments"}
)

// benchPatience is what a hung call costs in real time. On a busy machine a call that is answered may take a few hundred
// milliseconds too.
const benchPatience = 700 * time.Millisecond

// secretBench is a fake Secret Manager, a Cloud whose every wait is over at once, and what Terraform would know: the
// state, and whether it is tainted.
type secretBench struct {
	testing.TB
	id       names.SecretID
	fake     *fakegcp.Server
	cloud    *deploy.Cloud
	clock    *clock.Instant
	canaries *acctest.Canaries
	values   map[string]string // by the user's name for the value
	said     strings.Builder   // every error and notice
	patience time.Duration     // of one call of the clients made from now on

	state   *deploy.SecretState
	tainted bool
	notices []deploy.Notice // of the last update
}

func newSecretBench(t testing.TB) *secretBench {
	t.Helper()
	clk := clock.NewInstant(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
	fake, err := fakegcp.Start(fakegcp.Options{Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fake.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	b := &secretBench{TB: t, id: benchID, fake: fake, clock: clk, canaries: acctest.NewCanaries(), values: map[string]string{}, patience: benchPatience}
	b.cloud = b.another("stack")
	return b
}

// another is a run of its own against the same Secret Manager.
func (b *secretBench) another(stack string) *deploy.Cloud { return b.reach(b.fake.Addr(), stack) }

func (b *secretBench) reach(addr, stack string) *deploy.Cloud {
	client := gcp.New(gcp.Options{
		EmulatorHost: addr, Clock: b.clock, PollInterval: time.Second, RequestTimeout: b.patience,
	})
	b.Cleanup(func() { _ = client.Close() })
	return &deploy.Cloud{
		GCP: client, Clock: b.clock, Stamp: names.Stamp{Stack: stack}, AdoptInterrupted: true, Rand: b.canaries.Reader(),
	}
}

// value is the value that goes by that name in this test.
func (b *secretBench) value(version string) string {
	b.Helper()
	if b.values[version] == "" {
		b.values[version] = b.canaries.Text(b, "value "+version)
	}
	return b.values[version]
}

// declared is a configuration of either resource.
type declared struct {
	value   string // of a secret
	version string
	key     *deploy.SessionKeySettings

	labels    map[string]string
	accessors []string
	keep      int // versions
}

// apply is one run of Terraform: refresh, plan, replacement of what is tainted, create or update.
func (b *secretBench) apply(d declared) error {
	b.Helper()
	ctx := b.Context()
	b.refresh(d)
	if b.tainted {
		if err := b.cloud.DeleteSecret(ctx, b.id); err != nil {
			return b.note(err)
		}
		b.state, b.tainted = nil, false
	}
	if b.state == nil {
		live, notices, err := b.create(ctx, d)
		for _, n := range notices {
			fmt.Fprintln(&b.said, n.Summary, n.Detail)
		}
		if live.Exists {
			b.state, b.tainted = &live, err != nil
		}
		return b.note(err)
	}
	live, notices, err := b.update(ctx, d)
	b.notices = notices
	for _, n := range notices {
		fmt.Fprintln(&b.said, n.Summary, n.Detail)
	}
	if live.Exists {
		b.state = &live
	}
	return b.note(err)
}

func (b *secretBench) note(err error) error {
	if err != nil {
		fmt.Fprintf(&b.said, "%v\n%s\n%+v\n", err, gcp.Message(err), err)
	}
	return err
}

// refresh reads without faults in the way: what a refresh cannot read ends the run before it changes anything.
func (b *secretBench) refresh(d declared) {
	b.Helper()
	if b.state == nil {
		return
	}
	read := b.cloud.ReadSecret
	if d.key != nil {
		read = b.cloud.ReadSessionKey
	}
	live, err := read(b.Context(), b.id, deploy.SecretKnown{Accessors: b.state.Accessors})
	if b.note(err) != nil {
		return
	}
	if b.state = &live; !live.Exists {
		b.state, b.tainted = nil, false
	}
}

func (b *secretBench) create(ctx context.Context, d declared) (deploy.SecretState, []deploy.Notice, error) {
	if d.key != nil {
		spec := deploy.SessionKeySpec{ID: b.id, Settings: *d.key, Labels: d.labels, Accessors: d.accessors, KeepVersions: d.keep}
		return b.cloud.CreateSessionKey(ctx, spec, time.Minute)
	}
	spec := deploy.SecretSpec{ID: b.id, ValueVersion: d.version, Labels: d.labels, Accessors: d.accessors, KeepVersions: d.keep}
	return b.cloud.CreateSecret(ctx, spec, secret.FromString(d.value), time.Minute)
}

func (b *secretBench) update(ctx context.Context, d declared) (deploy.SecretState, []deploy.Notice, error) {
	known := deploy.SecretKnown{Labels: b.state.Labels, Accessors: b.state.Accessors, Version: b.state.Version}
	if d.key != nil {
		spec := deploy.SessionKeySpec{ID: b.id, Settings: *d.key, Labels: d.labels, Accessors: d.accessors, KeepVersions: d.keep}
		var rotation *deploy.SessionKeyRotation
		if b.state.Version == "" || b.state.Settings.NeedsRotation(*d.key) {
			rotation = &deploy.SessionKeyRotation{Base: versionNumber(b.state.Version)}
		}
		return b.cloud.UpdateSessionKey(ctx, known, spec, rotation)
	}
	var value secret.Bytes
	if b.state.Version == "" || b.state.ValueVersion != d.version {
		value = secret.FromString(d.value)
	}
	spec := deploy.SecretSpec{ID: b.id, ValueVersion: d.version, Labels: d.labels, Accessors: d.accessors, KeepVersions: d.keep}
	return b.cloud.UpdateSecret(ctx, known, spec, value)
}

func versionNumber(s string) (n int64) {
	_, _ = fmt.Sscan(s, &n) // "" is 0
	return n
}

// mustApply fails the test when the run fails or does not end ready.
func (b *secretBench) mustApply(d declared) {
	b.Helper()
	if err := b.apply(d); err != nil {
		b.Fatalf("apply: %v", err)
	}
	b.refresh(d)
	if b.state == nil || b.state.Status != deploy.SecretReady {
		b.Fatalf("after the apply the state is %+v", b.state)
	}
}

// object reads the live secret.
func (b *secretBench) object() *secretmanagerpb.Secret {
	b.Helper()
	live, err := b.cloud.GCP.Secrets().Get(b.Context(), b.id.String())
	if err != nil {
		b.Fatal(err)
	}
	return live
}

// payload reads a version's value.
func (b *secretBench) payload(version string) string {
	b.Helper()
	value, err := b.cloud.GCP.SecretVersions().Access(b.Context(), b.id.String()+"/versions/"+version)
	if err != nil {
		b.Fatal(err)
	}
	return string(value.Reveal())
}

// enabled lists the hashes of the enabled versions' payloads, oldest first.
func (b *secretBench) enabled() []string {
	b.Helper()
	versions, err := b.cloud.GCP.SecretVersions().List(b.Context(), b.id.String(), "state:ENABLED")
	if gcp.IsNotFound(err) {
		return nil
	}
	if err != nil {
		b.Fatal(err)
	}
	var hashes []string
	for _, v := range slices.Backward(versions) {
		hashes = append(hashes, hash(b.payload(v.GetName()[strings.LastIndex(v.GetName(), "/")+1:])))
	}
	return hashes
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// members are who has access.
func (b *secretBench) members() []string {
	b.Helper()
	ref := gcp.PolicyRef{Kind: gcp.SecretPolicy, Name: b.id.String()}
	members, err := b.cloud.GCP.Policies().Members(b.Context(), ref, "roles/secretmanager.secretAccessor")
	if err != nil {
		b.Fatal(err)
	}
	return slices.Sorted(slices.Values(members))
}

// checkSettled demands what holds after every run that ended well: nothing pending, everything as declared.
func (b *secretBench) checkSettled(d declared) {
	b.Helper()
	live := b.object()
	for mark := range live.GetAnnotations() {
		if strings.Contains(mark, "intent") {
			b.Errorf("the intent is still there")
		}
	}
	if _, creating := names.CreatingSince(live.GetLabels()); creating {
		b.Error("still marked as being created")
	}
	for key, value := range d.labels {
		if live.GetLabels()[key] != value {
			b.Errorf("label %s is %q, want %q", key, live.GetLabels()[key], value)
		}
	}
	if got := b.members(); !slices.Equal(got, slices.Sorted(slices.Values(d.accessors))) {
		b.Errorf("accessors are %v, want %v", got, d.accessors)
	}
}

// checkSecrecy scans everything that was said, and everything that can be read without access to values.
func (b *secretBench) checkSecrecy() {
	b.Helper()
	b.canaries.CheckText(b, "errors and notices", b.said.String())
	objects, err := b.fake.Objects()
	if err != nil {
		b.Fatal(err)
	}
	for what, v := range map[string]any{"journal": b.fake.Journal(), "objects": objects, "state": b.state} {
		text, err := json.Marshal(v)
		if err != nil {
			b.Fatal(err)
		}
		b.canaries.CheckText(b, what, string(text))
	}
	b.canaries.CheckText(b, "state as Go prints it", fmt.Sprintf("%+v %#v", b.state, b.state))
}
