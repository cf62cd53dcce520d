package deploy_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/type/expr"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

const (
	identityEmail  = "shop-runtime@acme-dev.iam.gserviceaccount.com"
	identityName   = "projects/acme-dev/serviceAccounts/" + identityEmail
	identityTarget = "projects/acme-dev/serviceAccounts/target@acme-dev.iam.gserviceaccount.com"
	identitySecret = "projects/acme-dev/secrets/payments"
	// identityByHand is a role that somebody else granted to the identity.
	identityByHand = "roles/cloudtrace.agent"
)

// identityBench is a fake IAM, a Cloud whose every wait is over at once, and what Terraform would know.
type identityBench struct {
	testing.TB
	fake     *fakegcp.Server
	cloud    *deploy.Cloud
	clock    *clock.Instant
	patience time.Duration // of one call of the clients made from now on

	state   *deploy.IdentityState
	spec    deploy.IdentitySpec // what the state says
	tainted bool
	number  string // of the account as it was first made
}

func newIdentityBench(t testing.TB) *identityBench {
	t.Helper()
	clk := clock.NewInstant(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
	fake, err := fakegcp.Start(fakegcp.Options{Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fake.Close(context.Background()) })
	b := &identityBench{TB: t, fake: fake, clock: clk, patience: benchPatience}
	b.cloud = b.reach(fake.Addr())
	b.prepare()
	return b
}

func (b *identityBench) reach(addr string) *deploy.Cloud {
	client := gcp.New(gcp.Options{EmulatorHost: addr, Clock: b.clock, PollInterval: time.Second, RequestTimeout: b.patience})
	b.Cleanup(func() { _ = client.Close() })
	return &deploy.Cloud{GCP: client, Clock: b.clock, Stamp: names.Stamp{Stack: "stack"}, AdoptInterrupted: true}
}

// prepare makes the targets of the grants, and puts others' grants into every policy.
func (b *identityBench) prepare() {
	b.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: b.fake.Addr()})
	defer func() { _ = client.Close() }()
	_, err := client.Secrets().Create(b.Context(), "projects/acme-dev/secrets/payments", &secretmanagerpb.Secret{
		Replication: &secretmanagerpb.Replication{
			Replication: &secretmanagerpb.Replication_Automatic_{Automatic: &secretmanagerpb.Replication_Automatic{}},
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := client.ServiceAccounts().Create(b.Context(), "acme-dev", "target", &adminpb.ServiceAccount{}); err != nil {
		b.Fatal(err)
	}
	for _, name := range identityPolicies {
		b.policy(name, func(p *iampb.Policy) { p.Version, p.Bindings = 3, othersBindings() })
	}
}

var identityPolicies = []string{"projects/acme-dev", identitySecret, identityTarget}

func othersBindings() []*iampb.Binding {
	return []*iampb.Binding{
		{Role: "roles/viewer", Members: []string{
			"deleted:serviceAccount:old@acme-dev.iam.gserviceaccount.com?uid=100000000000000000001", alice,
		}},
		{Role: "roles/logging.logWriter", Members: []string{bob}},
		{Role: "roles/logging.logWriter", Members: []string{bob}, Condition: &expr.Expr{Title: "theirs", Expression: "true"}},
	}
}

func (b *identityBench) policy(name string, change func(*iampb.Policy)) {
	b.Helper()
	if err := b.fake.UpdatePolicy(name, change); err != nil {
		b.Fatal(err)
	}
}

// checkPolicies demands that what others granted is as it was, and that of this identity exactly the declared grants
// are there.
func (b *identityBench) checkPolicies(want []deploy.IdentityGrant) {
	b.Helper()
	for _, name := range identityPolicies {
		var got, mine []*iampb.Binding
		b.policy(name, func(p *iampb.Policy) { got = proto.CloneOf(p).GetBindings() })
		for _, binding := range got {
			var others []string
			for _, m := range binding.GetMembers() {
				if strings.Contains(m, identityEmail) && binding.GetRole() != identityByHand {
					mine = append(mine, &iampb.Binding{Role: binding.GetRole(), Members: []string{m}, Condition: binding.GetCondition()})
				} else if binding.GetRole() != identityByHand {
					others = append(others, m)
				}
			}
			binding.Members = others
		}
		got = slices.DeleteFunc(got, func(b *iampb.Binding) bool { return len(b.GetMembers()) == 0 })
		if diff := cmp.Diff(othersBindings(), got, protocmp.Transform()); diff != "" {
			b.Errorf("%s, what others granted (-want, +got):\n%s", name, diff)
		}
		var declared []*iampb.Binding
		for _, g := range want {
			if target := targetOf(g); target == name {
				declared = append(declared, bindingOf(g))
			}
		}
		sorted := protocmp.SortRepeated(func(x, y *iampb.Binding) bool { return x.String() < y.String() })
		if diff := cmp.Diff(declared, mine, protocmp.Transform(), sorted); diff != "" {
			b.Errorf("%s, the identity's grants (-want, +got):\n%s", name, diff)
		}
	}
}

func targetOf(g deploy.IdentityGrant) string {
	switch {
	case g.Secret != "":
		return g.Secret
	case g.ServiceAccount != "":
		return g.ServiceAccount
	default:
		return "projects/" + g.Project
	}
}

func bindingOf(g deploy.IdentityGrant) *iampb.Binding {
	b := &iampb.Binding{Role: g.Role, Members: []string{"serviceAccount:" + identityEmail}}
	if c := g.Condition; c != (deploy.IdentityCondition{}) {
		b.Condition = &expr.Expr{Title: c.Title, Description: c.Description, Expression: c.Expression}
	}
	return b
}

// apply is one run of Terraform: refresh, replacement of what is tainted, create or update.
func (b *identityBench) apply(spec deploy.IdentitySpec) error {
	b.Helper()
	ctx := b.Context()
	b.refresh()
	if b.tainted {
		if _, err := b.cloud.DeleteIdentity(ctx, b.known(b.spec)); err != nil {
			return err
		}
		b.state, b.tainted = nil, false
	}
	if b.state == nil {
		live, _, err := b.cloud.CreateIdentity(ctx, spec, time.Hour)
		if live != nil {
			b.state, b.spec, b.tainted = live, spec, err != nil
		}
		return err
	}
	if b.state.Status == deploy.IdentityReady && sameGrants(b.state.Grants, spec.Grants) {
		return nil // there is nothing to do in the plan
	}
	live, _, err := b.cloud.UpdateIdentity(ctx, b.known(spec), b.spec.Grants)
	if err != nil {
		// As the resource does: what is live of both declarations.
		for _, g := range spec.Grants {
			if !slices.Contains(b.spec.Grants, g) {
				b.spec.Grants = append(slices.Clone(b.spec.Grants), g)
			}
		}
		return err
	}
	b.state, b.spec = live, spec
	return nil
}

func (b *identityBench) mustMake(spec deploy.IdentitySpec) {
	b.Helper()
	b.mustApply(spec)
	b.number = b.account().GetUniqueId()
}

func sameGrants(a, b []deploy.IdentityGrant) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(g deploy.IdentityGrant) bool { return !slices.Contains(b, g) })
}

