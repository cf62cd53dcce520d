package acctest

import (
	"context"
	"maps"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// InProcess is the provider spoken to over the protocol's own messages, without a command in between: for many small
// cases. It applies the rules by which Terraform judges a provider's answers.
type InProcess struct {
	server tfprotov6.ProviderServer
	schema *tfprotov6.Schema
	object tftypes.Object
	noun   string
	ctx    context.Context // of the calls; nil for the test's
}

// Attributes are a resource's configuration: strings, int64, bools, nil for null, []string for sets, map[string]string
// for maps, and tftypes.Value for anything else. Attributes that are left out are null.
type Attributes map[string]any

// State is what Terraform would keep of one resource.
type State struct {
	Value   tftypes.Value
	Private []byte
	// Tainted is set by a create that failed and left something.
	Tainted bool
}

// InProcess starts the provider for one resource type and configures it as Config does.
func (e *Env) InProcess(t testing.TB, noun string) *InProcess {
	t.Helper()
	return e.inProcessFor(t, noun, nil)
}

func (e *Env) inProcessFor(t testing.TB, noun string, settings Attributes) *InProcess {
	t.Helper()
	server, schemas := e.inProcess(t, settings)
	schema, ok := schemas.ResourceSchemas[noun]
	if !ok {
		t.Fatalf("the provider has no %s", noun)
	}
	return &InProcess{server: server, schema: schema, noun: noun, object: objectType(t, schema)}
}

// Within is the same provider whose calls end with ctx, as an operation's timeout or an interrupt ends them.
func (p *InProcess) Within(ctx context.Context) *InProcess {
	other := *p
	other.ctx = ctx
	return &other
}

func (p *InProcess) context(t testing.TB) context.Context {
	if p.ctx != nil {
		return p.ctx
	}
	return t.Context()
}

// inProcess starts the provider and configures it as Config does, with more settings.
func (e *Env) inProcess(t testing.TB, more Attributes) (tfprotov6.ProviderServer, *tfprotov6.GetProviderSchemaResponse) {
	t.Helper()
	server, err := e.Factories()[localName]()
	if err != nil {
		t.Fatal(err)
	}
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	settings := Attributes{"project": Project, "region": Region}
	if e.stack != "" {
		settings["stack"] = e.stack
	}
	maps.Copy(settings, more)
	configured, err := server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{
		TerraformVersion: "1.12.0",
		Config:           dynamic(t, objectOf(t, objectType(t, schemas.Provider), settings)),
	})
	if err != nil || len(configured.Diagnostics) > 0 {
		t.Fatalf("configure: %v %s", err, DiagnosticsText(configured.Diagnostics))
	}
	return server, schemas
}

