package acctest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/provider"
)

// What every Env has unless options say otherwise.
const (
	Project       = "acme-dev"
	ProjectNumber = "123456789012"
	Region        = "asia-northeast1"
	Stack         = "acceptance"
	// ReadOnlyToken is the access token of a caller that may read everything but secret values and change nothing.
	ReadOnlyToken = "read-only"
)

const (
	operationTime = 50 * time.Millisecond
	pollInterval  = 20 * time.Millisecond
)

// Env is one test's world.
type Env struct {
	// Fake is the Google Cloud that the provider talks to.
	Fake *fakegcp.Server
	// Clock is the time of both the provider and the fake.
	Clock *clock.Offset
	// Binary is the command that the test runs.
	Binary Binary

	stack   string
	rand    io.Reader
	process map[string]string // the provider's environment
	suffix  string            // of names, where a fake is shared

	time     func(*clock.Offset) clock.Clock // the provider's; nil for Clock
	patience time.Duration                   // of one request of the provider; zero for its default
}

// Option changes an Env before it starts.
type Option func(*settings)

type settings struct {
	fake   fakegcp.Options
	binary Binary
	stack  string
	rand   io.Reader
	token  string
	google bool

	time     func(*clock.Offset) clock.Clock
	patience time.Duration
}

// WithBinary runs another command than OpenTofu.
func WithBinary(b Binary) Option { return func(s *settings) { s.binary = b } }

// WithStack sets the provider's attribute stack; empty leaves it out.
func WithStack(stack string) Option { return func(s *settings) { s.stack = stack } }

// WithRand replaces the source that session keys are drawn from.
func WithRand(r io.Reader) Option { return func(s *settings) { s.rand = r } }

// WithAccessToken makes the provider call as the principal of that token.
func WithAccessToken(token string) Option { return func(s *settings) { s.token = token } }

// WithoutEmulator has the provider look for Google Cloud, with real credentials; the provider's endpoints lead to the fake.
func WithoutEmulator() Option { return func(s *settings) { s.google = true } }

// WithoutWaits turns the clock forward where the provider would wait, in the test's own process.
func WithoutWaits() Option {
	return WithProviderClock(func(o *clock.Offset) clock.Clock { return skipping{o} })
}

// WithProviderClock makes the provider's clock out of the world's, in the test's own process.
func WithProviderClock(of func(*clock.Offset) clock.Clock) Option {
	return func(s *settings) { s.time = of }
}

// WithRequestTimeout bounds one request of the provider, in the test's own process: what a call that hangs costs.
func WithRequestTimeout(d time.Duration) Option { return func(s *settings) { s.patience = d } }

// WithOperationTime sets how long the fake's operations run.
func WithOperationTime(d time.Duration) Option {
	return func(s *settings) { s.fake.OperationTime = d }
}

// WithFake changes the fake's options.
func WithFake(change func(*fakegcp.Options)) Option { return func(s *settings) { change(&s.fake) } }

func newSettings(clk *clock.Offset, options []Option) settings {
	s := settings{stack: Stack, rand: Secrets.Reader(), fake: fakegcp.Options{
		Project: Project, ProjectNumber: ProjectNumber, OperationTime: operationTime, Clock: clk, ReadOnlyToken: ReadOnlyToken,
	}}
	for _, o := range options {
		o(&s)
	}
	return s
}

// New starts a world of its own for one test, which ends with the test.
func New(t testing.TB, options ...Option) *Env {
	t.Helper()
	clk := &clock.Offset{}
	s := newSettings(clk, options)
	fake, err := fakegcp.Start(s.fake)
	if err != nil {
		t.Fatalf("start the fake: %v", err)
	}
	t.Cleanup(func() {
		if err := fake.Close(context.Background()); err != nil {
			t.Errorf("end the fake: %v", err)
		}
	})
	return newEnv(t, fake, clk, s)
}

