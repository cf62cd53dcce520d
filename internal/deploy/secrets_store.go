package deploy

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// Bounds of the settings. Sources: the comments of google/cloud/secretmanager/v1/resources.proto, and for the delay
// https://cloud.google.com/secret-manager/docs/delay-destruction-of-secret-versions.
const (
	MinVersionDestroyTTL = 24 * time.Hour
	MaxVersionDestroyTTL = 1000 * 24 * time.Hour
	MinRotationPeriod    = time.Hour
	MaxRotationPeriod    = 100 * 365 * 24 * time.Hour
	MaxSecretTopics      = 10
	// MaxSecretAnnotationBytes bounds the annotations of the user, keys and values: half of what the API takes, because
	// the provider keeps its own record of the secret in the other half.
	MaxSecretAnnotationBytes = secretAnnotationBytes / 2
	// DefaultVersionDestroyTTL gives a week to call the destruction of a retired version off.
	DefaultVersionDestroyTTL = 7 * 24 * time.Hour

	secretAnnotationBytes = 16 << 10
	// secretRotationLead is how far ahead a rotation time has to be when it is sent, with room for the call.
	secretRotationLead = 6 * time.Minute
)

// SecretStore is how Secret Manager keeps a secret: everything besides its labels, accessors and versions.
type SecretStore struct {
	// Replicas are the locations of user-managed replication, each with the name of its Cloud KMS key or "". Nil means
	// automatic replication when a secret is created, and afterwards what it has.
	Replicas map[string]string
	// KMSKey is the Cloud KMS key of automatic replication or of a regional secret.
	KMSKey string
	// Annotations are the user's own.
	Annotations map[string]string
	// Topics are the full names of the Pub/Sub topics that are told of changes, sorted.
	Topics []string
	// RotationTime and RotationPeriod are when the topics are reminded of a rotation. Secret Manager moves the time on.
	RotationTime   time.Time
	RotationPeriod time.Duration
	// ExpireTime is when Secret Manager deletes the secret.
	ExpireTime time.Time
	// VersionDestroyTTL is the delay between the request to destroy a version and its destruction.
	VersionDestroyTTL time.Duration
	// NoticesOfOthers leaves topics, rotation and expiry as they are: nothing of this resource declares them.
	NoticesOfOthers bool
}

// IsSecretAnnotation tells whether an annotation is the provider's own.
func IsSecretAnnotation(key string) bool {
	return key == secretSpecAnnotation || key == secretIntentAnnotation
}

// store is what the live secret shows.
func (l secretLive) store() SecretStore {
	s := SecretStore{
		KMSKey:            l.object.GetCustomerManagedEncryption().GetKmsKeyName(),
		Annotations:       map[string]string{},
		VersionDestroyTTL: l.object.GetVersionDestroyTtl().AsDuration(),
		RotationPeriod:    l.object.GetRotation().GetRotationPeriod().AsDuration(),
	}
	if automatic := l.object.GetReplication().GetAutomatic(); automatic != nil {
		s.KMSKey = automatic.GetCustomerManagedEncryption().GetKmsKeyName()
	}
	if managed := l.object.GetReplication().GetUserManaged(); managed != nil {
		s.Replicas = map[string]string{}
		for _, r := range managed.GetReplicas() {
			s.Replicas[r.GetLocation()] = r.GetCustomerManagedEncryption().GetKmsKeyName()
		}
	}
	for key, value := range l.object.GetAnnotations() {
		if !IsSecretAnnotation(key) {
			s.Annotations[key] = value
		}
	}
	for _, topic := range l.object.GetTopics() {
		s.Topics = append(s.Topics, topic.GetName())
	}
	slices.Sort(s.Topics)
	if at := l.object.GetRotation().GetNextRotationTime(); at != nil {
		s.RotationTime = at.AsTime()
	}
	if at := l.object.GetExpireTime(); at != nil {
		s.ExpireTime = at.AsTime()
	}
	return s
}

// SameRotation tells whether a live rotation is the declared one, which Secret Manager may have moved on. A single time
// that is past and gone has done its work.
func (s SecretStore) SameRotation(live SecretStore, now time.Time) bool {
	switch {
	case s.RotationTime.IsZero():
		return live.RotationTime.IsZero()
	case live.RotationTime.IsZero():
		return s.RotationPeriod == 0 && !s.RotationTime.After(now)
	case live.RotationPeriod != s.RotationPeriod:
		return false
	}
	moved := live.RotationTime.Sub(s.RotationTime)
	return moved == 0 || moved > 0 && s.RotationPeriod > 0 && moved%s.RotationPeriod == 0
}

