package sessionkey

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/sessionkey"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// Bounds and defaults of the attributes.
const (
	defaultBytes, defaultKeep = 32, 1
	maxTrigger                = 256
	// defaultEncoding is hex because it is read alike everywhere: no padding, no second alphabet, nothing to escape.
	defaultEncoding = sessionkey.Hex
)

// Schema describes the resource.
func (r *sessionKeyResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	attributes := settingsAttributes()
	attributes["id"] = computedString("`projects/PROJECT/secrets/NAME`, of a regional secret `projects/PROJECT/locations/LOCATION/secrets/NAME`.")
	attributes["name"] = schema.StringAttribute{
		Required: true,
		MarkdownDescription: "The name of the secret in the project: 1 to 255 letters, digits, `-` and `_`. It cannot change: see " +
			"`allow_replacement_of`.",
		Validators: []validator.String{tf.Checked("the name of a secret", names.CheckSecret)},
	}
	attributes["project"] = schema.StringAttribute{
		Optional: true, Computed: true,
		MarkdownDescription: "The project's id. Default: the provider's `project`. It cannot change: see `allow_replacement_of`.",
		Validators:          []validator.String{tf.Checked("a project id", names.CheckProject)},
	}
	attributes["location"] = tf.SecretLocationAttribute()
	attributes["labels"] = tf.LabelsAttribute()
	attributes["effective_labels"] = tf.EffectiveLabelsAttribute()
	attributes["accessors"] = schema.SetAttribute{
		ElementType: types.StringType, Optional: true,
		MarkdownDescription: "IAM members that get `roles/secretmanager.secretAccessor` on this secret. They are added and removed one by one: " +
			"members that others have granted are neither shown nor touched. Default: none. A `twelvefactor_service` that uses the key " +
			"grants itself access.",
		Validators: []validator.Set{setvalidator.NoNullValues(), setvalidator.ValueStringsAre(tf.Checked("an IAM member", deploy.CheckAccessor))},
	}
	attributes["keep_versions"] = tf.KeepVersionsAttribute()
	attributes["surplus_versions"] = tf.SurplusVersionsAttribute()
	attributes["timeouts"] = timeouts.Attributes(ctx, timeouts.Opts{Create: true, Read: true, Update: true, Delete: true})
	maps.Copy(attributes, computedAttributes())
	maps.Copy(attributes, tf.SecretStoreAttributes("keys"))
	resp.Schema = schema.Schema{
		MarkdownDescription: "A ring of random session keys in Secret Manager. The keys are drawn inside the provider from the operating " +
			"system's generator and sent to the API: they are in no configuration, plan, state or log. A version's payload is the current " +
			"key, followed by the previous ones that are still valid, so that sessions survive a rotation. The aliases `current` and `previous` " +
			"are kept on the version in force and on the one that holds the ring before.",
		Attributes: attributes,
	}
}

