package secret

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

var rotationType = map[string]attr.Type{"next_time": types.StringType, "period": types.StringType}

// topicName is the full name of a Pub/Sub topic.
// Source: https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names.
var topicName = regexp.MustCompile(`^projects/[^/\s]+/topics/[a-zA-Z][a-zA-Z0-9._~+%-]{2,254}$`)

// noticesAttributes are what Secret Manager does by the clock, and whom it tells.
func noticesAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"topics": schema.SetAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: fmt.Sprintf("Pub/Sub topics, `projects/PROJECT/topics/TOPIC`, that Secret Manager tells of every change of the secret and its "+
				"versions; 1 to %d. Its service agent needs `roles/pubsub.publisher` on them. Default: none.", deploy.MaxSecretTopics),
			Validators: []validator.Set{
				setvalidator.SizeBetween(1, deploy.MaxSecretTopics), setvalidator.NoNullValues(),
				setvalidator.ValueStringsAre(tf.Checked("the full name of a Pub/Sub topic", checkTopic)),
			},
		},
		"rotation": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "When Secret Manager reminds `topics` that a rotation is due. It changes no value: whoever gets the message does. Default: no reminders.",
			Attributes: map[string]schema.Attribute{
				"next_time": schema.StringAttribute{
					Required: true,
					MarkdownDescription: "The time of the next reminder, in RFC 3339, at least five minutes ahead when it is sent. With `period` Secret Manager moves " +
						"it on, which is no difference, and one that is past counts as the first of the period's times that is not. Without, one that " +
						"is past and gone counts as done.",
					Validators: []validator.String{tf.Checked("a time in RFC 3339", checkTime)},
				},
				"period": schema.StringAttribute{
					Optional:            true,
					MarkdownDescription: "Time between reminders, at least `1h`, such as `\"2160h\"`. Default: one reminder.",
					Validators:          []validator.String{tf.DurationBetween(deploy.MinRotationPeriod, deploy.MaxRotationPeriod)},
				},
			},
		},
		"expire_time": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "When Secret Manager deletes the secret with all its versions, for good, in RFC 3339. To end access at a time use a condition in IAM " +
				"instead, which can be taken back. Not with `deletion_protection`. Default: never.",
			Validators: []validator.String{tf.Checked("a time in RFC 3339", checkTime)},
		},
	}
}

func checkTopic(topic string) error {
	if !topicName.MatchString(topic) {
		return fmt.Errorf("%s is not one; for example %q", names.Quote(topic), "projects/acme-dev/topics/secret-events")
	}
	return nil
}

func checkTime(value string) error {
	at, err := time.Parse(time.RFC3339, value)
	switch {
	case err != nil:
		return fmt.Errorf("%s is not one; for example %q", names.Quote(value), "2027-01-31T09:00:00Z")
	case at.Nanosecond() != 0:
		return fmt.Errorf("%s has fractions of a second", names.Quote(value))
	}
	return nil
}

// validateNotices checks what attributes say together.
func validateNotices(ctx context.Context, config tfsdk.Config, diags *diag.Diagnostics) {
	var topics types.Set
	var rotation types.Object
	var expires types.String
	var protected types.Bool
	for name, target := range map[string]any{
		"topics": &topics, "rotation": &rotation, "expire_time": &expires, "deletion_protection": &protected,
	} {
		diags.Append(config.GetAttribute(ctx, path.Root(name), target)...)
	}
	if diags.HasError() {
		return
	}
	if topics.IsNull() && !rotation.IsNull() && !rotation.IsUnknown() {
		diags.AddAttributeError(path.Root("rotation"), "Rotation without topics",
			"Secret Manager sends its reminders to topics, and there are none. Set topics to at least one Pub/Sub topic, or remove rotation.")
	}
	if !expires.IsNull() && !expires.IsUnknown() && protected.ValueBool() {
		diags.AddAttributeError(path.Root("expire_time"), "Protected secret with an end", "deletion_protection = true says that the secret must not go, and "+
			"expire_time when Secret Manager deletes it. Remove one of them.")
	}
}

// store is how Secret Manager shall keep the secret.
func (m model) store() deploy.SecretStore {
	s := m.Expand()
	s.Topics = tf.Members(m.Topics)
	s.ExpireTime = timeOf(m.ExpireTime)
	s.RotationTime, s.RotationPeriod = rotationOf(m.Rotation)
	return s
}

func rotationOf(rotation types.Object) (next time.Time, period time.Duration) {
	if text, ok := rotation.Attributes()["next_time"].(types.String); ok {
		next = timeOf(text)
	}
	if text, ok := rotation.Attributes()["period"].(types.String); ok {
		period, _ = time.ParseDuration(text.ValueString())
	}
	return next, period
}

// timeOf reads what checkTime has accepted; the zero time for null.
func timeOf(text types.String) time.Time {
	at, err := time.Parse(time.RFC3339, text.ValueString())
	if err != nil {
		return time.Time{}
	}
	return at
}

// flattenNotices takes over what is live, in the words of before where it means the same.
func (m *model) flattenNotices(live deploy.SecretStore, now time.Time) {
	declared := m.store()
	if len(live.Topics) > 0 || !m.Topics.IsNull() {
		m.Topics = tf.SetOf(live.Topics)
	}
	if len(live.Topics) == 0 {
		m.Topics = types.SetNull(types.StringType)
	}
	if !declared.ExpireTime.Equal(live.ExpireTime) {
		m.ExpireTime = types.StringNull()
		if !live.ExpireTime.IsZero() {
			m.ExpireTime = types.StringValue(live.ExpireTime.UTC().Format(time.RFC3339))
		}
	}
	if !declared.SameRotation(live, now) {
		m.Rotation = types.ObjectNull(rotationType)
		if !live.RotationTime.IsZero() {
			period := tf.LiveDuration(live.RotationPeriod, types.StringNull())
			m.Rotation = types.ObjectValueMust(rotationType, map[string]attr.Value{
				"next_time": types.StringValue(live.RotationTime.UTC().Format(time.RFC3339)), "period": period,
			})
		}
	}
}

// warnOfExpiry says in the plan that sets an expiry what it does.
func (c change) warnOfExpiry(diags *diag.Diagnostics) {
	at := timeOf(c.plan.ExpireTime)
	if at.IsZero() || c.prior != nil && at.Equal(timeOf(c.prior.ExpireTime)) {
		return
	}
	diags.AddAttributeWarning(path.Root("expire_time"), "Secret will be deleted by Secret Manager", fmt.Sprintf("At %s it is deleted with all its versions, "+
		"without another question, and nobody can bring it back. Services that use it cannot start new instances from then on.", at.UTC().Format(time.RFC3339)))
}