// fill writes the declared settings into a secret that is to be created or updated. live is zero for a create.
func (s SecretStore) fill(id names.SecretID, wanted *secretmanagerpb.Secret, live secretLive, now time.Time) error {
	if s.VersionDestroyTTL > 0 {
		wanted.VersionDestroyTtl = durationpb.New(s.VersionDestroyTTL)
	}
	s.encrypt(id, wanted, live)
	if s.NoticesOfOthers {
		wanted.Topics, wanted.Rotation, wanted.Expiration = live.object.GetTopics(), live.object.GetRotation(), nil
		if at := live.object.GetExpireTime(); at != nil {
			wanted.Expiration = &secretmanagerpb.Secret_ExpireTime{ExpireTime: at}
		}
		return nil
	}
	for _, topic := range s.Topics {
		wanted.Topics = append(wanted.Topics, &secretmanagerpb.Topic{Name: topic})
	}
	if !s.ExpireTime.IsZero() {
		if !s.ExpireTime.After(now) && !s.ExpireTime.Equal(live.store().ExpireTime) {
			return secretExpired(id, s.ExpireTime)
		}
		wanted.Expiration = &secretmanagerpb.Secret_ExpireTime{ExpireTime: timestamppb.New(s.ExpireTime)}
	}
	if live.object != nil && s.SameRotation(live.store(), now) {
		wanted.Rotation = live.object.GetRotation()
		return nil
	}
	if !s.RotationTime.IsZero() {
		next, ok := s.nextRotation(now)
		if !ok {
			return secretRotationPast(id, s.RotationTime)
		}
		wanted.Rotation = &secretmanagerpb.Rotation{NextRotationTime: timestamppb.New(next)}
		if s.RotationPeriod > 0 {
			wanted.Rotation.RotationPeriod = durationpb.New(s.RotationPeriod)
		}
	}
	return nil
}

// nextRotation is the first of the declared times that the API takes now.
func (s SecretStore) nextRotation(now time.Time) (time.Time, bool) {
	earliest := now.Add(secretRotationLead)
	if !s.RotationTime.Before(earliest) {
		return s.RotationTime, true
	}
	if s.RotationPeriod <= 0 {
		return time.Time{}, false
	}
	late := earliest.Sub(s.RotationTime)
	return earliest.Add(s.RotationPeriod - late%s.RotationPeriod), true
}

// encrypt fills in replication and keys. Where replicas are not declared, those that the secret has stay.
func (s SecretStore) encrypt(id names.SecretID, wanted *secretmanagerpb.Secret, live secretLive) {
	switch managed := live.object.GetReplication().GetUserManaged(); {
	case id.Location != "":
		wanted.CustomerManagedEncryption = secretEncryption(s.KMSKey)
	case s.Replicas != nil:
		wanted.Replication = secretReplicas(s.Replicas)
	case managed != nil:
		wanted.Replication = live.object.GetReplication()
	default:
		wanted.Replication = &secretmanagerpb.Replication{Replication: &secretmanagerpb.Replication_Automatic_{
			Automatic: &secretmanagerpb.Replication_Automatic{CustomerManagedEncryption: secretEncryption(s.KMSKey)},
		}}
	}
}

func secretReplicas(replicas map[string]string) *secretmanagerpb.Replication {
	managed := &secretmanagerpb.Replication_UserManaged{}
	for _, location := range slices.Sorted(maps.Keys(replicas)) {
		managed.Replicas = append(managed.Replicas, &secretmanagerpb.Replication_UserManaged_Replica{
			Location: location, CustomerManagedEncryption: secretEncryption(replicas[location]),
		})
	}
	return &secretmanagerpb.Replication{Replication: &secretmanagerpb.Replication_UserManaged_{UserManaged: managed}}
}

func secretEncryption(key string) *secretmanagerpb.CustomerManagedEncryption {
	if key == "" {
		return nil
	}
	return &secretmanagerpb.CustomerManagedEncryption{KmsKeyName: key}
}

// secretStoreMask names the settings that a write has to change. Fields that stay are left out, so that what the API says
// of one of them is no obstacle to the others.
func secretStoreMask(live, wanted *secretmanagerpb.Secret) []string {
	was, is := secretLive{object: live}.store(), secretLive{object: wanted}.store()
	var mask []string
	for _, field := range []struct {
		name string
		same bool
	}{
		{"replication", maps.Equal(was.Replicas, is.Replicas) && (live.GetReplication() == nil || was.KMSKey == is.KMSKey)},
		{"customer_managed_encryption", live.GetReplication() != nil || was.KMSKey == is.KMSKey},
		{"topics", slices.Equal(was.Topics, is.Topics)},
		{"rotation", proto.Equal(live.GetRotation(), wanted.GetRotation())},
		{"expire_time", was.ExpireTime.Equal(is.ExpireTime)},
		{"version_destroy_ttl", was.VersionDestroyTTL == is.VersionDestroyTTL},
	} {
		if !field.same {
			mask = append(mask, field.name)
		}
	}
	return mask
}

func secretExpired(id names.SecretID, at time.Time) error {
	return &Error{
		Summary:   fmt.Sprintf("Secret %s would have expired already", names.Quote(id.Name)),
		Why:       fmt.Sprintf("expire_time is %s, which is past, so Secret Manager would take the secret away at once.", at.UTC().Format(time.RFC3339)),
		Fix:       "Set expire_time to a later time, or leave it out.",
		Attribute: []string{"expire_time"},
	}
}

func secretRotationPast(id names.SecretID, at time.Time) error {
	return &Error{
		Summary: fmt.Sprintf("The rotation time of secret %s is past", names.Quote(id.Name)),
		Why: fmt.Sprintf("rotation.next_time is %s, and Secret Manager takes times that are at least five minutes ahead.",
			at.UTC().Format(time.RFC3339)),
		Fix:       "Set rotation.next_time to a later time, or give rotation.period: then the next time that follows from both is used.",
		Attribute: []string{"rotation", "next_time"},
	}
}
