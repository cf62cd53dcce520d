package deploy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// identitySpec is a runtime account of Cloud Run with grants on every kind of target.
func identitySpec(grants ...deploy.IdentityGrant) deploy.IdentitySpec {
	return deploy.IdentitySpec{
		Name: "shop-runtime", Project: "acme-dev", Mode: deploy.IdentityServiceAccount, AccountID: "shop-runtime",
		Grants: append([]deploy.IdentityGrant{
			{Role: "roles/logging.logWriter", Project: "acme-dev"},
			{Role: "roles/logging.logWriter", Project: "acme-dev", Condition: deploy.IdentityCondition{Title: "mine", Expression: "true"}},
			{Role: "roles/iam.serviceAccountTokenCreator", ServiceAccount: identityTarget},
		}, grants...),
	}
}

var onTheSecret = deploy.IdentityGrant{Role: "roles/secretmanager.secretAccessor", Secret: identitySecret}

// changedIdentity has grants taken out of two policies and another put into a third.
func changedIdentity() deploy.IdentitySpec {
	spec := identitySpec(onTheSecret)
	spec.Grants = slices.DeleteFunc(spec.Grants, func(g deploy.IdentityGrant) bool {
		return g.Condition.Title == "mine" || g.ServiceAccount != ""
	})
	return spec
}

// identitySweep is one operation whose every call meets every trouble.
type identitySweep struct {
	name string
	// before is done without trouble.
	before func(*identityBench)
	// target is what the run wants; nil deletes.
	target func() deploy.IdentitySpec
	// comesBack says that the account is the one from before.
	comesBack bool
	// after looks at what is left in the end.
	after func(*identityBench)
}

func identitySweeps() []identitySweep {
	initial := func() deploy.IdentitySpec { return identitySpec() }
	there := func(b *identityBench) { b.mustMake(initial()) }
	return []identitySweep{
		{name: "create", before: func(*identityBench) {}, target: initial},
		{name: "update", before: there, target: changedIdentity, comesBack: true},
		{name: "delete", before: there},
		{name: "delete of one that is impersonated", before: impersonatedIdentity, after: noImpersonationLeft},
		{name: "bring back after a destroy", before: destroyedIdentity, target: initial, comesBack: true},
		{name: "bring back what was deleted outside", before: lostIdentity, target: initial, comesBack: true},
	}
}

// destroyedIdentity is an identity that a run before destroyed; somebody else's grant shows its number.
func destroyedIdentity(b *identityBench) {
	b.Helper()
	b.mustMake(identitySpec())
	b.policy("projects/acme-dev", func(p *iampb.Policy) {
		p.Bindings = append(p.Bindings, &iampb.Binding{Role: identityByHand, Members: []string{"serviceAccount:" + identityEmail}})
	})
	if err := b.destroy(); err != nil {
		b.Fatal(err)
	}
	b.cloud = b.reach(b.fake.Addr())
}

// impersonatedIdentity is one of a cluster that is gone. Its account's policy has a grant of somebody else, too.
func impersonatedIdentity(b *identityBench) {
	b.Helper()
	b.mustMake(identitySpec())
	b.spec.Cluster = &names.ClusterID{Project: "acme-dev", Location: "europe-west1", Name: "gone"}
	b.spec.Namespace = "web"
	b.policy(identityName, func(p *iampb.Policy) {
		p.Bindings = append(p.Bindings, &iampb.Binding{
			Role: "roles/iam.workloadIdentityUser", Members: []string{identityImpersonator, alice},
		})
	})
}

// identityImpersonator is the Kubernetes service account of impersonatedIdentity.
const identityImpersonator = "serviceAccount:acme-dev.svc.id.goog[web/shop-runtime]"

// noImpersonationLeft brings the account back as a person does: what others granted on it is there, and no Kubernetes
// service account may be it again.
func noImpersonationLeft(b *identityBench) {
	b.Helper()
	client := b.reach(b.fake.Addr()).GCP
	if _, err := client.ServiceAccounts().Undelete(b.Context(), "projects/acme-dev/serviceAccounts/"+b.number); err != nil {
		b.Fatal(err)
	}
	ref := gcp.PolicyRef{Kind: gcp.ServiceAccountPolicy, Name: identityName}
	members, err := client.Policies().Members(b.Context(), ref, "roles/iam.workloadIdentityUser")
	if err != nil || !slices.Equal(members, []string{alice}) {
		b.Errorf("of an account that was brought back, %v are users, error %v", members, err)
	}
}

// lostIdentity is one whose account somebody deleted.
func lostIdentity(b *identityBench) {
	b.Helper()
	b.mustMake(identitySpec())
	if err := b.cloud.GCP.ServiceAccounts().Delete(b.Context(), identityName); err != nil {
		b.Fatal(err)
	}
}

