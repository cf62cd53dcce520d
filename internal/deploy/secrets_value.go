package deploy

import (
	"context"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// secretValueChange adds a value that the user supplies.
type secretValueChange struct {
	version string // the user's name for the value
	value   secret.Bytes
}

// done when the record names this value.
func (s *secretValueChange) done(r secretRecord) bool { return r.ValueVersion == s.version }

func (s *secretValueChange) payload(context.Context, *secretWrite, secretLive) (secret.Bytes, error) {
	return s.value, nil
}

// judge compares with the value at hand. A version for another ValueVersion belongs to a run that was interrupted before
// the user moved on.
func (s *secretValueChange) judge(_ context.Context, _ *secretWrite, live secretLive, found secret.Bytes) (secretVerdict, error) {
	switch {
	case found.Equal(s.value):
		return secretAdopt, nil
	case live.intent.Record.ValueVersion == s.version:
		return secretStop, nil
	default:
		return secretSupersede, nil
	}
}