func newEnv(t testing.TB, fake *fakegcp.Server, clk *clock.Offset, s settings) *Env {
	t.Helper()
	if s.binary.Path == "" {
		s.binary = OpenTofu(t)
	}
	env := &Env{Fake: fake, Clock: clk, Binary: s.binary, stack: s.stack, rand: s.rand, time: s.time, patience: s.patience}
	env.process = map[string]string{}
	if !s.google {
		env.process[provider.EmulatorVariable] = fake.Addr()
	}
	if s.token != "" {
		env.process["GOOGLE_OAUTH_ACCESS_TOKEN"] = s.token
	}
	return env
}

// As is the same world seen by another caller, or with another stack.
func (e *Env) As(t testing.TB, options ...Option) *Env {
	t.Helper()
	s := newSettings(e.Clock, slices.Concat([]Option{WithBinary(e.Binary), WithStack(e.stack), WithRand(e.rand)}, options))
	other := newEnv(t, e.Fake, e.Clock, s)
	other.suffix = e.suffix
	return other
}

// Provider is the configuration's beginning: where the provider comes from and how it is set up. Extra lines go into
// the provider block.
func (e *Env) Provider(extra ...string) string {
	lines := []string{fmt.Sprintf("project = %q", Project), fmt.Sprintf("region = %q", Region)}
	if e.stack != "" {
		lines = append(lines, fmt.Sprintf("stack = %q", e.stack))
	}
	return fmt.Sprintf(`terraform {
  required_providers {
    twelvefactor = { source = %q }
  }
}

provider "twelvefactor" {
  %s
}
`, source, strings.Join(slices.Concat(lines, extra), "\n  "))
}

// Config is Provider followed by the given blocks.
func (e *Env) Config(blocks ...string) string {
	return e.Provider() + "\n" + strings.Join(blocks, "\n")
}

// Name makes a name that no other test uses, where the fake is shared; elsewhere it is the name itself.
func (e *Env) Name(base string) string { return base + e.suffix }

// Factories serve the provider from the test's own process.
func (e *Env) Factories() map[string]func() (tfprotov6.ProviderServer, error) {
	var time clock.Clock = e.Clock
	if e.time != nil {
		time = e.time(e.Clock)
	}
	p := provider.New("test",
		provider.WithClock(time),
		provider.WithRequestTimeout(e.patience),
		provider.WithPollInterval(pollInterval),
		provider.WithRand(e.rand),
		provider.WithEnvironment(func(name string) string { return e.process[name] }),
	)
	return map[string]func() (tfprotov6.ProviderServer, error){
		localName: providerserver.NewProtocol6WithError(p),
	}
}

// skipping is the clock of a provider that never waits.
type skipping struct{ *clock.Offset }

// Sleep turns the clock forward instead.
func (s skipping) Sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.Advance(d)
	return nil
}

// commandChoice guards the environment variable by which the testing library chooses the command.
var commandChoice sync.Mutex

// Test runs a test case with this world's command and provider. Unless the case says otherwise it ends with a look
// whether anything is left.
func (e *Env) Test(t *testing.T, tc resource.TestCase) {
	t.Helper()
	var chosen sync.Once
	release := func() { chosen.Do(commandChoice.Unlock) }
	check := tc.PreCheck
	// The library reads the variable after PreCheck and before it asks for the provider.
	tc.PreCheck = func() {
		if check != nil {
			check()
		}
		commandChoice.Lock()
		setenv(t, "TF_ACC_TERRAFORM_PATH", e.Binary.Path)
		t.Cleanup(release)
	}
	others := tc.ProtoV6ProviderFactories
	tc.ProtoV6ProviderFactories = e.Factories()
	maps.Copy(tc.ProtoV6ProviderFactories, others)
	serve := tc.ProtoV6ProviderFactories[localName]
	tc.ProtoV6ProviderFactories[localName] = func() (tfprotov6.ProviderServer, error) {
		release()
		return serve()
	}
	if tc.CheckDestroy == nil {
		tc.CheckDestroy = func(*terraform.State) error { return e.CheckNothingLeft() }
	}
	resource.UnitTest(t, tc)
}

func setenv(t testing.TB, key, value string) {
	t.Helper()
	if err := os.Setenv(key, value); err != nil { //nolint:usetesting // t.Setenv forbids parallel tests
		t.Fatal(err)
	}
}
