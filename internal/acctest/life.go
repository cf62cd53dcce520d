package acctest

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// Life is one resource through its life, driven as Terraform drives it over the protocol's own messages. Everything that
// a step gives (plan, state, private state, diagnostics) is scanned for the canaries.
type Life struct {
	testing.TB
	Env      *Env
	Canaries *Canaries
	// State is what Terraform would keep; nil when there is nothing.
	State *State
	// Replaced counts the tainted objects that a later apply has destroyed.
	Replaced int

	noun     string
	settings Attributes // of the provider block
	provider *InProcess
	view     *Env            // of the provider
	ctx      context.Context // of its calls
}

// NewLife begins without the resource.
func (e *Env) NewLife(t testing.TB, noun string, canaries *Canaries) *Life {
	t.Helper()
	return e.NewLifeWith(t, noun, canaries, nil)
}

// NewLifeWith is NewLife under a provider block with more settings.
func (e *Env) NewLifeWith(t testing.TB, noun string, canaries *Canaries, settings Attributes) *Life {
	t.Helper()
	return &Life{
		TB: t, Env: e, Canaries: canaries, noun: noun, settings: settings,
		provider: e.inProcessFor(t, noun, settings), view: e, ctx: t.Context(),
	}
}

// Within runs the steps of do with another provider process, whose calls end with ctx.
func (l *Life) Within(ctx context.Context, do func(), options ...Option) {
	l.Helper()
	usual := *l
	l.view, l.ctx = l.Env.As(l, options...), ctx
	l.provider = l.view.inProcessFor(l, l.noun, l.settings).Within(ctx)
	defer func() { l.provider, l.view, l.ctx = usual.provider, usual.view, usual.ctx }()
	do()
}

// Refresh reads the state anew, as the next run begins. It gives the diagnostics as text.
func (l *Life) Refresh() string {
	l.Helper()
	if l.State == nil {
		return ""
	}
	state, diagnostics := l.provider.Read(l, l.State)
	l.State = state
	return l.said(diagnostics)
}

// Apply replaces what is tainted, plans and applies.
func (l *Life) Apply(config Attributes) string {
	l.Helper()
	if l.State != nil && l.State.Tainted {
		if said := l.Destroy(); l.State != nil {
			return said
		}
		l.Replaced++
	}
	plan, diagnostics := l.provider.Plan(l, l.State, config)
	if plan == nil {
		return l.said(diagnostics)
	}
	l.Canaries.CheckText(l, "plan", plan.Planned.String())
	l.Canaries.CheckText(l, "plan on the wire", string(dynamic(l, plan.Planned).MsgPack)+string(plan.private))
	state, after := l.provider.Apply(l, plan)
	l.State = state
	return l.said(append(diagnostics, after...))
}

// Destroy deletes what the state holds.
func (l *Life) Destroy() string {
	l.Helper()
	if l.State == nil {
		return ""
	}
	state, diagnostics := l.provider.Destroy(l, l.State)
	l.State = state
	return l.said(diagnostics)
}

// Import takes the state from what is there. A failed import leaves the state as it was.
func (l *Life) Import(id string) string {
	l.Helper()
	state, diagnostics := l.provider.Import(l, id, nil)
	if state != nil {
		l.State = state
	}
	return l.said(diagnostics)
}

// Open opens an ephemeral resource. Its result may hold values and is not scanned; what is kept in between and what is
// said is.
func (l *Life) Open(noun string, config Attributes) (*Opened, string) {
	l.Helper()
	opened, diagnostics := l.view.openWithin(l.ctx, l, noun, nil, config)
	if opened != nil {
		l.Canaries.CheckText(l, "private data of "+noun, string(opened.Private))
	}
	return opened, l.said(diagnostics)
}

// CheckEmptyPlan demands that there is nothing to do, without looking at what is live.
func (l *Life) CheckEmptyPlan(when string, config Attributes) {
	l.Helper()
	plan, diagnostics := l.provider.Plan(l, l.State, config)
	switch {
	case plan == nil:
		l.Errorf("%s nothing can be planned: %s", when, l.said(diagnostics))
	case l.State == nil:
		l.Errorf("%s the resource is to be created", when)
	case !plan.Empty():
		l.Errorf("%s the plan is not empty: %v", when, Differences(l, l.State, plan))
	}
}

// NextPlan plans without a refresh; nil when nothing can be planned.
func (l *Life) NextPlan(config Attributes) *Plan {
	l.Helper()
	plan, diagnostics := l.provider.Plan(l, l.State, config)
	if plan == nil {
		l.Errorf("nothing can be planned: %s", l.said(diagnostics))
	}
	return plan
}

// Must fails the test when a step gave an error.
func (l *Life) Must(said string) {
	l.Helper()
	if Failed(said) {
		l.Fatalf("a step without trouble failed:\n%s", said)
	}
}

// Failed tells whether the text of diagnostics holds an error.
func Failed(said string) bool {
	return strings.HasPrefix(said, errorSeverity) || strings.Contains(said, "\n"+errorSeverity)
}

var errorSeverity = tfprotov6.DiagnosticSeverityError.String() + ": "

func (l *Life) said(diagnostics []*tfprotov6.Diagnostic) string {
	l.Helper()
	l.Canaries.CheckState(l, l.State, diagnostics)
	return DiagnosticsText(diagnostics)
}
