package fakegcp

import (
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Bounds of a rotation. Source: google/cloud/secretmanager/v1/resources.proto.
const (
	minRotationPeriod = time.Hour
	maxRotationPeriod = 3153600000 * time.Second
	minRotationNotice = 300 * time.Second
)

// checkRotation refuses what the API would refuse of a rotation policy. A time that is past is taken, as published
// recordings have their times normalised to the past.
func (m *secretManager) checkRotation(secret *secretmanagerpb.Secret) error {
	r := secret.GetRotation()
	if r == nil {
		return nil
	}
	period, ahead := r.GetRotationPeriod().AsDuration(), r.GetNextRotationTime().AsTime().Sub(m.s.now())
	switch {
	case len(secret.GetTopics()) == 0:
		return invalid("There must be at least one topic configured when a Rotation policy is set.")
	case r.GetRotationPeriod() != nil && r.GetNextRotationTime() == nil:
		return invalid("Rotation.next_rotation_time must be set if rotation_period is set.")
	case r.GetRotationPeriod() != nil && (period < minRotationPeriod || period > maxRotationPeriod):
		return invalid("Rotation.rotation_period must be at least 3600s and at most 3153600000s.")
	case r.GetNextRotationTime() != nil && (ahead >= 0 && ahead < minRotationNotice || ahead > maxRotationPeriod):
		return invalid("Rotation.next_rotation_time must be at least 300s and at most 3153600000s in the future.")
	}
	return nil
}

// rotate moves the next rotation on by the period when it is due, as the service does with its notice, if it is still
// to come and is not changed until then.
func (m *secretManager) rotate(name string, rotation *secretmanagerpb.Rotation) {
	at := rotation.GetNextRotationTime().AsTime()
	if rotation.GetRotationPeriod() == nil || !at.After(m.s.now()) {
		return
	}
	m.s.schedule(at, func() {
		update(m.s.store, name, func(secret *secretmanagerpb.Secret) {
			r := secret.GetRotation()
			if r.GetRotationPeriod() == nil || !r.GetNextRotationTime().AsTime().Equal(at) {
				return
			}
			r.NextRotationTime = timestamppb.New(at.Add(r.GetRotationPeriod().AsDuration()))
			secret.Etag = newSecretEtag()
			m.rotate(name, r)
		})
	})
}
