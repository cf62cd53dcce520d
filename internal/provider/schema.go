package provider

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// enforcements are the ways in which a factor rule can be enforced.
var enforcements = []string{"error", "warn", "off"}

// model is the provider's configuration.
type model struct {
	Project                   types.String `tfsdk:"project"`
	Region                    types.String `tfsdk:"region"`
	Credentials               types.String `tfsdk:"credentials"`
	AccessToken               types.String `tfsdk:"access_token"`
	ImpersonateServiceAccount types.String `tfsdk:"impersonate_service_account"`
	BillingProject            types.String `tfsdk:"billing_project"`
	UniverseDomain            types.String `tfsdk:"universe_domain"`
	RequestTimeout            types.String `tfsdk:"request_timeout"`
	DefaultLabels             types.Map    `tfsdk:"default_labels"`
	Endpoints                 types.Object `tfsdk:"endpoints"`
	Factors                   types.Map    `tfsdk:"factors"`
	Stack                     types.String `tfsdk:"stack"`
	AdoptInterrupted          types.Bool   `tfsdk:"adopt_interrupted"`
}

func providerSchema() schema.Schema {
	attributes := map[string]schema.Attribute{}
	for _, group := range []map[string]schema.Attribute{placeAttributes(), accessAttributes(), behaviourAttributes()} {
		maps.Copy(attributes, group)
	}
	return schema.Schema{
		MarkdownDescription: "Wires a whole twelve-factor application on Google Cloud: a GKE cluster with Spot node pools, " +
			"Workload Identity, Secret Manager entries, session keys, and services on GKE and Cloud Run.\n\n" +
			"Every setting has a default from the environment. `TWELVEFACTOR_EMULATOR_HOST=127.0.0.1:PORT` sends every API " +
			"to an emulator, without credentials; only loopback addresses are accepted.",
		Attributes: attributes,
	}
}

// placeAttributes say where things are made.
func placeAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"project": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "Default project id of the resources. Default: the environment variable " + variables(tf.ProjectVariables) +
				". Example: `acme-dev`.",
			Validators: []validator.String{tf.Checked("a project id", names.CheckProject)},
		},
		"region": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "Default location of the resources that have one. Default: the environment variable " + variables(tf.RegionVariables) +
				". Example: `asia-northeast1`.",
			Validators: []validator.String{tf.Checked("a region or zone", names.CheckLocation)},
		},
	}
}

// accessAttributes say who is called, and as whom.
func accessAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"credentials": schema.StringAttribute{
			Optional: true, Sensitive: true,
			MarkdownDescription: "Content of a credentials file (service account key, external account, …), or the path to one. Default: the " +
				"environment variable `GOOGLE_CREDENTIALS`, then [application default credentials](https://cloud.google.com/docs/authentication/application-default-credentials).",
		},
		"access_token": schema.StringAttribute{
			Optional: true, Sensitive: true,
			MarkdownDescription: "A ready OAuth access token; goes before `credentials`. Default: the environment variable `GOOGLE_OAUTH_ACCESS_TOKEN`.",
		},
		"impersonate_service_account": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "Email of the service account that calls are made as. Default: the environment variable " +
				"`GOOGLE_IMPERSONATE_SERVICE_ACCOUNT`.",
		},
		"billing_project": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Project that quota is charged to. Default: the environment variable `GOOGLE_BILLING_PROJECT`.",
			Validators:          []validator.String{tf.Checked("a project id", names.CheckProject)},
		},
		"universe_domain": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Domain of the APIs. Default: the environment variable `GOOGLE_UNIVERSE_DOMAIN`, then `googleapis.com`.",
		},
		"request_timeout": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "Time for one request to an API, not for a whole operation. Default: `" + gcp.DefaultRequestTimeout.String() +
				"`. Example: `120s`.",
			Validators: []validator.String{tf.DurationValidator(time.Second, "120s")},
		},
		"endpoints": schema.SingleNestedAttribute{
			Optional: true,
			MarkdownDescription: "Addresses of single APIs, such as `https://container.private.example.com`. Plain `http` is accepted for " +
				"loopback addresses only. An address of `secret_manager` takes the calls about regional secrets too, which otherwise go to the " +
				"endpoint of their region. Default: Google's own.",
			Attributes: endpointAttributes(),
		},
	}
}

func endpointAttributes() map[string]schema.Attribute {
	attributes := map[string]schema.Attribute{}
	for _, api := range gcp.APIs() {
		attributes[string(api)] = schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Address of " + apiTitles[api] + ".",
			Validators:          []validator.String{tf.Checked("an https address without a path", checkEndpoint)},
		}
	}
	return attributes
}

var apiTitles = map[gcp.API]string{
	gcp.Container: "the GKE API", gcp.IAM: "the IAM API", gcp.ResourceManager: "the Resource Manager API",
	gcp.Run: "the Cloud Run API", gcp.SecretManager: "the Secret Manager API",
}

func checkEndpoint(address string) error {
	_, err := gcp.ParseEndpoint(address)
	return err
}

// behaviourAttributes say how the provider behaves.
func behaviourAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"default_labels": schema.MapAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "Labels for every object that has labels. Default: none.",
			Validators:          []validator.Map{tf.LabelsValidator()},
		},
		"factors": schema.MapAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "How single factor rules are enforced: rule id to `" + strings.Join(enforcements, "`, `") +
				"`. Default: as the rule says. The rules: `" + strings.Join(ruleIDs(), "`, `") + "`.",
			Validators: []validator.Map{
				mapvalidator.KeysAre(tf.Checked("the id of a factor rule", checkRuleID)),
				mapvalidator.ValueStringsAre(stringvalidator.OneOf(slices.Clone(enforcements)...)),
			},
		},
		"stack": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "Name of this deployment, different for every state. A hash of it marks what the provider creates, so that an " +
				"interrupted creation is recognized and finished by the next run. Default: `TFC_WORKSPACE_NAME`, or under Atlantis " +
				"`PROJECT_NAME` and `WORKSPACE`.",
			Validators: []validator.String{stringvalidator.LengthBetween(1, 256)},
		},
		"adopt_interrupted": schema.BoolAttribute{
			Optional: true,
			MarkdownDescription: "Whether an unfinished object of the same `stack` is taken over and finished. Default: `true`. A finished object " +
				"never is: it has to be imported.",
		},
	}
}

func ruleIDs() []string {
	ids := []string{app.LiveCheck}
	for _, rule := range app.Rules {
		ids = append(ids, rule.ID)
	}
	slices.Sort(ids)
	return ids
}

func checkRuleID(id string) error {
	if !slices.Contains(ruleIDs(), id) {
		return fmt.Errorf("there is no rule %s; the rules are %s", names.Quote(id), strings.Join(ruleIDs(), ", "))
	}
	return nil
}

func variables(list []string) string { return "`" + strings.Join(list, "` or `") + "`" }
