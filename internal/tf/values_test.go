package tf_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

func TestStrings(t *testing.T) {
	empty := types.MapValueMust(types.StringType, map[string]attr.Value{})
	for name, m := range map[string]types.Map{"null": types.MapNull(types.StringType), "unknown": types.MapUnknown(types.StringType), "empty": empty} {
		if got := tf.Strings(m); got != nil {
			t.Errorf("%s: got %v, want nil", name, got)
		}
	}
	full := types.MapValueMust(types.StringType, map[string]attr.Value{"a": types.StringValue("1")})
	if diff := cmp.Diff(map[string]string{"a": "1"}, tf.Strings(full)); diff != "" {
		t.Errorf("(-want, +got)\n%s", diff)
	}
}

func TestMembersAreSorted(t *testing.T) {
	if diff := cmp.Diff([]string{"a", "b"}, tf.Members(tf.SetOf([]string{"b", "a"}))); diff != "" {
		t.Errorf("(-want, +got)\n%s", diff)
	}
	if got := tf.Members(types.SetNull(types.StringType)); got != nil {
		t.Errorf("null: got %v, want nil", got)
	}
}

func TestImportedLabelsLeaveDefaultsOut(t *testing.T) {
	defaults := types.MapValueMust(types.StringType, map[string]attr.Value{"team": types.StringValue("shop")})
	own, effective := tf.ImportedLabels(map[string]string{"team": "shop", "env": "dev"}, defaults)
	if diff := cmp.Diff(map[string]string{"env": "dev"}, tf.Strings(own)); diff != "" {
		t.Errorf("own (-want, +got)\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"team": "shop", "env": "dev"}, tf.Strings(effective)); diff != "" {
		t.Errorf("effective (-want, +got)\n%s", diff)
	}
}
