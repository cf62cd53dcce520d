package deploy

import (
	"context"
	"errors"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

// remove deletes the objects, takes back the grants, deletes the record last, so that an interrupted deletion knows
// what is left, and then the namespace if it was made for this and is empty. A cluster that is gone or going took the
// objects along.
func (s *serviceGKE) remove(ctx context.Context) ([]Notice, error) {
	k, err := s.cloud.Kube(ctx, s.cluster)
	if gcp.IsNotFound(err) || errors.Is(err, ErrClusterStopping) {
		return s.takeBackAll(ctx, serviceRetired{})
	}
	if err != nil {
		return nil, err
	}
	retired := serviceRetired{}
	found, err := s.record(ctx, k)
	var unreadable *Error
	if err != nil && !errors.As(err, &unreadable) {
		return nil, err
	}
	if found != nil { // without a record that can be read, what the caller knows has to do
		retired = found.retired.plus(found.app, app.App{Name: s.app.Name, GKE: s.app.GKE})
	}
	record := s.recordRef()
	if err := s.deleteAll(ctx, k, func(ref kube.Ref) bool { return ref != record }); err != nil {
		return nil, err
	}
	notices, err := s.takeBackAll(ctx, retired)
	if err != nil {
		return notices, err
	}
	if err := s.deleteOwned(ctx, k, record); err != nil {
		return notices, err
	}
	more, err := s.cloud.ReleaseNamespace(ctx, s.cluster, s.id.Namespace)
	return append(notices, more...), err
}

// takeBackAll revokes the grants of what was recorded and of what the caller knew.
func (s *serviceGKE) takeBackAll(ctx context.Context, retired serviceRetired) ([]Notice, error) {
	all := retired.plus(s.app, app.App{Name: s.app.Name, GKE: s.app.GKE})
	return s.cloud.serviceTakeBack(ctx, s.app, all.Grants, s.member)
}
