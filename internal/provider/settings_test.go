package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func TestStackName(t *testing.T) {
	atlantis := map[string]string{"ATLANTIS_TERRAFORM_VERSION": "1.12.0", "PROJECT_NAME": "shop", "WORKSPACE": "prod"}
	tests := map[string]struct {
		configured  types.String
		environment map[string]string
		want        string
	}{
		"configured":               {types.StringValue("mine"), map[string]string{"TFC_WORKSPACE_NAME": "theirs"}, "mine"},
		"not known yet":            {types.StringUnknown(), map[string]string{"TFC_WORKSPACE_NAME": "theirs"}, ""},
		"HCP Terraform":            {types.StringNull(), map[string]string{"TFC_WORKSPACE_NAME": "theirs"}, "theirs"},
		"Atlantis":                 {types.StringNull(), atlantis, "shop/prod"},
		"somebody else's PROJECT":  {types.StringNull(), map[string]string{"PROJECT_NAME": "shop", "WORKSPACE": "prod"}, ""},
		"Atlantis without project": {types.StringNull(), map[string]string{"ATLANTIS_TERRAFORM_VERSION": "1", "WORKSPACE": "prod"}, ""},
		"nothing":                  {types.StringNull(), nil, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := stackName(test.configured, func(key string) string { return test.environment[key] })
			if got != test.want {
				t.Errorf("stack %q, want %q", got, test.want)
			}
		})
	}
}

func TestWhatIsConfiguredGoesBeforeTheEnvironment(t *testing.T) {
	environment := map[string]string{
		"GOOGLE_PROJECT": "from-environment", "GOOGLE_REGION": "us-west2", "GOOGLE_CREDENTIALS": "{}", "GOOGLE_BILLING_PROJECT": "billed-project",
		"GOOGLE_IMPERSONATE_SERVICE_ACCOUNT": "a@b", "GOOGLE_UNIVERSE_DOMAIN": "example.com", "GOOGLE_OAUTH_ACCESS_TOKEN": "token",
	}
	var diags diag.Diagnostics
	m := model{Project: types.StringValue("configured"), Region: types.StringUnknown(), AccessToken: types.StringUnknown()}
	s := resolve(t.Context(), m, func(key string) string { return environment[key] }, &diags)
	if diags.HasError() {
		t.Fatal(diags)
	}
	if s.project.ValueString() != "configured" || !s.region.IsUnknown() {
		t.Errorf("project %s, region %s", s.project, s.region)
	}
	if s.known || !s.gcp.AccessToken.IsZero() {
		t.Error("with an unknown access token nobody may be called")
	}
	if o := s.gcp; o.BillingProject != "billed-project" || o.ImpersonateServiceAccount != "a@b" || o.UniverseDomain != "example.com" || o.Credentials.IsZero() {
		t.Error("settings of the environment are missing")
	}
	if !s.adoptInterrupted {
		t.Error("adopt_interrupted is true by default")
	}
}
