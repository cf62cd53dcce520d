package fakegcp

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// secretManager serves google.cloud.secretmanager.v1.SecretManagerService, global and regional secrets.
type secretManager struct {
	secretmanagerpb.UnimplementedSecretManagerServiceServer
	s *Server
}

// secretState is what is kept beside the store: payloads, which no dump shows, and the last version number of each secret,
// as numbers are never used twice.
type secretState struct {
	payloads map[string][]byte // by version name
	last     map[string]int    // by secret name
}

func (st *secretState) drop(name string) {
	for n := range st.last[name] {
		delete(st.payloads, fmt.Sprintf("%s/versions/%d", name, n+1))
	}
	delete(st.last, name)
	delete(st.payloads, name)
}

var (
	secretParentForm = regexp.MustCompile(`^projects/[^/]+(/locations/[^/]+)?$`)
	secretNameForm   = regexp.MustCompile(`^(projects/[^/]+(?:/locations/[^/]+)?)/secrets/([^/]+)$`)
	secretIDForm     = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
)

// newSecretEtag is a quoted string: clients must send it back with its quotes.
func newSecretEtag() string { return fmt.Sprintf("%q", randomHex(7)) }

// find is the secret by a name with the project's id or number; the error names it with the number.
func (m *secretManager) find(name string) (*secretmanagerpb.Secret, error) {
	if !secretNameForm.MatchString(name) {
		return nil, invalid("The provided resource name [%s] is not in the form projects/*/secrets/* or projects/*/locations/*/secrets/*.", name)
	}
	if err := m.checkProject(name, "secretmanager.secrets.get"); err != nil {
		return nil, err
	}
	numbered := m.s.numbered(name)
	secret, ok := lookup[*secretmanagerpb.Secret](m.s.store, numbered)
	if !ok {
		return nil, notFound("Secret [%s] not found.", numbered)
	}
	return secret, nil
}

// checkProject refuses a project that does not exist the way the real service does: as one that the caller cannot see.
func (m *secretManager) checkProject(name, permission string) error {
	if _, ok := m.s.projectOf(name); !ok {
		return permissionDenied(secretManagerService, permission, name)
	}
	return nil
}

// CreateSecret makes a secret without versions.
func (m *secretManager) CreateSecret(_ context.Context, r *secretmanagerpb.CreateSecretRequest) (*secretmanagerpb.Secret, error) {
	if err := checkSecretParent(r.GetParent()); err != nil {
		return nil, err
	}
	if err := m.checkProject(r.GetParent(), "secretmanager.secrets.create"); err != nil {
		return nil, err
	}
	if !secretIDForm.MatchString(r.GetSecretId()) {
		return nil, invalid("Secret ID [%s] must match the pattern [a-zA-Z0-9_-]{1,255}.", r.GetSecretId())
	}
	name := m.s.numbered(r.GetParent()) + "/secrets/" + r.GetSecretId()
	if _, ok := lookup[*secretmanagerpb.Secret](m.s.store, name); ok {
		return nil, alreadyExists("Secret [%s] already exists.", name)
	}
	secret := proto.CloneOf(r.GetSecret())
	if secret == nil {
		secret = &secretmanagerpb.Secret{}
	}
	if err := checkReplication(r.GetParent(), secret); err != nil {
		return nil, err
	}
	secret.Name, secret.CreateTime, secret.Etag = name, m.s.timestamp(), newSecretEtag()
	secret.Tags, secret.PolicyMember = nil, nil // input only, output only
	if err := m.finish(secret); err != nil {
		return nil, err
	}
	return secret, nil
}

func checkReplication(parent string, secret *secretmanagerpb.Secret) error {
	regional := strings.Contains(parent, "/locations/")
	switch {
	case !regional && secret.GetReplication().GetReplication() == nil:
		return invalid("Secret.replication must be specified.")
	case regional && secret.GetReplication() != nil:
		return invalid("Secret.replication must not be specified for regional secrets.")
	case !regional && secret.GetCustomerManagedEncryption() != nil:
		return invalid("Secret.customer_managed_encryption is for regional secrets; others have it in their replication.")
	case secret.GetSecretType() != secretmanagerpb.Secret_SECRET_TYPE_UNSPECIFIED:
		return unmodelled("secrets of type %s", secret.GetSecretType())
	}
	return checkReplicas(secret.GetReplication().GetUserManaged())
}

func checkReplicas(u *secretmanagerpb.Replication_UserManaged) error {
	if u == nil {
		return nil
	}
	if len(u.GetReplicas()) == 0 {
		return invalid("Secret.replication.user_managed.replicas must not be empty.")
	}
	seen := map[string]bool{}
	for _, r := range u.GetReplicas() {
		if r.GetLocation() == "" || seen[r.GetLocation()] {
			return invalid("Secret.replication.user_managed.replicas must name each location once, not [%s].", r.GetLocation())
		}
		seen[r.GetLocation()] = true
	}
	return nil
}

// finish checks a secret, turns ttl into the expiry that it stands for, and stores it.
func (m *secretManager) finish(secret *secretmanagerpb.Secret) error {
	if ttl := secret.GetTtl(); ttl != nil {
		if ttl.AsDuration() <= 0 {
			return invalid("Secret.ttl must be positive.")
		}
		secret.Expiration = &secretmanagerpb.Secret_ExpireTime{ExpireTime: timestamppb.New(m.s.timestamp().AsTime().Add(ttl.AsDuration()))}
	}
	if err := m.check(secret); err != nil {
		return err
	}
	m.s.store.put(secret.GetName(), secret)
	if at := secret.GetExpireTime(); at != nil {
		m.expire(secret.GetName(), at.AsTime())
	}
	m.rotate(secret.GetName(), secret.GetRotation())
	return nil
}

