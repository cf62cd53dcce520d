package tf

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

type checked struct {
	description string
	check       func(string) error
}

// Checked makes a validator of a check function. The description completes "the value must be …".
func Checked(description string, check func(string) error) validator.String {
	return checked{description, check}
}

// Description is the sentence about the value.
func (c checked) Description(context.Context) string { return "value must be " + c.description }

// MarkdownDescription is the sentence about the value.
func (c checked) MarkdownDescription(ctx context.Context) string { return c.Description(ctx) }

// ValidateString skips null and unknown values.
func (c checked) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if err := c.check(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid "+req.Path.String(),
			fmt.Sprintf("The value must be %s: %v.", c.description, err))
	}
}

// DurationValidator accepts durations of Go's form ("90s", "720h") that are at least least. The example is one that the attribute
// takes; its unit is what a number without a unit is suggested with.
func DurationValidator(least time.Duration, example string) validator.String {
	return Checked(fmt.Sprintf("a duration of at least %s, with its unit, such as %q", least, example), func(value string) error {
		d, err := time.ParseDuration(value)
		if err != nil {
			return fmt.Errorf("%.40q is not a duration%s", value, durationHint(value, example))
		}
		if d < least {
			return fmt.Errorf("%s is too short", d)
		}
		return nil
	})
}

// durationHint says what a number without a unit, and days and weeks, which Go has no unit for, may have been meant as. Days and
// weeks are suggested only where hours are usual: elsewhere they are out of range.
func durationHint(value, example string) string {
	digits := strings.TrimRight(value, "dw")
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || n <= 0 {
		return ""
	}
	unit := example[len(example)-1:]
	switch suffix := value[len(digits):]; {
	case suffix == "":
		return fmt.Sprintf("; if %s are meant, write \"%d%s\"", map[string]string{"s": "seconds", "m": "minutes", "h": "hours"}[unit], n, unit)
	case unit == "h" && suffix == "d":
		return fmt.Sprintf("; if days are meant, write \"%dh\"", n*24)
	case unit == "h" && suffix == "w":
		return fmt.Sprintf("; if weeks are meant, write \"%dh\"", n*7*24)
	}
	return ""
}
