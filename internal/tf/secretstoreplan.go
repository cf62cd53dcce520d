package tf

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// annotationsValidator checks the keys of a secret's annotations and how long they are together.
type annotationsValidator struct{}

// Description says what is accepted.
func (annotationsValidator) Description(context.Context) string {
	return "must be annotations of Secret Manager"
}

// MarkdownDescription says what is accepted.
func (v annotationsValidator) MarkdownDescription(ctx context.Context) string {
	return v.Description(ctx)
}

// ValidateMap adds one error per bad key. No value is part of a message.
func (annotationsValidator) ValidateMap(_ context.Context, req validator.MapRequest, resp *validator.MapResponse) {
	total := 0
	elements := req.ConfigValue.Elements()
	for _, key := range slices.Sorted(maps.Keys(elements)) {
		text, _ := elements[key].(types.String)
		total += len(key) + len(text.ValueString())
		switch {
		case deploy.IsSecretAnnotation(key):
			resp.Diagnostics.AddAttributeError(req.Path.AtMapKey(key), "Invalid annotation",
				fmt.Sprintf("The annotation %q is the provider's own record of the secret. Choose another key.", key))
		case !annotationKey.MatchString(key):
			resp.Diagnostics.AddAttributeError(req.Path.AtMapKey(key), "Invalid annotation", fmt.Sprintf("The key %s is not valid: 1 to 63 letters, "+
				"digits, -, _ and ., with a letter or a digit at both ends (example: \"owner\").", names.Quote(key)))
		}
	}
	if total > deploy.MaxSecretAnnotationBytes {
		resp.Diagnostics.AddAttributeError(req.Path, "Annotations are too long", fmt.Sprintf("Their keys and values have %d bytes together; at "+
			"most %d are possible. The provider needs the other half of what Secret Manager takes.", total, deploy.MaxSecretAnnotationBytes))
	}
}

// ValidateSecretStore checks what attributes say together.
func ValidateSecretStore(ctx context.Context, config tfsdk.Config, diags *diag.Diagnostics) {
	var replicas types.Map
	var location, key types.String
	diags.Append(config.GetAttribute(ctx, path.Root("replicas"), &replicas)...)
	diags.Append(config.GetAttribute(ctx, path.Root("location"), &location)...)
	diags.Append(config.GetAttribute(ctx, path.Root("kms_key"), &key)...)
	if diags.HasError() {
		return
	}
	if !replicas.IsNull() {
		for name, other := range map[string]types.String{"location": location, "kms_key": key} {
			if !replicas.IsUnknown() && !other.IsNull() && !other.IsUnknown() {
				diags.AddAttributeError(path.Root("replicas"), "Both replicas and "+name,
					fmt.Sprintf("replicas is for global secrets whose locations you choose, and each replica has a kms_key of its own. Remove %s or replicas.", name))
			}
		}
	}
	for _, at := range slices.Sorted(maps.Keys(replicas.Elements())) {
		if err := names.CheckSecretLocation(at); err != nil {
			diags.AddAttributeError(path.Root("replicas").AtMapKey(at), "Invalid location", err.Error()+".")
			continue
		}
		object, _ := replicas.Elements()[at].(types.Object)
		if object.IsNull() {
			diags.AddAttributeError(path.Root("replicas").AtMapKey(at), "Missing replica", fmt.Sprintf("It is null. Write { %q = {} } for a replica without a "+
				"key of its own, or leave the location out.", at))
		}
		own, _ := object.Attributes()["kms_key"].(types.String)
		checkKeyLocation(path.Root("replicas").AtMapKey(at).AtName("kms_key"), own, at, diags)
	}
	if replicas.IsNull() && !location.IsUnknown() {
		want := location.ValueString()
		if want == "" {
			want = "global"
		}
		checkKeyLocation(path.Root("kms_key"), key, want, diags)
	}
}

// checkKeyLocation refuses a key that Secret Manager cannot use there.
// Source: google.cloud.secretmanager.v1.CustomerManagedEncryption.kms_key_name.
func checkKeyLocation(at path.Path, key types.String, want string, diags *diag.Diagnostics) {
	parts := kmsKey.FindStringSubmatch(key.ValueString())
	if parts == nil || parts[1] == want {
		return
	}
	diags.AddAttributeError(at, "Key in another location", fmt.Sprintf("The key is in %s, and the secret needs one in %s. A global secret with automatic "+
		"replication takes keys in global only; with replicas or location it takes keys of those.", parts[1], want))
}

