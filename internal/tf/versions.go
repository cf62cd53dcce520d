package tf

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
)

// KeepVersionsAttribute is the attribute keep_versions of everything that makes versions of a secret.
func KeepVersionsAttribute() schema.Int64Attribute {
	return schema.Int64Attribute{
		Optional: true, Computed: true, Default: int64default.StaticInt64(deploy.DefaultKeepVersions),
		MarkdownDescription: fmt.Sprintf("How many of the versions that this provider made stay enabled: %d to %d. When a new one is in force, older ones "+
			"are disabled at once and destroyed by Google after the secret's `version_destroy_ttl`; without one they are only disabled. The version "+
			"in force and the one before it always stay, because what still serves may start a new instance with it, and so do versions that "+
			"others added. A version that is not destroyed yet can be enabled again; it counts again then. Default: %d.",
			deploy.MinKeepVersions, deploy.MaxKeepVersions, deploy.DefaultKeepVersions),
		Validators: []validator.Int64{int64validator.Between(deploy.MinKeepVersions, deploy.MaxKeepVersions)},
	}
}

// SurplusVersionsAttribute is the attribute surplus_versions that goes with keep_versions. Read decides it, and every plan
// shows it going away.
func SurplusVersionsAttribute() schema.ListAttribute {
	return schema.ListAttribute{
		ElementType: types.StringType, Computed: true,
		MarkdownDescription: "Numbers of the versions beyond `keep_versions` that a refresh has found still enabled, oldest first, such as " +
			"`[\"1\"]`: a run was interrupted, or was not allowed to retire them. The next apply retires them. Null when there are none.",
	}
}

// NoVersions is what surplus_versions is planned to be.
func NoVersions() types.List { return types.ListNull(types.StringType) }

// VersionsOrNull lists the numbers of versions, and is null when there are none.
func VersionsOrNull(numbers []string) types.List {
	if len(numbers) == 0 {
		return NoVersions()
	}
	values := make([]attr.Value, 0, len(numbers))
	for _, number := range numbers {
		values = append(values, types.StringValue(number))
	}
	return types.ListValueMust(types.StringType, values)
}

// LiveKeepVersions is keep_versions as the secret's record has it, or else as it was; imported without a record it is
// the default, so that an import shows no difference that nobody wrote down.
func LiveKeepVersions(live int, prior types.Int64) types.Int64 {
	switch {
	case live != 0:
		return types.Int64Value(int64(live))
	case prior.IsNull():
		return types.Int64Value(deploy.DefaultKeepVersions)
	default:
		return prior
	}
}