func (s identitySweep) attempt(b *identityBench) error {
	b.Helper()
	if s.target == nil {
		return b.destroy()
	}
	return b.apply(s.target())
}

// calls are those that the operation makes when nothing goes wrong: the mutating ones, all of a delete.
func (s identitySweep) calls(t *testing.T) []benchCall {
	t.Helper()
	b := newIdentityBench(t)
	s.before(b)
	from := len(b.fake.Journal())
	if err := s.attempt(b); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	var calls []benchCall
	for _, call := range b.fake.Journal()[from:] {
		method := call.Method[strings.LastIndex(call.Method, "/"):]
		counts[method]++
		if call.Mutating || s.target == nil {
			calls = append(calls, benchCall{method, counts[method]})
		}
	}
	return calls
}

// TestIdentities_everyFault meets every mutating call of every operation with every trouble, once, and demands of the next
// run that it converges, that nobody else's grant is lost, and of a destroy that it leaves nothing.
func TestIdentities_everyFault(t *testing.T) {
	for _, s := range identitySweeps() {
		for _, call := range s.calls(t) {
			for name, trouble := range troubles {
				trouble.Method, trouble.Occurrence = call.method, call.occurrence
				t.Run(fmt.Sprintf("%s%s %d %s", s.name, call.method, call.occurrence, name), func(t *testing.T) {
					t.Parallel()
					b := newIdentityBench(t)
					s.before(b)
					if err := b.fake.Inject(trouble); err != nil {
						t.Fatal(err)
					}
					_ = s.attempt(b)
					b.fake.ClearFaults()
					s.converge(b)
				})
			}
		}
	}
}

// TestIdentities_crashAtEveryCall ends the process at every mutating call, before and after its effect: nothing that comes
// after it is sent, and the state is lost with it.
func TestIdentities_crashAtEveryCall(t *testing.T) {
	for _, s := range identitySweeps() {
		for _, call := range s.calls(t) {
			for _, when := range []fakegcp.When{fakegcp.Before, fakegcp.After} {
				t.Run(fmt.Sprintf("%s%s %d %s", s.name, call.method, call.occurrence, when), func(t *testing.T) {
					t.Parallel()
					b := newIdentityBench(t)
					s.before(b)
					s.crash(b, fakegcp.Fault{Method: call.method, Occurrence: call.occurrence, When: when, Kind: fakegcp.FaultHang})
					if s.target != nil && b.state == nil && b.finished() {
						// The write that ended the create was its last, and its answer was lost with the state.
						if err := b.apply(s.target()); err == nil || !strings.Contains(err.Error(), "import {") {
							t.Errorf("a finished account was not refused: %v", err)
						}
						return
					}
					s.converge(b)
				})
			}
		}
	}
}

// crash runs the operation until the call hangs, and then takes the run's connections away for good.
func (s identitySweep) crash(b *identityBench, at fakegcp.Fault) {
	b.Helper()
	state, spec := b.state, b.spec
	b.patience = time.Minute
	line := newCuttable(b, b.fake.Addr())
	b.cloud = b.reach(line.addr)
	if err := b.fake.Inject(at); err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.attempt(b) }()
	for !b.struck() {
		select {
		case err := <-ended:
			b.Fatalf("the run ended before it was struck: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	line.cut()
	b.fake.ClearFaults()
	if err := <-ended; err == nil {
		b.Fatal("the run did not notice that it was cut off")
	}
	b.patience = benchPatience
	b.state, b.spec, b.cloud, b.tainted = state, spec, b.reach(b.fake.Addr()), false
}

func (b *identityBench) struck() bool {
	return slices.ContainsFunc(b.fake.Journal(), func(c fakegcp.Call) bool { return c.Fault != "" })
}

// finished tells whether there is an account that is not marked as being created.
func (b *identityBench) finished() bool {
	live := b.account()
	return live != nil && !strings.Contains(live.GetDescription(), "creating=")
}

// converge is the next run, a look at the result, a run with nothing to do, and a destroy.
func (s identitySweep) converge(b *identityBench) {
	b.Helper()
	if s.target != nil {
		b.mustApply(s.target())
		b.refresh()
		if b.state.Status != deploy.IdentityReady || len(b.state.Drift) > 0 {
			b.Errorf("status %s, drift %q", b.state.Status, b.state.Drift)
		}
		b.checkPolicies(s.target().Grants)
		if live := b.account(); s.comesBack && live.GetUniqueId() != b.number {
			b.Errorf("the account is a new one")
		}
		from := countMutations(b.fake.Journal())
		b.mustApply(s.target())
		if now := countMutations(b.fake.Journal()); now != from {
			b.Errorf("a run with nothing to do wrote %d times", now-from)
		}
	}
	if err := b.destroy(); err != nil {
		b.Fatal(err)
	}
	b.checkPolicies(nil)
	if b.account() != nil {
		b.Error("the account is left")
	}
	if s.after != nil {
		s.after(b)
	}
}
