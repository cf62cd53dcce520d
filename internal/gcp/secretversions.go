package gcp

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// maxVersions bounds one listing: a thousand pages of a hundred versions are a broken server, not a secret.
const maxVersions = 100_000

// SecretVersions is the collection of a secret's versions. Names are projects/P/secrets/S/versions/N, of regional secrets
// projects/P/locations/L/secrets/S/versions/N.
type SecretVersions struct{ c *Client }

// SecretVersions gives the version collection.
func (c *Client) SecretVersions() SecretVersions { return SecretVersions{c} }

// Add stores a value as the next version. The server checks the checksum that is sent along. The call has no client
// id and is never repeated here; an error that repeats the value is replaced by one that does not.
func (s SecretVersions) Add(ctx context.Context, secretName string, value secret.Bytes) (*secretmanagerpb.SecretVersion, error) {
	api, err := s.c.secretsAPI(ctx, secretName)
	if err != nil {
		return nil, err
	}
	crc := value.CRC32C()
	version, err := api.AddSecretVersion(ctx, &secretmanagerpb.AddSecretVersionRequest{
		Parent:  secretName,
		Payload: &secretmanagerpb.SecretPayload{Data: value.Reveal(), DataCrc32C: &crc},
	})
	return version, withoutValue(err, value)
}

// withoutValue drops a server's message that quotes the value it was sent.
func withoutValue(err error, value secret.Bytes) error {
	if err == nil || value.IsZero() {
		return err
	}
	text := err.Error()
	if st, ok := status.FromError(err); ok {
		text += fmt.Sprint(st.Proto())
	}
	b := value.Reveal()
	for _, form := range []string{
		string(b), base64.StdEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b), hex.EncodeToString(b),
	} {
		if strings.Contains(text, strings.TrimRight(form, "=")) {
			return status.Error(status.Code(err), "the server's message repeated the secret value and is not shown")
		}
	}
	return err
}

// Get reads one version's metadata.
func (s SecretVersions) Get(ctx context.Context, name string) (*secretmanagerpb.SecretVersion, error) {
	api, err := s.c.secretsAPI(ctx, name)
	if err != nil {
		return nil, err
	}
	return api.GetSecretVersion(ctx, &secretmanagerpb.GetSecretVersionRequest{Name: name})
}

// List lists the metadata of versions, newest first. The filter is Secret Manager's own ("state:ENABLED"); empty
// means all.
func (s SecretVersions) List(ctx context.Context, secretName, filter string) ([]*secretmanagerpb.SecretVersion, error) {
	api, err := s.c.secretsAPI(ctx, secretName)
	if err != nil {
		return nil, err
	}
	var versions []*secretmanagerpb.SecretVersion
	it := api.ListSecretVersions(ctx, &secretmanagerpb.ListSecretVersionsRequest{Parent: secretName, Filter: filter})
	for len(versions) < maxVersions {
		version, err := it.Next()
		if errors.Is(err, iterator.Done) {
			return versions, nil
		}
		if err != nil {
			return nil, err
		}
		versions = append(versions, version)
	}
	return nil, fmt.Errorf("%s has more than %d versions", secretName, maxVersions)
}

// Access reads the value of a version and checks it against the checksum that comes with it.
func (s SecretVersions) Access(ctx context.Context, name string) (secret.Bytes, error) {
	value, _, err := s.Open(ctx, name)
	return value, err
}

// Enable makes a disabled version usable again.
func (s SecretVersions) Enable(ctx context.Context, name string) (*secretmanagerpb.SecretVersion, error) {
	api, err := s.c.secretsAPI(ctx, name)
	if err != nil {
		return nil, err
	}
	return api.EnableSecretVersion(ctx, &secretmanagerpb.EnableSecretVersionRequest{Name: name})
}

// Disable makes a version unusable until it is enabled.
func (s SecretVersions) Disable(ctx context.Context, name string) (*secretmanagerpb.SecretVersion, error) {
	api, err := s.c.secretsAPI(ctx, name)
	if err != nil {
		return nil, err
	}
	return api.DisableSecretVersion(ctx, &secretmanagerpb.DisableSecretVersionRequest{Name: name})
}

// Destroy removes the value of a version for good: at once, or, where the secret has a version_destroy_ttl, after that
// time, for which the version is disabled. Source: google.cloud.secretmanager.v1.Secret.version_destroy_ttl.
func (s SecretVersions) Destroy(ctx context.Context, name string) (*secretmanagerpb.SecretVersion, error) {
	api, err := s.c.secretsAPI(ctx, name)
	if err != nil {
		return nil, err
	}
	return api.DestroySecretVersion(ctx, &secretmanagerpb.DestroySecretVersionRequest{Name: name})
}

// DisableUnchanged is Disable for a version whose etag is still this one; else it is refused.
func (s SecretVersions) DisableUnchanged(ctx context.Context, name, etag string) (*secretmanagerpb.SecretVersion, error) {
	api, err := s.c.secretsAPI(ctx, name)
	if err != nil {
		return nil, err
	}
	return api.DisableSecretVersion(ctx, &secretmanagerpb.DisableSecretVersionRequest{Name: name, Etag: etag})
}

// DestroyUnchanged is Destroy for a version whose etag is still this one; else it is refused.
func (s SecretVersions) DestroyUnchanged(ctx context.Context, name, etag string) (*secretmanagerpb.SecretVersion, error) {
	api, err := s.c.secretsAPI(ctx, name)
	if err != nil {
		return nil, err
	}
	return api.DestroySecretVersion(ctx, &secretmanagerpb.DestroySecretVersionRequest{Name: name, Etag: etag})
}
