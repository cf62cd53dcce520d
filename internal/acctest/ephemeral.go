package acctest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/echoprovider"
)

// EchoAddress is the resource whose attribute data shows what ConfigWithEcho was given.
const EchoAddress = "echo.seen"

// echoName is the provider of the testing library that writes into its state what it is configured with.
const echoName = "echo"

// EchoFactories serve the provider that ConfigWithEcho uses; they go into a TestCase.
func EchoFactories() map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){echoName: echoprovider.NewProviderServer()}
}

// ConfigWithEcho is Config with another provider that is configured with the expression, as the users of an ephemeral
// resource do, and that shows what it was given.
func (e *Env) ConfigWithEcho(expression string, blocks ...string) string {
	requires := fmt.Sprintf("required_providers {\n    echo = { source = %q }", host+"/"+namespace+"/"+echoName)
	echo := fmt.Sprintf("provider %q {\n  data = %s\n}\n\nresource \"echo\" \"seen\" {}\n", echoName, expression)
	return strings.Replace(e.Config(append(blocks, echo)...), "required_providers {", requires, 1)
}

// Opened is an ephemeral resource that is open.
type Opened struct {
	// Result is what it gave.
	Result map[string]tftypes.Value
	// RenewAt is zero when it is never renewed.
	RenewAt time.Time
	// Private is what Terraform keeps in memory between the calls.
	Private []byte

	server tfprotov6.ProviderServer
	noun   string
}

// Open opens an ephemeral resource over the protocol's own messages, with more provider settings than Config has. It is
// nil with an error.
func (e *Env) Open(t testing.TB, noun string, settings, config Attributes) (*Opened, []*tfprotov6.Diagnostic) {
	t.Helper()
	return e.openWithin(t.Context(), t, noun, settings, config)
}

// openWithin is Open whose calls end with ctx.
func (e *Env) openWithin(ctx context.Context, t testing.TB, noun string, settings, config Attributes) (*Opened, []*tfprotov6.Diagnostic) {
	t.Helper()
	server, schemas := e.inProcess(t, settings)
	schema, ok := schemas.EphemeralResourceSchemas[noun]
	if !ok {
		t.Fatalf("the provider has no ephemeral %s", noun)
	}
	object := objectType(t, schema)
	value := dynamic(t, objectOf(t, object, config))
	valid, err := server.ValidateEphemeralResourceConfig(ctx, &tfprotov6.ValidateEphemeralResourceConfigRequest{
		TypeName: noun, Config: value,
	})
	if err != nil {
		t.Fatal(err)
	}
	if failed(valid.Diagnostics) {
		return nil, valid.Diagnostics
	}
	resp, err := server.OpenEphemeralResource(ctx, &tfprotov6.OpenEphemeralResourceRequest{TypeName: noun, Config: value})
	if err != nil {
		t.Fatal(err)
	}
	if failed(resp.Diagnostics) {
		return nil, resp.Diagnostics
	}
	result, err := resp.Result.Unmarshal(object)
	if err != nil {
		t.Fatal(err)
	}
	opened := &Opened{Result: attributesOf(t, result), RenewAt: resp.RenewAt, Private: resp.Private, server: server, noun: noun}
	return opened, resp.Diagnostics
}

// Get is a string of the result; empty for null.
func (o *Opened) Get(t testing.TB, name string) string {
	t.Helper()
	var text *string
	if err := o.Result[name].As(&text); err != nil {
		t.Fatal(err)
	}
	if text == nil {
		return ""
	}
	return *text
}

// Renew renews it, as Terraform does shortly before RenewAt.
func (o *Opened) Renew(t testing.TB) []*tfprotov6.Diagnostic {
	t.Helper()
	resp, err := o.server.RenewEphemeralResource(t.Context(), &tfprotov6.RenewEphemeralResourceRequest{
		TypeName: o.noun, Private: o.Private,
	})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Diagnostics
}
