package gcp

import (
	"bytes"
	"context"
	"fmt"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// DamagedValueError says that the value that arrived is not the one that Secret Manager sent, by its checksum.
type DamagedValueError struct{ Version string }

// Error names the version and nothing of the value.
func (e *DamagedValueError) Error() string {
	return fmt.Sprintf("the value of %s was damaged on the way: its checksum does not match", e.Version)
}

// Open reads the value of the version that name ends with (a number, an alias or "latest"), checks it against the checksum
// that comes with it, and tells the version's number.
// Source: google.cloud.secretmanager.v1.SecretPayload.data_crc32c; AccessSecretVersionResponse.name has the number.
func (s SecretVersions) Open(ctx context.Context, name string) (value secret.Bytes, number string, err error) {
	api, err := s.c.secretsAPI(ctx, name)
	if err != nil {
		return secret.Bytes{}, "", err
	}
	answer, err := api.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: name})
	if err != nil {
		return secret.Bytes{}, "", err
	}
	number, err = openedNumber(name, answer.GetName())
	if err != nil {
		return secret.Bytes{}, "", err
	}
	value = secret.New(bytes.Clone(answer.GetPayload().GetData()))
	if sum := answer.GetPayload().DataCrc32C; sum != nil && *sum != value.CRC32C() { //nolint:protogetter // presence matters
		return secret.Bytes{}, "", &DamagedValueError{Version: name}
	}
	return value, number, nil
}

// openedNumber is the number in the name of the answer, which must be of the secret that was asked for, and of the version
// where that was asked for by number. The project may be a number there.
func openedNumber(asked, got string) (string, error) {
	wrong := &WrongObjectError{Asked: asked, Got: got}
	version, err := names.ParseSecretVersionID(got)
	if err != nil || lastSegment(parentOf(asked)) != lastSegment(parentOf(got)) {
		return "", wrong
	}
	if _, err := names.ParseSecretVersionID(asked); err == nil && checkName(asked, got) != nil {
		return "", wrong
	}
	return version.Version, nil
}