func settingsAttributes() map[string]schema.Attribute {
	encodings := sessionkey.Encodings()
	return map[string]schema.Attribute{
		"bytes": schema.Int64Attribute{
			Optional: true, Computed: true, Default: int64default.StaticInt64(defaultBytes),
			MarkdownDescription: fmt.Sprintf("Length of a key in bytes before encoding: %d to %d. 32 is what most want; 64 for an HMAC with "+
				"SHA-512 or where a library asks for 64 (`securecookie` recommends 32 or 64 for its hash key). A change rotates. Default: %d.",
				sessionkey.MinBytes, sessionkey.MaxBytes, defaultBytes),
			Validators: []validator.Int64{int64validator.Between(sessionkey.MinBytes, sessionkey.MaxBytes)},
		},
		"encoding": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(string(defaultEncoding)),
			MarkdownDescription: fmt.Sprintf("How keys are written. `hex` is two digits for each byte, in lower case, and right wherever any text is "+
				"taken (Rails, Django, Flask, Express, Phoenix) or the app decodes it (Go, Ktor). `base64` is the standard alphabet with padding "+
				"(RFC 4648, section 4), what `Buffer.from(key, \"base64\")` and most decoders expect. `base64url` is the URL-safe alphabet without "+
				"padding (section 5), as in JSON Web Keys; Python's `Fernet` wants it padded (append `=` to a key of 32 bytes). `raw` is the bytes "+
				"themselves, for a file only: as an environment variable they are not text, which a `twelvefactor_service` on GKE refuses and on Cloud "+
				"Run cannot see, since there no value is read. `raw` needs `keep = 0` and no `separator`: any byte can be part of a key, so nothing "+
				"can stand between two. A change rotates; previous keys stay as they were written, and a previous `raw` key is written in the new "+
				"encoding. Default: `%s`.", defaultEncoding),
			Validators: []validator.String{stringvalidator.OneOf(encodings...)},
		},
		"separator": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(sessionkey.DefaultSeparator),
			MarkdownDescription: fmt.Sprintf("What stands between the keys of the payload: 1 to %d printable ASCII characters, newline or tab, that no "+
				"encoding uses (no letters, digits, `+`, `/`, `=`, `-`, `_`). Without a meaning, and not to be set, with `raw`. A change rotates. "+
				"Default: `%s`.", sessionkey.MaxSeparator, sessionkey.DefaultSeparator),
			Validators: []validator.String{tf.Checked("a separator", sessionkey.CheckSeparator)},
		},
		"keep": schema.Int64Attribute{
			Optional: true, Computed: true, Default: int64default.StaticInt64(defaultKeep),
			MarkdownDescription: fmt.Sprintf("How many previous keys stay in the payload: 0 to %d. With 0 every session ends at a rotation. A change "+
				"takes effect with the next rotation. A key leaves the payload for good with the rotation that no longer keeps it, and also when "+
				"its versions are disabled or destroyed by hand at the time of a rotation. Must be written as `0` with `encoding = \"raw\"`. Default: %d.", sessionkey.MaxKeep, defaultKeep),
			Validators: []validator.Int64{int64validator.Between(0, sessionkey.MaxKeep)},
		},
		"rotate_after": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "Age at which the current key is replaced, such as `\"720h\"` for 30 days (there is no unit for days); at least `1s`. A refresh that finds the key due sets " +
				"`rotation_due_since`, and the plan shows the rotation; nothing rotates between runs. Default: never.",
			Validators: []validator.String{tf.DurationValidator(time.Second, "720h")},
		},
		"rotation_trigger": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Any text; a change of it rotates now. After a leak set `keep = 0` in the same apply, or the leaked key stays valid. Default: none.",
			Validators:          []validator.String{stringvalidator.LengthBetween(1, maxTrigger)},
		},
	}
}

func computedAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"version": computedString("The number of the version that holds the ring, such as `\"3\"`. Null when it was disabled or destroyed by hand."),
		"version_id": computedString("The full name of that version, the `id` followed by `/versions/NUMBER`: give this to a service. " +
			"A rotation changes it, so services roll to the new ring in the same apply."),
		"rotated_at":         computedString("When the current key was drawn, in RFC 3339, UTC."),
		"next_rotation":      computedString("`rotated_at` and `rotate_after` added up, in RFC 3339, UTC. Null without `rotate_after`."),
		"rotation_due_since": computedString("Since when a rotation has been due, in RFC 3339, UTC; decided by a refresh. Null when none is due."),
		"status": computedString("`ready`; `creating` when the create was interrupted (the next apply goes on); `degraded` when the version was " +
			"disabled or destroyed by hand (the next apply draws a new key and keeps the previous ones that can still be read); `drifted` when " +
			"the alias `current` or `previous`, or the annotation `twelvefactor-spec`, was moved or removed (the next apply sets it back)."),
	}
}

// IdentitySchema describes what a session key is found by.
func (r *sessionKeyResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"project":  tf.IdentityRequired("The project's id."),
		"location": tf.IdentityOptional(tf.SecretLocationIdentity),
		"name":     tf.IdentityRequired("The secret's name."),
	}}
}

func computedString(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: description}
}
