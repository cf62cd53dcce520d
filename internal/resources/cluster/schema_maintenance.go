package cluster

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// defaultScope is the scope of an exclusion that names none: the strictest, as GKE has it.
const defaultScope = "no_upgrades"

func maintenanceAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		MarkdownDescription: "When GKE may upgrade and repair the cluster. Default: at any time, which in production is seldom what one wants.",
		Optional:            true, Computed: true,
		Attributes: map[string]schema.Attribute{
			"daily_start": schema.StringAttribute{
				MarkdownDescription: "Start of a window of four hours every day, as `HH:MM` in GMT. Not with `window`. Default: none.",
				Optional:            true,
				Validators:          []validator.String{tf.Checked("a time of day", dayTimeForm.check)},
			},
			"window": schema.SingleNestedAttribute{
				MarkdownDescription: "Window that recurs. GKE wants 48 hours of windows within any 32 days. Default: none.",
				Optional:            true,
				Attributes: map[string]schema.Attribute{
					"start": timeAttribute("Required. Start of the first window, such as `2026-01-03T18:00:00Z`."),
					"end":   timeAttribute("Required. End of the first window: how long every window is."),
					"recurrence": schema.StringAttribute{
						MarkdownDescription: "Required. When it recurs, as an RRULE of RFC 5545: `FREQ=WEEKLY;BYDAY=SA,SU`.",
						Optional:            true,
						Validators:          []validator.String{tf.Checked("a recurrence", recurrenceForm.check)},
					},
				},
			},
			"exclusions": schema.MapNestedAttribute{
				MarkdownDescription: "Times without upgrades, by name: sales, holidays, a freeze. GKE takes 20, of which 3 of scope " +
					"`no_upgrades`, which last 30 days at most. Default: none.",
				Optional: true,
				Validators: []validator.Map{
					mapvalidator.SizeBetween(1, maxExclusions), mapvalidator.NoNullValues(),
					mapvalidator.KeysAre(tf.Checked("the name of an exclusion", checkExclusionName)),
				},
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"start": timeAttribute("Required. Start, such as `2026-12-20T00:00:00Z`."),
					"end":   timeAttribute("End. Default: the end of support of the cluster's minor version, not with the scope `no_upgrades`."),
					"scope": schema.StringAttribute{
						MarkdownDescription: "What is held back: " + oneOf(deploy.ExclusionScopes()) + ". Default: `" + defaultScope + "`.",
						Optional:            true, Computed: true, Default: stringdefault.StaticString(defaultScope),
						Validators: []validator.String{stringvalidator.OneOf(deploy.ExclusionScopes()...)},
					},
				}},
			},
		},
	}
}

// maxExclusions is GKE's limit. Source: cloud.google.com/kubernetes-engine/docs/concepts/maintenance-windows-and-exclusions.
const maxExclusions = 20

func timeAttribute(text string) schema.StringAttribute {
	return schema.StringAttribute{
		MarkdownDescription: text, Optional: true, // what is required is asked for by checkMaintenance
		Validators: []validator.String{tf.Checked("a time in UTC", checkTime)},
	}
}
