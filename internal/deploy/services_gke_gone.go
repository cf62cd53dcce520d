package deploy

import (
	"context"
	"fmt"
	"slices"
)

// withoutCluster is what is left of a service whose cluster is gone or going.
func (s *serviceGKE) withoutCluster(ctx context.Context) (*ServiceState, []Notice, error) {
	look := &serviceLook{}
	if len(s.app.Processes) > 0 {
		if _, err := look.refer(s.input(s.app)); err != nil {
			return nil, nil, err
		}
	}
	for _, ref := range look.objects {
		look.changes = append(look.changes, serviceMissing(ref))
	}
	state, err := s.leftovers(ctx, look)
	if err != nil {
		return nil, nil, err
	}
	return state, []Notice{s.gone(state)}, nil
}

// gone tells about a service without its cluster; state is nil when nothing at all is left of it.
func (s *serviceGKE) gone(state *ServiceState) Notice {
	notice := Notice{
		Summary: fmt.Sprintf("Service %q is gone with its cluster", s.app.Name),
		Detail:  fmt.Sprintf("There is no %s any more. The service is no longer in the state; the plan shows what would be made anew.", s.cluster),
	}
	if state != nil {
		notice.Detail = fmt.Sprintf("There is no %s any more, but the service's own identity still has %s on secrets. So the service stays in "+
			"the state: an apply makes it anew once the cluster is there again, and when its block is removed the grants are taken back.",
			s.cluster, serviceAccessor)
	}
	return notice
}

// leftovers is the state of a service of which no object is there: nil, unless grants of its own identity are. They
// would stay for ever if the state forgot the service, and whoever made the cluster, the namespace and a service account
// of the same names again would have them.
func (s *serviceGKE) leftovers(ctx context.Context, look *serviceLook) (*ServiceState, error) {
	secrets := serviceSecrets(s.app)
	if serviceIdentity(s.app) != serviceOwnIdentity(s.app) || len(secrets) == 0 {
		return nil, nil
	}
	member, err := s.member(ctx, serviceIdentity(s.app))
	if serviceHidden(err) {
		return nil, nil // with the project, all of its identities are gone
	}
	if err != nil {
		return nil, err
	}
	seen, err := s.cloud.serviceGrantsSeen(ctx, member, secrets)
	if err != nil || !slices.Contains(seen, grantThere) {
		return nil, err
	}
	state := s.state(s.app, look)
	state.Drift = slices.Concat(state.Drift, serviceMissing(s.recordRef()), serviceGrantDrift(member, secrets, seen))
	state.Objects = append(state.Objects, serviceGrantObjects(member, secrets)...)
	return state, nil
}