// expire has the secret vanish at its expiry, if that is still to come and is not changed until then.
func (m *secretManager) expire(name string, at time.Time) {
	if !at.After(m.s.now()) {
		return // published recordings have their times normalised to the past
	}
	m.s.schedule(at, func() {
		if secret, ok := lookup[*secretmanagerpb.Secret](m.s.store, name); ok && secret.GetExpireTime().AsTime().Equal(at) {
			m.s.forget(name)
		}
	})
}

// GetSecret is the secret without its versions.
func (m *secretManager) GetSecret(_ context.Context, r *secretmanagerpb.GetSecretRequest) (*secretmanagerpb.Secret, error) {
	return m.find(r.GetName())
}

// secretPages are the limits of the lists of secrets and of versions. The most is documented; how many there are when the
// request does not say is up to the server. Source: google/cloud/secretmanager/v1/service.proto.
var secretPages = pageLimits{standard: 100, most: 25000}

// totalSize is the number of items on all pages, 0 with a filter. Source: google/cloud/secretmanager/v1/service.proto.
func totalSize(filter string, total int32) int32 {
	if filter != "" {
		return 0
	}
	return total
}

// ListSecrets lists the newest first.
func (m *secretManager) ListSecrets(_ context.Context, r *secretmanagerpb.ListSecretsRequest) (*secretmanagerpb.ListSecretsResponse, error) {
	if err := checkSecretParent(r.GetParent()); err != nil {
		return nil, err
	}
	if err := m.checkProject(r.GetParent(), "secretmanager.secrets.list"); err != nil {
		return nil, err
	}
	keep, err := secretFilter(r.GetFilter())
	if err != nil {
		return nil, err
	}
	all := only(m.s.store.newestFirst(m.s.numbered(r.GetParent())+"/secrets"), keep)
	items, next, total, err := cut(all, secretPages, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &secretmanagerpb.ListSecretsResponse{Secrets: items, NextPageToken: next, TotalSize: totalSize(r.GetFilter(), total)}, nil
}

func checkSecretParent(parent string) error {
	if !secretParentForm.MatchString(parent) {
		return invalid("The provided parent [%s] is not in the form projects/* or projects/*/locations/*.", parent)
	}
	return nil
}

// immutableSecretFields cannot be updated; of replication only the keys can.
var immutableSecretFields = []string{"name", "create_time", "tags", "secret_type", "policy_member"}

// UpdateSecret changes the fields that the mask names.
func (m *secretManager) UpdateSecret(_ context.Context, r *secretmanagerpb.UpdateSecretRequest) (*secretmanagerpb.Secret, error) {
	secret, err := m.find(r.GetSecret().GetName())
	if err != nil {
		return nil, err
	}
	mask := slices.Clone(r.GetUpdateMask().GetPaths())
	if len(mask) == 0 {
		return nil, invalid("Field mask must be specified.")
	}
	for _, f := range immutableSecretFields {
		if maskNames(mask, f) {
			return nil, invalid("Field [%s] is immutable.", f)
		}
	}
	if err := checkSecretEtag(r.GetSecret().GetEtag(), secret.GetEtag()); err != nil {
		return nil, err
	}
	mask = slices.DeleteFunc(mask, func(p string) bool { return p == "etag" })
	before := proto.CloneOf(secret.GetReplication())
	if err := applyMask(secret, r.GetSecret(), mask); err != nil {
		return nil, err
	}
	if err := checkReplicationUpdate(before, secret.GetReplication()); err != nil {
		return nil, err
	}
	secret.Etag = newSecretEtag()
	if err := m.finish(secret); err != nil {
		return nil, err
	}
	return secret, nil
}

// checkSecretEtag compares an etag that a caller sent. Only quoted ones are etags of this API; published recordings carry
// placeholders.
func checkSecretEtag(sent, current string) error {
	if !strings.HasPrefix(sent, `"`) || sent == current {
		return nil
	}
	return precondition("The etag provided [%s] does not match the etag of the resource [%s].", sent, current)
}

// DeleteSecret takes the secret and all its versions away for good.
func (m *secretManager) DeleteSecret(_ context.Context, r *secretmanagerpb.DeleteSecretRequest) (*emptypb.Empty, error) {
	secret, err := m.find(r.GetName())
	if err != nil {
		return nil, err
	}
	if err := checkSecretEtag(r.GetEtag(), secret.GetEtag()); err != nil {
		return nil, err
	}
	m.s.forget(secret.GetName())
	return &emptypb.Empty{}, nil
}

// GetIamPolicy is the secret's policy.
func (m *secretManager) GetIamPolicy(_ context.Context, r *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := m.find(r.GetResource()); err != nil {
		return nil, err
	}
	return m.s.readPolicy(r)
}

// SetIamPolicy replaces the secret's policy.
func (m *secretManager) SetIamPolicy(_ context.Context, r *iampb.SetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := m.find(r.GetResource()); err != nil {
		return nil, err
	}
	return m.s.setIamPolicy(r, allowPublic)
}

// TestIamPermissions answers nothing for a secret that does not exist, not NOT_FOUND.
func (m *secretManager) TestIamPermissions(ctx context.Context, r *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	if _, err := m.find(r.GetResource()); err != nil {
		return &iampb.TestIamPermissionsResponse{}, nil //nolint:nilerr // as the method's comment says
	}
	return m.s.testPermissions(ctx, r)
}
