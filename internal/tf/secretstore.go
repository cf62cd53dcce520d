package tf

import (
	"fmt"
	"maps"
	"regexp"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// SecretStore is the part of a model that says how Secret Manager keeps a secret; SecretStoreAttributes is its schema.
type SecretStore struct {
	Replicas           types.Map    `tfsdk:"replicas"`
	KMSKey             types.String `tfsdk:"kms_key"`
	Annotations        types.Map    `tfsdk:"annotations"`
	VersionDestroyTTL  types.String `tfsdk:"version_destroy_ttl"`
	DeletionProtection types.Bool   `tfsdk:"deletion_protection"`
	AllowReplacementOf types.String `tfsdk:"allow_replacement_of"`
}

var replicaType = types.ObjectType{AttrTypes: map[string]attr.Type{"kms_key": types.StringType}}

// The forms of annotation keys and of the full names of keys of Cloud KMS.
// Sources: google.cloud.secretmanager.v1.Secret.annotations and CustomerManagedEncryption.kms_key_name.
var (
	annotationKey = regexp.MustCompile(`^[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$`)
	kmsKey        = regexp.MustCompile(`^projects/[^/\s]+/locations/([a-z0-9-]+)/keyRings/[a-zA-Z0-9_-]{1,63}/cryptoKeys/[a-zA-Z0-9_-]{1,63}$`)
)

const kmsKeyExample = "projects/acme-keys/locations/europe-west3/keyRings/app/cryptoKeys/secrets"

// SecretStoreAttributes are the attributes that say how Secret Manager keeps a secret. kept is what a secret holds.
func SecretStoreAttributes(kept string) map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"replicas": schema.MapNestedAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "The locations in which the " + kept + " are kept, such as `{ \"europe-west1\" = {}, \"europe-west3\" = {} }`, each with the Cloud " +
				"KMS key of that location where they are to be encrypted by one. The set of locations of a secret cannot change: see " +
				"`allow_replacement_of`. Not with `location` or `kms_key`. Default: automatic replication for a new secret; what it has for " +
				"one that is there.",
			Validators: []validator.Map{mapvalidator.SizeAtLeast(1)},
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"kms_key": schema.StringAttribute{
					Optional:            true,
					MarkdownDescription: "The key's full name. It has to be in this location. A change holds for versions that are added afterwards. Default: a key of Google's.",
					Validators:          []validator.String{Checked("the full name of a Cloud KMS key", checkKMSKey)},
				},
			}},
		},
		"kms_key": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "The Cloud KMS key that the " + kept + " are encrypted with, `projects/P/locations/L/keyRings/R/cryptoKeys/K`: in `global` for " +
				"automatic replication, in `location` for a regional secret. Secret Manager's service agent needs " +
				"`roles/cloudkms.cryptoKeyEncrypterDecrypter` on it. A change holds for versions that are added afterwards. Default: a key of Google's.",
			Validators: []validator.String{Checked("the full name of a Cloud KMS key", checkKMSKey)},
		},
		"annotations": schema.MapAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: fmt.Sprintf("Annotations of the secret, %d bytes in keys and values at most. Keys are 1 to 63 letters, digits, `-`, `_` and `.`, "+
				"with a letter or a digit at both ends. Whoever may list secrets reads them: nothing secret belongs there. Those of others stay as they "+
				"are; an import takes all that are there for managed, so copy those that shall stay. Default: none.", deploy.MaxSecretAnnotationBytes),
			Validators: []validator.Map{mapvalidator.NoNullValues(), annotationsValidator{}},
		},
		"version_destroy_ttl": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(hours(deploy.DefaultVersionDestroyTTL)),
			MarkdownDescription: fmt.Sprintf("How long Google waits before it destroys a version for good, from the moment that somebody, or `keep_versions`, asks for it. "+
				"The version is disabled at once, and can be enabled again until then. `%s` to `%s`. Default: `%s`.",
				hours(deploy.MinVersionDestroyTTL), hours(deploy.MaxVersionDestroyTTL), hours(deploy.DefaultVersionDestroyTTL)),
			Validators: []validator.String{DurationBetween(deploy.MinVersionDestroyTTL, deploy.MaxVersionDestroyTTL)},
		},
		"deletion_protection": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Refuses to destroy or to replace the secret: in the plan, and after `-replace` or `taint`, which the provider does not see in " +
				"a plan, in the apply. It is Terraform's own and holds back nobody else. A create that failed before there was a version is not " +
				"protected. Default: `false`.",
		},
		"allow_replacement_of": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "The `id` of the secret that this resource may destroy, with all its versions and at once, to make another one. Without it a change of " +
				"`name`, `project`, `location` or the locations of `replicas` is refused. Remove it again afterwards. Default: none.",
			Validators: []validator.String{Checked("the id of a secret", checkSecretID)},
		},
	}
}

