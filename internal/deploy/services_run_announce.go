package deploy

import (
	"context"
	"maps"
	"slices"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/protobuf/proto"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// announceGrants notes on the live service which secrets an update is about to grant access to. The new record comes after
// them, because the new revision needs them: a run that is stopped in between, and one after it that wants something else,
// would leave them for ever. The write of the new record takes the note off. live is the service as it was seen last, nil
// when there is none yet.
func (s *serviceRun) announceGrants(ctx context.Context, live *runpb.Service) error {
	if annotations, err := s.announced(live); err != nil || annotations == nil {
		return err
	}
	return s.cloud.serviceRepeat(ctx, s.id.String(), func(ctx context.Context) (bool, error) {
		live, err := s.get(ctx)
		if err != nil || live == nil {
			return err == nil || !gcp.IsTransient(err), err
		}
		annotations, err := s.announced(live)
		if err != nil || annotations == nil {
			return true, err
		}
		message := proto.CloneOf(live)
		message.Annotations = annotations
		op, err := s.cloud.GCP.RunServices().Update(ctx, message, gcp.UpdateOptions{Mask: []string{"annotations"}})
		if err == nil {
			_, err = op.Wait(ctx)
		}
		if err != nil {
			return gcp.Classify(err) != gcp.Conflict && !gcp.IsTransient(err), s.writeError(err)
		}
		return true, nil
	})
}

// announced are the live annotations with the note, nil when there is nothing to note.
func (s *serviceRun) announced(live *runpb.Service) (map[string]string, error) {
	before, ok := s.recorded(live)
	if !ok {
		return nil, nil
	}
	retired, _, err := serviceRetiredOf(live.GetAnnotations())
	if err != nil {
		return nil, err
	}
	identity := serviceIdentity(s.app)
	known := slices.Clone(retired.Grants[identity])
	if serviceIdentity(before) == identity {
		known = append(known, serviceSecrets(before)...)
	}
	added := serviceWithout(serviceSecrets(s.app), known)
	if len(added) == 0 {
		return nil, nil
	}
	if retired.Grants == nil {
		retired.Grants = map[string][]string{}
	}
	retired.Grants[identity] = append(retired.Grants[identity], added...)
	annotations := maps.Clone(live.GetAnnotations())
	annotations[serviceRetiredAnnotation], err = retired.encode()
	return annotations, err
}
