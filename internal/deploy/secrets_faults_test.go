package deploy_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// troubles are what can befall a call, beside those that the fault matrix of the resources has (acctest.FaultMatrix: refused,
// lost, hung, malformed).
var troubles = map[string]fakegcp.Fault{
	"invalid":                 {When: fakegcp.Before, Code: codes.InvalidArgument, Message: "Invalid."},
	"conflict":                {When: fakegcp.Before, Code: codes.Aborted, Message: "Aborted."},
	"internal error after":    {When: fakegcp.After, Code: codes.Internal, Message: "Internal."},
	"connection reset before": {When: fakegcp.Before, Kind: fakegcp.FaultReset},
	"connection reset after":  {When: fakegcp.After, Kind: fakegcp.FaultReset},
}

// sweep is one operation whose every call meets every trouble.
type sweep struct {
	name string
	// earlier are applied first of all; retired is how many versions, the oldest, are not enabled any more in the end.
	earlier []func(*secretBench) *declared
	retired int
	// before is applied first, without trouble; nil for none.
	before func(*secretBench) *declared
	// target is what the troubled run and the run after it want; nil deletes.
	target func(*secretBench) *declared
	// versions is how many enabled versions there are in the end.
	versions int
	// keeps tells that the versions from before are still there in the end.
	keeps bool
}

const (
	alice = "user:alice@example.com"
	bob   = "user:bob@example.com"
)

func secretNamed(version string, accessors ...string) func(*secretBench) *declared {
	return func(b *secretBench) *declared {
		return &declared{
			value: b.value(version), version: version, labels: map[string]string{"value": version}, accessors: accessors,
		}
	}
}

func keyTriggered(trigger string, accessors ...string) func(*secretBench) *declared {
	return func(*secretBench) *declared {
		return &declared{
			key:       &deploy.SessionKeySettings{Bytes: 32, Encoding: "hex", Separator: ",", Keep: 1, RotationTrigger: trigger},
			labels:    map[string]string{"trigger": trigger},
			accessors: accessors,
		}
	}
}

func nothing(*secretBench) *declared { return nil }

func sweeps() []sweep {
	return []sweep{
		{name: "create a secret", before: nothing, target: secretNamed("1", alice), versions: 1},
		{name: "update a secret", before: secretNamed("1", alice), target: secretNamed("2", bob), versions: 2, keeps: true},
		{name: "relabel a secret", before: secretNamed("1", alice), target: relabelled, versions: 1, keeps: true},
		{name: "delete a secret", before: secretNamed("1", alice), target: nothing},
		{name: "create a session key", before: nothing, target: keyTriggered("1", alice), versions: 1},
		{name: "rotate a session key", before: keyTriggered("1", alice), target: keyTriggered("2", bob), versions: 2, keeps: true},
		{
			name: "update and retire", earlier: kept(2, secretNamed("0"), secretNamed("1")), before: kept(2, secretNamed("2", alice))[0],
			target: kept(2, secretNamed("3", bob))[0], versions: 2, retired: 2, keeps: true,
		},
		{
			name: "keep fewer", earlier: kept(9, keyTriggered("0"), keyTriggered("1")), before: kept(9, keyTriggered("2"))[0],
			target: kept(2, keyTriggered("2"))[0], versions: 2, retired: 1, keeps: true,
		},
		{name: "delete a session key", before: keyTriggered("1", alice), target: nothing},
	}
}

// kept are the same with a number of versions that stay.
func kept(n int, all ...func(*secretBench) *declared) []func(*secretBench) *declared {
	var limited []func(*secretBench) *declared
	for _, of := range all {
		limited = append(limited, func(b *secretBench) *declared {
			d := of(b)
			d.keep = n
			return d
		})
	}
	return limited
}

// relabelled is the secret of the sweep with the same value version and no value at hand.
func relabelled(*secretBench) *declared {
	return &declared{version: "1", labels: map[string]string{"team": "shop"}, accessors: []string{alice}}
}

// TestSecrets_everyFault meets every call of every operation with every trouble, once, and demands of the next run that
// it converges: one effective version per value, a key never changed after it was stored, nothing pending, no leak.
func TestSecrets_everyFault(t *testing.T) {
	var cases atomic.Int64
	t.Run("sweep", func(t *testing.T) {
		for _, s := range sweeps() {
			calls := s.calls(t)
			if len(calls) == 0 {
				t.Fatalf("%s makes no calls", s.name)
			}
			for _, call := range calls {
				for name, trouble := range troubles {
					trouble.Method, trouble.Occurrence = call.method, call.occurrence
					cases.Add(1)
					t.Run(fmt.Sprintf("%s/%s %d %s", s.name, call.method, call.occurrence, name), func(t *testing.T) {
						t.Parallel()
						s.run(t, trouble)
					})
				}
			}
		}
	})
	t.Logf("%d cases", cases.Load())
}

type benchCall struct {
	method     string
	occurrence int
}