// DurationBetween accepts durations of Go's form between two bounds, in whole seconds.
func DurationBetween(least, most time.Duration) validator.String {
	return Checked(fmt.Sprintf("a duration between %q and %q", hours(least), hours(most)), func(value string) error {
		d, err := time.ParseDuration(value)
		switch {
		case err != nil:
			return fmt.Errorf("%.40q is not a duration%s", value, durationHint(value, hours(least)))
		case d < least:
			return fmt.Errorf("%s is too short", d)
		case d > most:
			return fmt.Errorf("%s is too long", d)
		case d%time.Second != 0:
			return fmt.Errorf("%s is not a number of whole seconds", d)
		}
		return nil
	})
}

// hours is a duration as people write it: in hours where it is whole ones.
func hours(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return d.String()
}

// LiveDuration is a live duration, in the words that it was written in where it is the same one; null for none.
func LiveDuration(live time.Duration, prior types.String) types.String {
	if was, err := time.ParseDuration(prior.ValueString()); err == nil && was == live {
		return prior
	}
	if live == 0 {
		return types.StringNull()
	}
	return types.StringValue(hours(live))
}

func checkSecretID(id string) error {
	_, err := names.ParseSecretID(id)
	return err
}

func checkKMSKey(key string) error {
	if !kmsKey.MatchString(key) {
		return fmt.Errorf("%s is not one; for example %q", names.Quote(key), kmsKeyExample)
	}
	return nil
}

// Expand is the declared part.
func (s SecretStore) Expand() deploy.SecretStore {
	ttl, _ := time.ParseDuration(s.VersionDestroyTTL.ValueString())
	return deploy.SecretStore{
		Replicas: replicaKeys(s.Replicas), KMSKey: s.KMSKey.ValueString(), Annotations: Strings(s.Annotations), VersionDestroyTTL: ttl,
	}
}

// replicaKeys are the locations with their keys, nil for null and unknown.
func replicaKeys(replicas types.Map) map[string]string {
	if replicas.IsNull() || replicas.IsUnknown() {
		return nil
	}
	keys := map[string]string{}
	for location, replica := range replicas.Elements() {
		keys[location] = ""
		if object, ok := replica.(types.Object); ok {
			if key, ok := object.Attributes()["kms_key"].(types.String); ok {
				keys[location] = key.ValueString()
			}
		}
	}
	return keys
}

// Flatten is the live secret as far as it is managed, s being what is known of it. Imported says that nothing is.
func (s SecretStore) Flatten(live deploy.SecretStore, imported bool) SecretStore {
	managed := s.Annotations
	if imported {
		managed = types.MapNull(types.StringType)
		if len(live.Annotations) > 0 {
			managed = StringMap(live.Annotations)
		}
		s.DeletionProtection = types.BoolValue(false)
	}
	s.Annotations = LiveLabels(live.Annotations, managed)
	s.Replicas = replicasOf(live.Replicas)
	s.KMSKey = StringOrNull(live.KMSKey)
	s.VersionDestroyTTL = LiveDuration(live.VersionDestroyTTL, s.VersionDestroyTTL)
	return s
}

// Finished is the planned part with what the apply has found out.
func (s SecretStore) Finished() SecretStore {
	if s.Replicas.IsUnknown() {
		s.Replicas = types.MapNull(replicaType)
	}
	return s
}

func replicasOf(keys map[string]string) basetypes.MapValue {
	if keys == nil {
		return types.MapNull(replicaType)
	}
	elements := map[string]attr.Value{}
	for location, key := range keys {
		elements[location] = types.ObjectValueMust(replicaType.AttrTypes, map[string]attr.Value{"kms_key": StringOrNull(key)})
	}
	return types.MapValueMust(replicaType, elements)
}

// StringMap is a map of strings as a value.
func StringMap(m map[string]string) types.Map {
	elements := map[string]attr.Value{}
	for key, value := range maps.All(m) {
		elements[key] = types.StringValue(value)
	}
	return types.MapValueMust(types.StringType, elements)
}
