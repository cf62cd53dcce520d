package provider

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// EmulatorVariable is the environment variable that sends every API to an emulator on this machine.
const EmulatorVariable = "TWELVEFACTOR_EMULATOR_HOST"

// settings is the configuration after the environment's defaults.
type settings struct {
	gcp              gcp.Options
	project, region  types.String
	plannedLabels    types.Map
	defaultLabels    map[string]string // the known ones
	factors          map[string]string
	stack            string
	adoptInterrupted bool
	known            bool
}

// resolve fills what the configuration leaves out from the environment. An unknown value stays unknown: the
// environment is a default, not a stand-in.
func resolve(ctx context.Context, m model, getenv func(string) string, diags *diag.Diagnostics) settings {
	e := environment{getenv: getenv, diags: diags}
	s := settings{
		project:          e.checked(m.Project, "project", names.CheckProject, tf.ProjectVariables...),
		region:           e.checked(m.Region, "region", names.CheckLocation, tf.RegionVariables...),
		plannedLabels:    m.DefaultLabels,
		defaultLabels:    knownStrings(m.DefaultLabels),
		factors:          knownStrings(m.Factors),
		adoptInterrupted: m.AdoptInterrupted.IsNull() || m.AdoptInterrupted.ValueBool(),
		stack:            stackName(m.Stack, getenv),
	}
	if m.DefaultLabels.IsNull() {
		s.plannedLabels = types.MapValueMust(types.StringType, nil)
	}
	if host := getenv(EmulatorVariable); host != "" {
		s.known = true
		s.gcp = emulatorOptions(host, e, m, diags)
	} else {
		s.gcp, s.known = e.googleOptions(ctx, m)
	}
	s.gcp.Project, s.gcp.Region = s.project.ValueString(), s.region.ValueString()
	s.gcp.RequestTimeout = requestTimeout(m.RequestTimeout)
	return s
}

// emulatorOptions takes nothing but the address and the token that says which principal the emulator is to see.
func emulatorOptions(host string, e environment, m model, diags *diag.Diagnostics) gcp.Options {
	if err := gcp.CheckLoopback(host); err != nil {
		diags.AddError("Invalid "+EmulatorVariable, fmt.Sprintf(
			"The environment variable sends every API to an emulator without TLS and without credentials, so only this machine "+
				"itself is accepted: %v. Unset it to use Google Cloud.", err))
	}
	return gcp.Options{
		EmulatorHost: host,
		AccessToken:  secretOf(e.value(m.AccessToken, "GOOGLE_OAUTH_ACCESS_TOKEN")),
	}
}

// environment reads settings with a default in the environment.
type environment struct {
	getenv func(string) string
	diags  *diag.Diagnostics
}

// value is the configured value, or the first variable that is set.
func (e environment) value(configured types.String, variables ...string) types.String {
	if !configured.IsNull() {
		return configured
	}
	for _, name := range variables {
		if v := e.getenv(name); v != "" {
			return types.StringValue(v)
		}
	}
	return types.StringNull()
}

// checked is value, with the check that the schema's validator does for a configured one.
func (e environment) checked(configured types.String, attribute string, check func(string) error, variables ...string) types.String {
	v := e.value(configured, variables...)
	if v.IsNull() || v.IsUnknown() {
		return v
	}
	if err := check(v.ValueString()); err != nil {
		e.diags.AddAttributeError(path.Root(attribute), "Invalid "+attribute,
			fmt.Sprintf("The value comes from the provider's configuration or from %s: %v.", strings.Join(variables, " or "), err))
	}
	return v
}

// googleOptions are the settings for Google Cloud itself, and whether all of them are known.
func (e environment) googleOptions(ctx context.Context, m model) (gcp.Options, bool) {
	credentials := e.value(m.Credentials, "GOOGLE_CREDENTIALS")
	token := e.value(m.AccessToken, "GOOGLE_OAUTH_ACCESS_TOKEN")
	impersonate := e.value(m.ImpersonateServiceAccount, "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT")
	billing := e.value(m.BillingProject, "GOOGLE_BILLING_PROJECT")
	universe := e.value(m.UniverseDomain, "GOOGLE_UNIVERSE_DOMAIN")
	endpoints, endpointsKnown := e.endpoints(ctx, m.Endpoints)
	known := endpointsKnown
	for _, v := range []types.String{credentials, token, impersonate, billing, universe} {
		known = known && !v.IsUnknown()
	}
	return gcp.Options{
		Credentials: secretOf(credentials), AccessToken: secretOf(token),
		ImpersonateServiceAccount: impersonate.ValueString(), BillingProject: billing.ValueString(),
		UniverseDomain: universe.ValueString(), Endpoints: endpoints,
	}, known
}

// endpoints gives the addresses, and warns of those that credentials are sent to outside Google's domain.
func (e environment) endpoints(_ context.Context, configured types.Object) (map[string]string, bool) {
	addresses, known := map[string]string{}, !configured.IsUnknown()
	for _, api := range gcp.APIs() {
		v, ok := configured.Attributes()[string(api)].(types.String)
		if !ok || v.IsNull() {
			continue
		}
		if v.IsUnknown() {
			known = false
			continue
		}
		at := path.Root("endpoints").AtName(string(api))
		endpoint, err := gcp.ParseEndpoint(v.ValueString())
		switch {
		case err != nil:
			e.diags.AddAttributeError(at, "Invalid endpoint", err.Error()+".")
		case !endpoint.Plain && !strings.Contains(endpoint.Host, ".googleapis.com:"):
			e.diags.AddAttributeWarning(at, "Credentials are sent to a custom endpoint", fmt.Sprintf(
				"Calls to %s, with an access token, go to %s. Remove the attribute if that is not meant.", apiTitles[api], endpoint.Host))
		}
		addresses[string(api)] = v.ValueString()
	}
	return addresses, known
}

// stackName is the configured stack, the workspace's name in HCP Terraform, or project and workspace under Atlantis.
// Atlantis is recognized by the variable that it always sets; without a project name there is nothing there that
// stays the same from one pull request to the next.
func stackName(configured types.String, getenv func(string) string) string {
	if !configured.IsNull() {
		return configured.ValueString()
	}
	if workspace := getenv("TFC_WORKSPACE_NAME"); workspace != "" {
		return workspace
	}
	project, workspace := getenv("PROJECT_NAME"), getenv("WORKSPACE")
	if getenv("ATLANTIS_TERRAFORM_VERSION") == "" || project == "" {
		return ""
	}
	return project + "/" + workspace
}

// origin is the working folder on this machine, and what of Terraform's own settings tells two states in one folder apart.
func origin(getenv func(string) string) string {
	host, _ := os.Hostname() // without a name, the folder has to do
	folder, err := os.Getwd()
	if err != nil {
		return ""
	}
	return strings.Join([]string{host, folder, getenv("TF_WORKSPACE"), getenv("TF_DATA_DIR")}, "\x00")
}

// requestTimeout is zero for the default; the schema's validator has checked the form.
func requestTimeout(configured types.String) time.Duration {
	d, err := time.ParseDuration(configured.ValueString())
	if err != nil {
		return 0
	}
	return d
}

func secretOf(v types.String) secret.Bytes {
	if v.ValueString() == "" {
		return secret.Bytes{}
	}
	return secret.FromString(v.ValueString())
}

// knownStrings gives the entries whose value is known.
func knownStrings(m types.Map) map[string]string {
	known := map[string]string{}
	for key, v := range m.Elements() {
		if s, ok := v.(types.String); ok && !s.IsNull() && !s.IsUnknown() {
			known[key] = s.ValueString()
		}
	}
	return known
}
