package tf_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

func accepts(v validator.String, value types.String) bool {
	var resp validator.StringResponse
	v.ValidateString(context.Background(), validator.StringRequest{Path: path.Root("x"), ConfigValue: value}, &resp)
	return !resp.Diagnostics.HasError()
}

func TestCheckedSkipsWhatIsNotThere(t *testing.T) {
	t.Parallel()
	never := tf.Checked("nothing at all", func(string) error { return errors.New("no") })
	if !accepts(never, types.StringNull()) || !accepts(never, types.StringUnknown()) || accepts(never, types.StringValue("")) {
		t.Error("null and unknown pass, everything else is checked")
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	v := tf.DurationValidator(time.Minute, "720h")
	for value, ok := range map[string]bool{
		"1m": true, "720h": true, "90s": true, "59s": false, "-1h": false, "0": false, "10": false, "": false, "1d": false, "NaN": false,
	} {
		if accepts(v, types.StringValue(value)) != ok {
			t.Errorf("%q: accepted is %t", value, !ok)
		}
	}
}

func TestDurationsSuggestWhatTheAttributeTakes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ value, example, says, never string }{
		{"30", "60s", `if seconds are meant, write "30s"`, "h\""},
		{"30", "10m", `if minutes are meant, write "30m"`, "h\""},
		{"30", "168h", `if hours are meant, write "30h"`, "s\""},
		{"7d", "168h", `if days are meant, write "168h"`, ""},
		{"2w", "720h", `if weeks are meant, write "336h"`, ""},
		{"7d", "60s", `such as "60s": "7d" is not a duration.`, "h\""},
		{"soon", "60s", `such as "60s": "soon" is not a duration.`, "h\""},
	} {
		var resp validator.StringResponse
		req := validator.StringRequest{Path: path.Root("x"), ConfigValue: types.StringValue(row.value)}
		tf.DurationValidator(time.Second, row.example).ValidateString(t.Context(), req, &resp)
		said := resp.Diagnostics.Errors()[0].Detail()
		if !strings.Contains(said, row.says) || row.never != "" && strings.Contains(said, row.never) {
			t.Errorf("%q beside %q: %s\nwant %s, without %s", row.value, row.example, said, row.says, row.never)
		}
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		key, value string
		ok         bool
	}{
		"plain":       {"team", "shop", true},
		"empty value": {"team", "", true},
		"longest":     {strings.Repeat("a", 63), strings.Repeat("b", 63), true},
		"long key":    {strings.Repeat("a", 64), "b", false},
		"long value":  {"a", strings.Repeat("b", 64), false},
		"upper case":  {"Team", "shop", false},
		"digit first": {"1team", "shop", false},
		"no key":      {"", "shop", false},
		"newline":     {"team", "shop\n", false},
		"of ours":     {"managed-by", "me", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var resp validator.MapResponse
			labels := types.MapValueMust(types.StringType, map[string]attr.Value{test.key: types.StringValue(test.value)})
			tf.LabelsValidator().ValidateMap(t.Context(), validator.MapRequest{Path: path.Root("labels"), ConfigValue: labels}, &resp)
			if resp.Diagnostics.HasError() == test.ok {
				t.Errorf("diagnostics %v", resp.Diagnostics)
			}
		})
	}
}

func TestTimeoutErrorNamesTheAttribute(t *testing.T) {
	t.Parallel()
	ctx, cancel := tf.WithTimeout(t.Context(), tf.Create, time.Nanosecond)
	defer cancel()
	<-ctx.Done()
	err := context.Cause(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "timeouts.create") {
		t.Errorf("cause %v", err)
	}
}
