package tf

import (
	"errors"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// advice says how to go on, by the kind of the original error.
var advice = map[gcp.Kind]string{
	gcp.PermissionDenied: "The account that Terraform runs as lacks a permission, or the object does not exist (Google Cloud " +
		"answers both alike). The guide \"Permissions\" of this provider lists the roles that each resource needs. " +
		"A role that was granted a few minutes ago may not be effective yet: apply again.",
	gcp.Unauthenticated: "Set credentials or access_token in the provider, GOOGLE_CREDENTIALS or GOOGLE_OAUTH_ACCESS_TOKEN in the " +
		"environment, or run: gcloud auth application-default login",
	gcp.APIDisabled:   "Enable the API that the message names (gcloud services enable NAME --project PROJECT), wait a few minutes, and apply again.",
	gcp.QuotaExceeded: "Ask for a higher quota (https://console.cloud.google.com/iam-admin/quotas), or use less: fewer or smaller nodes, another location.",
	gcp.Stockout: "Google Cloud has no such machines there at the moment, which no quota changes. Wait and apply again, or take another " +
		"machine type, capacity or location.",
	gcp.Canceled:  "The run was interrupted or the timeout ended. What was begun is not lost: apply again to go on from there, or raise the value in timeouts.",
	gcp.Transient: "Google Cloud did not answer properly. Apply again: the provider goes on from what is there.",
	gcp.Conflict:  "Somebody else changed the object at the same time. Apply again.",
}

// rateLimited is the advice about what Classify calls transient and is not an answer that went missing.
const rateLimited = "There were more calls in this minute than the rate quota of the API allows. Wait a minute and apply again, run fewer applies " +
	"at a time (-parallelism), or ask for a higher quota (https://console.cloud.google.com/iam-admin/quotas)."

func adviceOn(err error) string {
	if gcp.IsRateLimited(err) {
		return rateLimited
	}
	return advice[gcp.Classify(err)]
}

// AddError adds an error diagnostic. A *deploy.Error brings its own words and attribute; any other error gets the
// fallback as its summary. The original error is shown as one cleaned line.
func AddError(diags *diag.Diagnostics, err error, fallback string) {
	if err == nil {
		return
	}
	summary, detail, attribute := describe(err, fallback)
	if len(attribute) == 0 {
		diags.AddError(summary, detail)
		return
	}
	diags.AddAttributeError(AttributePath(attribute), summary, detail)
}

// AddWarning adds an error as a warning, for a change that took place and is to be kept.
func AddWarning(diags *diag.Diagnostics, err error, fallback string) {
	if err == nil {
		return
	}
	summary, detail, _ := describe(err, fallback)
	diags.AddWarning(summary, detail)
}

// AddNotices adds the warnings that come with a success.
func AddNotices(diags *diag.Diagnostics, notices []deploy.Notice) {
	for _, n := range notices {
		diags.AddWarning(n.Summary, n.Detail)
	}
}

func describe(err error, fallback string) (summary, detail string, attribute []string) {
	var failure *deploy.Error
	if !errors.As(err, &failure) {
		return fallback, paragraphs(adviceOn(err), original(err)), nil
	}
	fix := failure.Fix
	if fix == "" && failure.Err != nil {
		fix = adviceOn(failure.Err)
	}
	return failure.Summary, paragraphs(failure.Why, fix, original(failure.Err)), failure.Attribute
}

func original(err error) string {
	if err == nil {
		return ""
	}
	return "Original error: " + gcp.Message(err)
}

func paragraphs(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "\n\n")
}

// mapAttributes are the attributes whose next step in a path is a key rather than a name, in every resource.
var mapAttributes = []string{
	"annotations", "config", "config_files", "default_labels", "effective_labels", "endpoints", "factors", "labels", "node_pools",
	"processes", "scratch", "secret_files", "secrets", "sidecars",
}

// AttributePath turns names and map keys into a path: node_pools, spot, machine_type is node_pools["spot"].machine_type.
func AttributePath(steps []string) path.Path {
	p, previous := path.Empty(), ""
	for _, step := range steps {
		if slices.Contains(mapAttributes, previous) {
			p, previous = p.AtMapKey(step), ""
			continue
		}
		p, previous = p.AtName(step), step
	}
	return p
}
