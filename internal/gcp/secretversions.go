package gcp

import (
	"bytes"
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
	api, err := s.c.secretsAPI(ctx, name)
	if err != nil {
		return secret.Bytes{}, err
	}
	answer, err := api.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: name})
	if err != nil {
		return secret.Bytes{}, err
	}
	value := secret.New(bytes.Clone(answer.GetPayload().GetData()))
	if sum := answer.GetPayload().DataCrc32C; sum != nil && *sum != value.CRC32C() { //nolint:protogetter // presence matters
		return secret.Bytes{}, fmt.Errorf("the value of %s was damaged on the way: its checksum does not match", name)
	}
	return value, nil
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

// Destroy removes the value of a version for good.
func (s SecretVersions) Destroy(ctx context.Context, name string) (*secretmanagerpb.SecretVersion, error) {
	api, err := s.c.secretsAPI(ctx, name)
	if err != nil {
		return nil, err
	}
	return api.DestroySecretVersion(ctx, &secretmanagerpb.DestroySecretVersionRequest{Name: name})
}