func (b *identityBench) mustApply(spec deploy.IdentitySpec) {
	b.Helper()
	if err := b.apply(spec); err != nil {
		b.Fatal(err)
	}
}

// known is a declaration with the number of the account that the state knows.
func (b *identityBench) known(spec deploy.IdentitySpec) deploy.IdentitySpec {
	if b.state != nil {
		spec.UniqueID = b.state.UniqueID
	}
	return spec
}

// refresh reads through a line of its own, which is not cut.
func (b *identityBench) refresh() {
	b.Helper()
	if b.state == nil {
		return
	}
	live, _, err := b.reach(b.fake.Addr()).ReadIdentity(b.Context(), b.known(b.spec))
	if err != nil {
		b.Fatal(err)
	}
	b.state = live
}

func (b *identityBench) destroy() error {
	b.Helper()
	if b.state == nil {
		return nil
	}
	_, err := b.cloud.DeleteIdentity(b.Context(), b.known(b.spec))
	if err == nil {
		b.state, b.tainted = nil, false
	}
	return err
}

// account is the live account, nil when there is none.
func (b *identityBench) account() *adminpb.ServiceAccount {
	b.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: b.fake.Addr()})
	defer func() { _ = client.Close() }()
	live, err := client.ServiceAccounts().Get(b.Context(), identityName)
	if gcp.IsNotFound(err) {
		return nil
	}
	if err != nil {
		b.Fatal(err)
	}
	return live
}
