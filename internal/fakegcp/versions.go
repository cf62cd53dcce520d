package fakegcp

import (
	"cmp"
	"context"
	"fmt"
	"hash/crc32"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// maxPayloadBytes is the most that a version holds.
const maxPayloadBytes = 64 << 10

var versionNameForm = regexp.MustCompile(`^(projects/[^/]+(?:/locations/[^/]+)?/secrets/[^/]+)/versions/([^/]+)$`)

var versionNumberForm = regexp.MustCompile(`^[0-9]+$`)

// castagnoli is the polynomial of payload checksums.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func payloadChecksum(data []byte) int64 { return int64(crc32.Checksum(data, castagnoli)) }

// findVersion is a version by number, alias or "latest".
func (m *secretManager) findVersion(name string) (*secretmanagerpb.SecretVersion, error) {
	parts := versionNameForm.FindStringSubmatch(name)
	if parts == nil {
		return nil, invalid("The provided resource name [%s] is not in the form projects/*/secrets/*/versions/*.", name)
	}
	if err := m.checkProject(name, accessSecretPayload); err != nil {
		return nil, err
	}
	secretName, id := m.s.numbered(parts[1]), parts[2]
	secret, ok := lookup[*secretmanagerpb.Secret](m.s.store, secretName)
	if !ok || m.s.secrets.last[secretName] == 0 {
		return nil, notFound("Secret [%s] not found or has no versions.", secretName)
	}
	if id == "latest" { // the one created last, whatever its state
		id = strconv.Itoa(m.s.secrets.last[secretName])
	} else if number, ok := secret.GetVersionAliases()[id]; ok {
		id = strconv.FormatInt(number, 10)
	}
	version, ok := lookup[*secretmanagerpb.SecretVersion](m.s.store, secretName+"/versions/"+id)
	if !ok {
		return nil, notFound("Secret Version [%s/versions/%s] not found.", secretName, id)
	}
	return version, nil
}

// AddSecretVersion numbers versions from 1. It has no client id: sent twice it makes two.
func (m *secretManager) AddSecretVersion(_ context.Context, r *secretmanagerpb.AddSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	secret, err := m.find(r.GetParent())
	if err != nil {
		return nil, err
	}
	data := r.GetPayload().GetData()
	switch {
	case r.GetPayload() == nil || len(data) == 0:
		return nil, invalid("Secret Payload cannot be empty.")
	case len(data) > maxPayloadBytes:
		return nil, invalid("Secret Payload exceeds the maximum size of %d bytes.", maxPayloadBytes)
	case r.GetPayload().DataCrc32C != nil && r.GetPayload().GetDataCrc32C() != payloadChecksum(data):
		return nil, invalid("The data_crc32c of the Secret Payload does not match its data.")
	}
	if m.s.secrets.last == nil {
		m.s.secrets.last, m.s.secrets.payloads = map[string]int{}, map[string][]byte{}
	}
	m.s.secrets.last[secret.GetName()]++
	version := &secretmanagerpb.SecretVersion{
		Name:                           fmt.Sprintf("%s/versions/%d", secret.GetName(), m.s.secrets.last[secret.GetName()]),
		CreateTime:                     m.s.timestamp(),
		State:                          secretmanagerpb.SecretVersion_ENABLED,
		ReplicationStatus:              replicationStatus(secret),
		ClientSpecifiedPayloadChecksum: r.GetPayload().DataCrc32C != nil,
		CustomerManagedEncryption:      keyVersion(secret.GetCustomerManagedEncryption()),
		Etag:                           newSecretEtag(),
	}
	m.s.store.put(version.GetName(), version)
	m.s.secrets.payloads[version.GetName()] = slices.Clone(data)
	return version, nil
}

// GetSecretVersion is the version without its payload.
func (m *secretManager) GetSecretVersion(_ context.Context, r *secretmanagerpb.GetSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	return m.findVersion(r.GetName())
}

// ListSecretVersions lists the newest first.
func (m *secretManager) ListSecretVersions(_ context.Context, r *secretmanagerpb.ListSecretVersionsRequest) (*secretmanagerpb.ListSecretVersionsResponse, error) {
	secret, err := m.find(r.GetParent())
	if err != nil {
		return nil, err
	}
	keep, err := versionFilter(r.GetFilter())
	if err != nil {
		return nil, err
	}
	all := slices.Collect(only(m.s.store.byName(secret.GetName()+"/versions"), keep))
	slices.SortFunc(all, func(a, b *secretmanagerpb.SecretVersion) int {
		return cmp.Compare(versionNumber(b), versionNumber(a))
	})
	items, next, total, err := cut(slices.Values(all), secretPages, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &secretmanagerpb.ListSecretVersionsResponse{Versions: items, NextPageToken: next, TotalSize: totalSize(r.GetFilter(), total)}, nil
}

func versionNumber(v *secretmanagerpb.SecretVersion) int {
	n, _ := strconv.Atoi(lastSegment(v.GetName())) // the fake numbered it itself
	return n
}

// AccessSecretVersion hands out the payload of an enabled version.
func (m *secretManager) AccessSecretVersion(_ context.Context, r *secretmanagerpb.AccessSecretVersionRequest) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	version, err := m.findVersion(r.GetName())
	if err != nil {
		return nil, err
	}
	if err := checkReadable(version); err != nil {
		return nil, err
	}
	data := slices.Clone(m.s.secrets.payloads[version.GetName()])
	sum := payloadChecksum(data)
	return &secretmanagerpb.AccessSecretVersionResponse{
		Name:    version.GetName(),
		Payload: &secretmanagerpb.SecretPayload{Data: data, DataCrc32C: &sum},
	}, nil
}

// checkReadable refuses a version that is disabled or destroyed.
func checkReadable(v *secretmanagerpb.SecretVersion) error {
	if v.GetState() == secretmanagerpb.SecretVersion_ENABLED {
		return nil
	}
	return versionStateError(v)
}

func versionStateError(v *secretmanagerpb.SecretVersion) error {
	return precondition("Secret Version [%s] is in %s state.", v.GetName(), v.GetState())
}

// EnableSecretVersion makes the payload accessible and calls a scheduled destruction off.
func (m *secretManager) EnableSecretVersion(_ context.Context, r *secretmanagerpb.EnableSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	return m.changeState(r.GetName(), r.GetEtag(), func(v *secretmanagerpb.SecretVersion) {
		v.State, v.ScheduledDestroyTime = secretmanagerpb.SecretVersion_ENABLED, nil
	})
}

// DisableSecretVersion makes the payload inaccessible, and calls a scheduled destruction off as enabling does. Source:
// https://cloud.google.com/secret-manager/docs/delay-destruction-of-secret-versions, "Restore secret versions".
func (m *secretManager) DisableSecretVersion(_ context.Context, r *secretmanagerpb.DisableSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	return m.changeState(r.GetName(), r.GetEtag(), func(v *secretmanagerpb.SecretVersion) {
		v.State, v.ScheduledDestroyTime = secretmanagerpb.SecretVersion_DISABLED, nil
	})
}

// DestroySecretVersion takes the payload away for good; with a version_destroy_ttl the version is disabled first and
// destroyed when that has passed.
func (m *secretManager) DestroySecretVersion(_ context.Context, r *secretmanagerpb.DestroySecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	secret, _ := lookup[*secretmanagerpb.Secret](m.s.store, m.s.numbered(strings.Split(r.GetName(), "/versions/")[0]))
	ttl := secret.GetVersionDestroyTtl().AsDuration()
	if ttl == 0 {
		return m.changeState(r.GetName(), r.GetEtag(), m.destroy)
	}
	at := m.s.timestamp().AsTime().Add(ttl)
	version, err := m.changeState(r.GetName(), r.GetEtag(), func(v *secretmanagerpb.SecretVersion) {
		v.State, v.ScheduledDestroyTime = secretmanagerpb.SecretVersion_DISABLED, timestamppb.New(at)
	})
	if err == nil {
		m.s.schedule(at, func() { m.destroyDue(version.GetName(), at) })
	}
	return version, err
}

// destroyDue destroys a version whose delay has passed, unless it was enabled meanwhile.
func (m *secretManager) destroyDue(name string, at time.Time) {
	update(m.s.store, name, func(v *secretmanagerpb.SecretVersion) {
		if due := v.GetScheduledDestroyTime(); due != nil && due.AsTime().Equal(at) {
			m.destroy(v)
			v.Etag = newSecretEtag()
		}
	})
}

func (m *secretManager) destroy(v *secretmanagerpb.SecretVersion) {
	v.State, v.ScheduledDestroyTime = secretmanagerpb.SecretVersion_DESTROYED, nil
	v.DestroyTime = m.s.timestamp()
	delete(m.s.secrets.payloads, v.GetName())
}

// changeState is what enable, disable and destroy share: a destroyed version stays so, and versions go by their numbers,
// as aliases are for reading only. Source: google/cloud/secretmanager/v1/resources.proto.
func (m *secretManager) changeState(name, etag string, change func(*secretmanagerpb.SecretVersion)) (*secretmanagerpb.SecretVersion, error) {
	if parts := versionNameForm.FindStringSubmatch(name); parts != nil && !versionNumberForm.MatchString(parts[2]) {
		return nil, invalid("The version [%s] must be a number.", parts[2])
	}
	version, err := m.findVersion(name)
	if err != nil {
		return nil, err
	}
	if err := checkSecretEtag(etag, version.GetEtag()); err != nil {
		return nil, err
	}
	if version.GetState() == secretmanagerpb.SecretVersion_DESTROYED {
		return nil, versionStateError(version)
	}
	change(version)
	version.Etag = newSecretEtag()
	m.s.store.put(version.GetName(), version)
	return version, nil
}