// calls are those of the operation when nothing goes wrong.
func (s sweep) calls(t *testing.T) []benchCall {
	b := newSecretBench(t)
	s.prepare(b)
	from := len(b.fake.Journal())
	if err := s.attempt(b); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	var calls []benchCall
	for _, call := range b.fake.Journal()[from:] {
		method := call.Method[strings.LastIndex(call.Method, "/"):]
		counts[method]++
		calls = append(calls, benchCall{method, counts[method]})
	}
	return calls
}

func (s sweep) prepare(b *secretBench) {
	b.Helper()
	for i, earlier := range s.earlier {
		b.mustApply(*earlier(b))
		if i == 0 {
			b.delayDestruction()
		}
	}
	if d := s.before(b); d != nil {
		b.mustApply(*d)
	}
}

// attempt is one run; the refresh before it is not part of it.
func (s sweep) attempt(b *secretBench) error {
	d := s.target(b)
	if d == nil {
		err := b.note(b.cloud.DeleteSecret(b.Context(), b.id))
		if err == nil {
			b.state, b.tainted = nil, false
		}
		return err
	}
	return b.apply(*d)
}

func (s sweep) run(t *testing.T, trouble fakegcp.Fault) {
	b := newSecretBench(t)
	s.prepare(b)
	old := b.enabled()
	if err := b.fake.Inject(trouble); err != nil {
		t.Fatal(err)
	}
	first := s.attempt(b)
	b.fake.ClearFaults()
	durable := b.enabled()
	b.checkSecrecy()
	if b.state == nil && first == nil && s.target(b) != nil {
		t.Fatal("the run reported success without a state")
	}

	d := s.target(b)
	if d == nil {
		s.checkGone(b)
		return
	}
	b.mustApply(*d)
	b.checkSettled(*d)
	s.checkVersions(b, old, durable)
	b.checkSecrecy()

	mutations := countMutations(b.fake.Journal())
	b.mustApply(*d)
	if now := countMutations(b.fake.Journal()); now != mutations {
		t.Errorf("a run with nothing to do wrote %d times", now-mutations)
	}
}

func (s sweep) checkGone(b *secretBench) {
	b.Helper()
	if err := s.attempt(b); err != nil {
		b.Fatalf("the second delete: %v", err)
	}
	left, err := b.fake.Remaining()
	if err != nil || len(left) > 0 {
		b.Errorf("left: %v, error %v", left, err)
	}
}

// checkVersions demands one version per value, and that what was stored once is still there.
func (s sweep) checkVersions(b *secretBench, old, durable []string) {
	b.Helper()
	now := b.enabled()
	if len(now) != s.versions {
		b.Errorf("%d enabled versions, want %d", len(now), s.versions)
	}
	if distinct := slices.Compact(slices.Sorted(slices.Values(now))); len(distinct) != len(now) {
		b.Errorf("a value was stored twice")
	}
	gone := map[string]bool{}
	for _, earlier := range slices.Concat(old, durable) {
		if !slices.Contains(now, earlier) {
			gone[earlier] = true
		}
	}
	if len(gone) > s.retired {
		b.Errorf("%d versions that were stored before are gone, want %d", len(gone), s.retired)
	}
	b.checkAliases()
	if len(now) > 0 && hash(b.payload(b.state.Version)) != now[len(now)-1] {
		b.Errorf("version %s is effective, which is not the newest", b.state.Version)
	}
}

func countMutations(journal []fakegcp.Call) (n int) {
	for _, call := range journal {
		if call.Mutating {
			n++
		}
	}
	return n
}

// TestSecrets_permanentFaults makes every mutating call of a create fail for good: the run ends, says why, and leaves
// nothing that the next run could not go on from.
func TestSecrets_permanentFaults(t *testing.T) {
	for _, method := range []string{"CreateSecret", "SetIamPolicy", "AddSecretVersion", "UpdateSecret"} {
		for _, code := range []codes.Code{codes.Unavailable, codes.PermissionDenied, codes.Internal} {
			t.Run(method+" "+code.String(), func(t *testing.T) {
				t.Parallel()
				b := newSecretBench(t)
				d := *secretNamed("1", alice)(b)
				if err := b.fake.Inject(fakegcp.Fault{Method: "/" + method, Code: code}); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				err := b.apply(d)
				if time.Since(began) > 30*time.Second {
					t.Errorf("took %s", time.Since(began))
				}
				if err == nil && (b.state == nil || b.state.Status != deploy.SecretCreating) {
					t.Errorf("success with state %+v", b.state)
				}
				if method == "AddSecretVersion" && (err == nil || !b.tainted) {
					t.Error("a secret without a version was kept")
				}
				b.fake.ClearFaults()
				b.mustApply(d)
				b.checkSettled(d)
				if got := len(b.enabled()); got != 1 {
					t.Errorf("%d versions", got)
				}
				b.checkSecrecy()
				if gcp.Message(err) != "" && !strings.Contains(err.Error(), benchID.Name) {
					t.Errorf("the error does not name the secret: %v", err)
				}
			})
		}
	}
}