// PlanSecretStore plans what the configuration leaves out, and refuses what would destroy versions. prior is null for a
// create. It comes after PlanProject.
func (p *Provider) PlanSecretStore(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var planned, prior types.Map
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("replicas"), &planned)...)
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("replicas"), &prior)...)
	}
	if planned.IsNull() {
		planned = types.MapNull(replicaType)
		if !prior.IsNull() {
			planned = prior
		}
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("replicas"), planned)...)
	}
	if resp.Diagnostics.HasError() || req.State.Raw.IsNull() {
		return
	}
	var key types.String
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("kms_key"), &key)...)
	if !key.IsNull() && !key.IsUnknown() && !planned.IsNull() && !planned.IsUnknown() {
		resp.Diagnostics.AddAttributeError(path.Root("kms_key"), "Secret with replicas", fmt.Sprintf("The secret is kept in locations of its own (%s), so "+
			"each of them has its own key. Set kms_key in replicas instead.", describeReplicas(planned)))
	}
	planSecretReplacement(ctx, req, resp, replicasMoved(prior, planned))
}

// replicasMoved tells whether the set of locations changes; what is unknown may turn out to be what it was.
func replicasMoved(prior, planned types.Map) bool {
	if planned.IsUnknown() {
		return false
	}
	return !maps.EqualFunc(prior.Elements(), planned.Elements(), func(attr.Value, attr.Value) bool { return true })
}

func orNone(s types.String) string {
	if s.IsNull() {
		return "none"
	}
	return s.String()
}

func describeReplicas(replicas types.Map) string {
	if replicas.IsUnknown() {
		return "not known yet"
	}
	if replicas.IsNull() {
		return "automatic"
	}
	return fmt.Sprintf("%q", slices.Sorted(maps.Keys(replicas.Elements())))
}

// planSecretReplacement refuses a change of what a secret is, unless allow_replacement_of names the secret that it would
// destroy. Something unknown is no such change: what it turns out to be is judged when the plan is applied.
func planSecretReplacement(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse, moved bool) {
	var id, allowed types.String
	var protected types.Bool
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("id"), &id)...)
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("deletion_protection"), &protected)...)
	resp.Diagnostics.Append(resp.Plan.GetAttribute(ctx, path.Root("allow_replacement_of"), &allowed)...)
	resp.RequiresReplace = slices.DeleteFunc(resp.RequiresReplace, func(at path.Path) bool { return at.Equal(path.Root("project")) })
	changes := map[string][2]string{}
	for _, name := range []string{"name", "project", "location"} {
		var before, after types.String
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root(name), &before)...)
		resp.Diagnostics.Append(resp.Plan.GetAttribute(ctx, path.Root(name), &after)...)
		if !after.IsUnknown() && !after.Equal(before) {
			changes[name] = [2]string{orNone(before), orNone(after)}
		}
	}
	if moved {
		var before, after types.Map
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("replicas"), &before)...)
		resp.Diagnostics.Append(resp.Plan.GetAttribute(ctx, path.Root("replicas"), &after)...)
		changes["replicas"] = [2]string{describeReplicas(before), describeReplicas(after)}
	}
	if resp.Diagnostics.HasError() {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		if !id.IsNull() && allowed.Equal(id) {
			resp.RequiresReplace = append(resp.RequiresReplace, path.Root(name))
			continue
		}
		resp.Diagnostics.AddAttributeError(path.Root(name), "Secret would be destroyed", fmt.Sprintf("%s cannot change (from %s to %s): another secret "+
			"would be made, and %s destroyed, with all its versions, at once and for good.\n\nTo keep it, give the new secret a resource block of its "+
			"own, let everything that uses the old one move over, and remove the old block then. To destroy it, set in this block\n\n  allow_replacement_of = %q",
			name, changes[name][0], changes[name][1], id.ValueString(), id.ValueString()))
	}
	if len(resp.RequiresReplace) > 0 && protected.ValueBool() {
		addProtected(id.ValueString(), "replace", &resp.Diagnostics)
	}
}

// CheckSecretDestruction refuses to destroy a protected secret; unfinished tells that its create failed before there was a
// version.
func CheckSecretDestruction(id types.String, protected types.Bool, unfinished bool, diags *diag.Diagnostics) {
	if protected.ValueBool() && !unfinished {
		addProtected(id.ValueString(), "destroy", diags)
	}
}

// CheckSecretDeletion does so at the last moment: somebody else may have added a version since a create failed.
func (p *Provider) CheckSecretDeletion(ctx context.Context, id names.SecretID, protected types.Bool, unfinished bool, diags *diag.Diagnostics) {
	if protected.ValueBool() && unfinished {
		has, err := p.Cloud.SecretHasVersions(ctx, id)
		AddError(diags, err, "Cannot tell whether the secret is protected")
		unfinished = !has
	}
	CheckSecretDestruction(types.StringValue(id.String()), protected, unfinished, diags)
}

func addProtected(id, verb string, diags *diag.Diagnostics) {
	diags.AddAttributeError(path.Root("deletion_protection"), "Secret is protected", fmt.Sprintf("This would %s %s with all its versions, and "+
		"deletion_protection is true in the state.\n\nIf that is what you want, set deletion_protection = false, apply, and then apply this.", verb, id))
}