// Validate gives the diagnostics of a configuration.
func (p *InProcess) Validate(t testing.TB, config Attributes) []*tfprotov6.Diagnostic {
	t.Helper()
	resp, err := p.server.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{
		TypeName: p.noun, Config: dynamic(t, objectOf(t, p.object, config)),
		ClientCapabilities: &tfprotov6.ValidateResourceConfigClientCapabilities{WriteOnlyAttributesAllowed: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Diagnostics
}

// Read refreshes a state; nil means that the resource is gone.
func (p *InProcess) Read(t testing.TB, state *State) (*State, []*tfprotov6.Diagnostic) {
	t.Helper()
	resp, err := p.server.ReadResource(p.context(t), &tfprotov6.ReadResourceRequest{
		TypeName: p.noun, CurrentState: dynamic(t, state.Value), Private: state.Private,
	})
	if err != nil {
		t.Fatal(err)
	}
	if failed(resp.Diagnostics) {
		return state, resp.Diagnostics
	}
	value := p.value(t, resp.NewState)
	if value.IsNull() {
		return nil, resp.Diagnostics
	}
	return &State{Value: value, Private: resp.Private, Tainted: state.Tainted}, resp.Diagnostics
}

// Import imports by id, or by identity where id is empty, and refreshes, as Terraform does.
func (p *InProcess) Import(t testing.TB, id string, identity map[string]string) (*State, []*tfprotov6.Diagnostic) {
	t.Helper()
	req := &tfprotov6.ImportResourceStateRequest{TypeName: p.noun, ID: id}
	if id == "" {
		types, values := map[string]tftypes.Type{}, map[string]tftypes.Value{}
		for _, name := range p.identityAttributes(t) { // Terraform fills in null for what an import block leaves out
			types[name], values[name] = tftypes.String, tftypes.NewValue(tftypes.String, nil)
		}
		for name, value := range identity {
			types[name], values[name] = tftypes.String, tftypes.NewValue(tftypes.String, value)
		}
		object := tftypes.NewValue(tftypes.Object{AttributeTypes: types}, values)
		req.Identity = &tfprotov6.ResourceIdentityData{IdentityData: dynamic(t, object)}
	}
	resp, err := p.server.ImportResourceState(p.context(t), req)
	if err != nil {
		t.Fatal(err)
	}
	if failed(resp.Diagnostics) {
		return nil, resp.Diagnostics
	}
	imported := resp.ImportedResources[0]
	state, diagnostics := p.Read(t, &State{Value: p.value(t, imported.State), Private: imported.Private})
	if failed(diagnostics) {
		return nil, diagnostics
	}
	return state, diagnostics
}

func (p *InProcess) identityAttributes(t testing.TB) []string {
	t.Helper()
	resp, err := p.server.GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var attributes []string
	for _, attribute := range resp.IdentitySchemas[p.noun].IdentityAttributes {
		attributes = append(attributes, attribute.Name)
	}
	return attributes
}

// Plan is a planned change.
type Plan struct {
	prior   *State
	config  Attributes
	private []byte
	// Planned is the planned state.
	Planned tftypes.Value
	// Replaces tells that an attribute demands another object.
	Replaces bool
}

// Empty tells whether the plan changes nothing.
func (pl *Plan) Empty() bool { return pl.prior != nil && pl.prior.Value.Equal(pl.Planned) }

// Plan plans without a refresh.
func (p *InProcess) Plan(t testing.TB, prior *State, config Attributes) (*Plan, []*tfprotov6.Diagnostic) {
	t.Helper()
	before := tftypes.NewValue(p.object, nil)
	var private []byte
	if prior != nil {
		before, private = prior.Value, prior.Private
	}
	resp, err := p.server.PlanResourceChange(p.context(t), &tfprotov6.PlanResourceChangeRequest{
		TypeName: p.noun, PriorState: dynamic(t, before), PriorPrivate: private,
		Config: dynamic(t, objectOf(t, p.object, config)), ProposedNewState: dynamic(t, p.proposed(t, before, config)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if failed(resp.Diagnostics) {
		return nil, resp.Diagnostics
	}
	plan := &Plan{prior: prior, config: config, private: resp.PlannedPrivate, Replaces: len(resp.RequiresReplace) > 0}
	plan.Planned = p.value(t, resp.PlannedState)
	return plan, resp.Diagnostics
}

// Apply carries a plan out and holds the answer to it: what was known must come about, unless there is an error, and
// write-only values must be null, error or not.
func (p *InProcess) Apply(t testing.TB, plan *Plan) (*State, []*tfprotov6.Diagnostic) {
	t.Helper()
	before := tftypes.NewValue(p.object, nil)
	if plan.prior != nil {
		before = plan.prior.Value
	}
	resp, err := p.server.ApplyResourceChange(p.context(t), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: p.noun, PriorState: dynamic(t, before), PlannedState: dynamic(t, plan.Planned), PlannedPrivate: plan.private,
		Config: dynamic(t, objectOf(t, p.object, plan.config)),
	})
	if err != nil {
		t.Fatal(err)
	}
	value := p.value(t, resp.NewState)
	if value.IsNull() {
		return nil, resp.Diagnostics
	}
	p.checkAnswer(t, plan.Planned, value, failed(resp.Diagnostics))
	return &State{Value: value, Private: resp.Private, Tainted: plan.prior == nil && failed(resp.Diagnostics)}, resp.Diagnostics
}

// Destroy deletes.
func (p *InProcess) Destroy(t testing.TB, state *State) (*State, []*tfprotov6.Diagnostic) {
	t.Helper()
	gone := tftypes.NewValue(p.object, nil)
	resp, err := p.server.ApplyResourceChange(p.context(t), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: p.noun, PriorState: dynamic(t, state.Value), PlannedState: dynamic(t, gone), Config: dynamic(t, gone),
	})
	if err != nil {
		t.Fatal(err)
	}
	if failed(resp.Diagnostics) {
		return state, resp.Diagnostics
	}
	return nil, resp.Diagnostics
}

func (p *InProcess) checkAnswer(t testing.TB, planned, got tftypes.Value, failed bool) {
	t.Helper()
	want, is := attributesOf(t, planned), attributesOf(t, got)
	for _, attribute := range p.schema.Block.Attributes {
		name := attribute.Name
		switch {
		case attribute.WriteOnly && !is[name].IsNull():
			t.Errorf("the state holds the write-only attribute %s", name)
		case !is[name].IsFullyKnown():
			t.Errorf("%s is unknown after the apply", name)
		case !failed && want[name].IsFullyKnown() && !want[name].Equal(is[name]):
			t.Errorf("provider produced inconsistent result after apply: %s was planned as %s and is %s", name, want[name], is[name])
		}
	}
}

// proposed is the configuration with what was computed before filled in, as Terraform proposes it.
func (p *InProcess) proposed(t testing.TB, prior tftypes.Value, config Attributes) tftypes.Value {
	t.Helper()
	return proposedObject(t, p.schema.Block.Attributes, prior, objectOf(t, p.object, config))
}

func proposedObject(t testing.TB, attributes []*tfprotov6.SchemaAttribute, prior, config tftypes.Value) tftypes.Value {
	t.Helper()
	if config.IsNull() || !config.IsKnown() {
		return config
	}
	merged, before := attributesOf(t, config), map[string]tftypes.Value{}
	if !prior.IsNull() && prior.IsKnown() {
		before = attributesOf(t, prior)
	}
	for _, attribute := range attributes {
		value, old := merged[attribute.Name], before[attribute.Name]
		switch {
		case attribute.WriteOnly:
			merged[attribute.Name] = tftypes.NewValue(attribute.Type, nil)
		case attribute.Computed && value.IsNull() && old.Type() != nil:
			merged[attribute.Name] = old
		case attribute.NestedType != nil && old.Type() != nil && !old.IsNull():
			merged[attribute.Name] = proposedNested(t, attribute.NestedType, old, value)
		}
	}
	return tftypes.NewValue(config.Type(), merged)
}

func proposedNested(t testing.TB, nested *tfprotov6.SchemaObject, prior, config tftypes.Value) tftypes.Value {
	t.Helper()
	if config.IsNull() || !config.IsKnown() {
		return config
	}
	switch nested.Nesting {
	case tfprotov6.SchemaObjectNestingModeSingle:
		return proposedObject(t, nested.Attributes, prior, config)
	case tfprotov6.SchemaObjectNestingModeMap:
		merged, before := attributesOf(t, config), attributesOf(t, prior)
		for key, element := range merged {
			merged[key] = proposedObject(t, nested.Attributes, before[key], element)
		}
		return tftypes.NewValue(config.Type(), merged)
	default:
		return config // elements of lists and sets are not followed here
	}
}

func (p *InProcess) value(t testing.TB, v *tfprotov6.DynamicValue) tftypes.Value {
	t.Helper()
	if v == nil {
		return tftypes.NewValue(p.object, nil)
	}
	value, err := v.Unmarshal(p.object)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// CheckState scans a state as the command would store it, and the diagnostics that came with it.
func (c *Canaries) CheckState(t testing.TB, state *State, diagnostics []*tfprotov6.Diagnostic) {
	t.Helper()
	c.CheckText(t, "diagnostics", DiagnosticsText(diagnostics))
	if state != nil {
		c.CheckText(t, "state", state.Value.String())
		c.CheckText(t, "state on the wire", string(dynamic(t, state.Value).MsgPack))
		c.CheckText(t, "private state", string(state.Private))
	}
}
