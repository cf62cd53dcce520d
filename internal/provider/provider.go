package provider

import (
	"context"
	"crypto/rand"
	"io"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// typeName begins the names of the resources and is the provider's local name.
const typeName = "twelvefactor"

var _ provider.ProviderWithEphemeralResources = (*twelvefactor)(nil)

type twelvefactor struct {
	version      string
	clock        clock.Clock
	pollInterval time.Duration
	patience     time.Duration
	rand         io.Reader
	getenv       func(string) string
	finisher     *deploy.Finisher
}

// Option changes what tests need to change.
type Option func(*twelvefactor)

// WithClock replaces the system's clock.
func WithClock(c clock.Clock) Option { return func(p *twelvefactor) { p.clock = c } }

// WithPollInterval replaces the pause between two looks at an operation.
func WithPollInterval(d time.Duration) Option { return func(p *twelvefactor) { p.pollInterval = d } }

// WithRequestTimeout replaces the bound of one request.
func WithRequestTimeout(d time.Duration) Option { return func(p *twelvefactor) { p.patience = d } }

// WithRand replaces the source that session keys are drawn from.
func WithRand(r io.Reader) Option { return func(p *twelvefactor) { p.rand = r } }

// WithEnvironment replaces the environment that settings are read from.
func WithEnvironment(getenv func(string) string) Option {
	return func(p *twelvefactor) { p.getenv = getenv }
}

// withFinisher leaves the end of creates to the end of the process.
func withFinisher(f *deploy.Finisher) Option { return func(p *twelvefactor) { p.finisher = f } }

// New makes the provider. The version goes into the user agent.
func New(version string, options ...Option) provider.Provider {
	p := &twelvefactor{version: version, clock: clock.Real{}, rand: rand.Reader, getenv: os.Getenv}
	for _, o := range options {
		o(p)
	}
	return p
}

// Metadata gives the type name and the version.
func (p *twelvefactor) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName, resp.Version = typeName, p.version
}

// Schema describes the configuration.
func (p *twelvefactor) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = providerSchema()
}

// Configure resolves the settings and hands them to the resources.
func (p *twelvefactor) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var m model
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	s := resolve(ctx, m, p.getenv, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	data := p.data(s, req.TerraformVersion)
	resp.ResourceData, resp.DataSourceData, resp.EphemeralResourceData = data, data, data
}

// data makes what the resources get out of the resolved settings.
func (p *twelvefactor) data(s settings, terraformVersion string) *tf.Provider {
	options := s.gcp
	options.Clock, options.PollInterval, options.RequestTimeout = p.clock, p.pollInterval, p.patience
	options.UserAgent = "terraform-provider-twelvefactor/" + p.version + " terraform/" + terraformVersion
	return &tf.Provider{
		Cloud: &deploy.Cloud{
			GCP: gcp.New(options), Clock: p.clock, Rand: p.rand, Finisher: p.finisher,
			Stamp: names.Stamp{Stack: s.stack, Origin: origin(p.getenv)}, AdoptInterrupted: s.adoptInterrupted,
			Project: s.project.ValueString(), Region: s.region.ValueString(),
			DefaultLabels: s.defaultLabels, UserAgent: options.UserAgent, Inform: tflog.Info,
		},
		Known: s.known, Project: s.project, Region: s.region,
		DefaultLabels: s.plannedLabels, Factors: s.factors,
	}
}
