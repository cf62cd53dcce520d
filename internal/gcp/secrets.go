package gcp

import (
	"context"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// Secrets is Secret Manager's secret collection. Names are projects/P/secrets/S, of regional secrets
// projects/P/locations/L/secrets/S; answers hold the project's number. The name chooses the endpoint of each call.
type Secrets struct{ c *Client }

// Secrets gives the secret collection.
func (c *Client) Secrets() Secrets { return Secrets{c} }

// Get reads one secret, without its versions.
func (s Secrets) Get(ctx context.Context, name string) (*secretmanagerpb.Secret, error) {
	api, err := s.c.secretsAPI(ctx, name)
	if err != nil {
		return nil, err
	}
	found, err := api.GetSecret(ctx, &secretmanagerpb.GetSecretRequest{Name: name})
	if err != nil {
		return nil, err
	}
	return found, checkName(name, found.GetName())
}

// List gives the names of a project's global secrets. Parent is projects/P.
func (s Secrets) List(ctx context.Context, parent string) ([]string, error) {
	api, err := s.c.secretsAPI(ctx, parent)
	if err != nil {
		return nil, err
	}
	var all []string
	for found, err := range api.ListSecrets(ctx, &secretmanagerpb.ListSecretsRequest{Parent: parent}).All() {
		if err != nil {
			return nil, err
		}
		all = append(all, found.GetName())
	}
	return all, nil
}

// Create makes a secret of that full name, without versions.
func (s Secrets) Create(ctx context.Context, name string, created *secretmanagerpb.Secret) (*secretmanagerpb.Secret, error) {
	api, err := s.c.secretsAPI(ctx, name)
	if err != nil {
		return nil, err
	}
	return api.CreateSecret(ctx, &secretmanagerpb.CreateSecretRequest{
		Parent: parentOf(name), SecretId: lastSegment(name), Secret: created,
	})
}

// Update writes the fields named by mask. With an etag in the secret the write is a compare and set.
func (s Secrets) Update(ctx context.Context, updated *secretmanagerpb.Secret, mask ...string) (*secretmanagerpb.Secret, error) {
	api, err := s.c.secretsAPI(ctx, updated.GetName())
	if err != nil {
		return nil, err
	}
	return api.UpdateSecret(ctx, &secretmanagerpb.UpdateSecretRequest{
		Secret: updated, UpdateMask: &fieldmaskpb.FieldMask{Paths: mask},
	})
}

// Delete removes a secret and all its versions, for good.
func (s Secrets) Delete(ctx context.Context, name string) error {
	api, err := s.c.secretsAPI(ctx, name)
	if err != nil {
		return err
	}
	return api.DeleteSecret(ctx, &secretmanagerpb.DeleteSecretRequest{Name: name})
}
