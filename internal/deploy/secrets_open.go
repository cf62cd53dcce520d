package deploy

import (
	"context"
	"strconv"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// SecretVersionRef says whose value is to be read. Its errors belong to the attributes secret and version, or to
// version_id when that is how the user named it.
type SecretVersionRef struct {
	ID names.SecretID
	// Version is a number, an alias or "latest"; empty for the effective version.
	Version string
	// ByVersionID tells that secret and version came as one full name.
	ByVersionID bool
}

// attribute is where a failure with the secret belongs.
func (r SecretVersionRef) attribute() []string {
	if r.ByVersionID {
		return []string{"version_id"}
	}
	return []string{"secret"}
}

// versionAttribute is where a failure with the version belongs.
func (r SecretVersionRef) versionAttribute() []string {
	if r.ByVersionID || r.Version == "" {
		return r.attribute()
	}
	return []string{"version"}
}

// name is the full name of a version of the secret.
func (r SecretVersionRef) name(version string) string { return r.ID.String() + "/versions/" + version }

// SecretValue is the value of one version. It is for handing on, never for keeping.
type SecretValue struct {
	Value secret.Bytes
	// Version is the number, ID the full name with it.
	Version, ID string
	// Created is zero when the caller may not see it.
	Created time.Time
}

// OpenSecretVersion reads a value. A version that is named needs secretmanager.versions.access and nothing else; without
// one the secret is read first, because it says which of its versions is the effective one.
func (c *Cloud) OpenSecretVersion(ctx context.Context, ref SecretVersionRef) (SecretValue, error) {
	version, err := c.secretVersionToOpen(ctx, ref)
	if err != nil {
		return SecretValue{}, err
	}
	value, number, err := c.GCP.SecretVersions().Open(ctx, ref.name(version))
	if err != nil {
		return SecretValue{}, c.secretOpenError(ctx, ref, version, err)
	}
	opened := SecretValue{Value: value, Version: number, ID: ref.name(number)}
	metadata, err := c.GCP.SecretVersions().Get(ctx, opened.ID)
	switch {
	case err == nil:
		opened.Created = metadata.GetCreateTime().AsTime()
	case gcp.Classify(err) != gcp.PermissionDenied:
		return SecretValue{}, secretError("read a version of", ref.ID, err)
	}
	return opened, nil
}

// secretVersionToOpen is the version that is named, or the effective one: what the provider recorded, and for a secret
// without a managed value what Secret Manager takes for the latest.
func (c *Cloud) secretVersionToOpen(ctx context.Context, ref SecretVersionRef) (string, error) {
	if ref.Version != "" {
		return ref.Version, nil
	}
	live, err := c.secretGet(ctx, ref.ID)
	switch {
	case err != nil:
		return "", secretNotSeen(ref, err)
	case live.record.Version == 0:
		return names.LatestVersion, nil
	default:
		return strconv.FormatInt(live.record.Version, 10), nil
	}
}
