package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

// remove deletes the objects, takes back the grants, and deletes the record last, so that an interrupted deletion knows
// what is left: with the namespace if that was made for this and holds nothing else, else by itself. A cluster that is gone
// or going took the objects along, also when it goes in the middle of this.
func (s *serviceGKE) remove(ctx context.Context) ([]Notice, error) {
	k, err := s.cloud.Kube(ctx, s.cluster)
	connected := err == nil
	var notices []Notice
	if connected {
		notices, err = s.removeWith(ctx, k)
	}
	if err != nil && ctx.Err() == nil && s.isClusterGone(ctx) {
		more, err := s.takeBackAll(ctx, serviceRetired{})
		return append(notices, more...), err
	}
	return notices, s.notRemoved(err, connected)
}

func (s *serviceGKE) removeWith(ctx context.Context, k *kube.Client) ([]Notice, error) {
	retired := serviceRetired{}
	found, err := s.record(ctx, k)
	var unreadable *Error
	if err != nil && !errors.As(err, &unreadable) {
		return nil, err
	}
	if found != nil { // without a record that can be read, what the caller knows has to do
		retired = found.retired.plus(found.app, app.App{Name: s.app.Name, GKE: s.app.GKE})
		if err := s.lookIdentity(ctx, k, found.app); err != nil {
			return nil, err
		}
	}
	if err := s.lookIdentity(ctx, k, s.app); err != nil {
		return nil, err
	}
	record := s.recordRef()
	if err := s.deleteAll(ctx, k, func(ref kube.Ref) bool { return ref != record }); err != nil {
		return nil, err
	}
	notices, err := s.takeBackAll(ctx, retired)
	if err != nil {
		return notices, err
	}
	released, err := s.releaseRecord(ctx, k)
	if err != nil || released {
		return notices, err
	}
	if found == nil && len(s.app.Processes) == 0 {
		notices = append(notices, s.notAdoptedNotice())
	}
	more, err := s.cloud.ReleaseNamespace(ctx, s.cluster, s.id.Namespace) // tells what keeps it
	return append(notices, more...), err
}

// releaseRecord deletes the namespace with the record in it, if this provider made it and nothing else is there: were
// the record deleted first, a run that is killed after that would leave an empty namespace that nothing tells of. In a
// namespace that stays it deletes the record. Services of this process that come or go in the namespace wait for it.
func (s *serviceGKE) releaseRecord(ctx context.Context, k *kube.Client) (released bool, err error) {
	unlock, err := s.cloud.namespaces.lock(ctx, s.cluster.String()+"/"+s.id.Namespace)
	if err != nil {
		return false, err
	}
	defer unlock()
	ref := kube.Ref{GVK: kube.Namespace, Name: s.id.Namespace}
	live, err := k.GetMetadata(ctx, ref)
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	alone := false
	if err == nil && s.cloud.releasable(live) {
		alone, err = s.isAlone(ctx, k)
	}
	if alone {
		err = k.Delete(ctx, ref, kube.DeleteOptions{UID: live.GetUID()})
	}
	switch {
	case err != nil && !apierrors.IsForbidden(err):
		return false, fmt.Errorf("delete namespace %s: %w", s.id.Namespace, err)
	case err == nil && alone:
		return true, k.WaitNamespaceGone(ctx, s.id.Namespace)
	default:
		return false, s.deleteOwned(ctx, k, s.recordRef())
	}
}

// isAlone tells whether the namespace holds at most the record.
func (s *serviceGKE) isAlone(ctx context.Context, k *kube.Client) (bool, error) {
	contents, err := k.NamespaceContents(ctx, s.id.Namespace)
	record := s.recordRef()
	others := slices.DeleteFunc(contents, func(object string) bool { return object == record.GVK.Kind+"/"+record.Name })
	return err == nil && len(others) == 0, err
}

// takeBackAll revokes the grants of what was recorded and of what the caller knew.
func (s *serviceGKE) takeBackAll(ctx context.Context, retired serviceRetired) ([]Notice, error) {
	all := retired.plus(s.app, app.App{Name: s.app.Name, GKE: s.app.GKE})
	return s.cloud.serviceTakeBack(ctx, s.app, all.Grants, s.member)
}
