package deploy

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

// lookIdentity finds out whether an identity that was given to the service impersonates a Google service account: then
// that is who its pods are to Google Cloud, the Secret Manager add-on included, and who needs the grants. The service's own
// identity never does.
func (s *serviceGKE) lookIdentity(ctx context.Context, k *kube.Client, a app.App) error {
	if len(serviceSecrets(a)) == 0 {
		return nil
	}
	if a.Identity == "" || a.Identity == serviceOwnIdentity(a) {
		return nil
	}
	if _, known := s.google[a.Identity]; known {
		return nil
	}
	live, err := k.GetMetadata(ctx, s.ref(kube.ServiceAccount, a.Identity))
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if s.google == nil {
		s.google = map[string]string{}
	}
	s.google[a.Identity] = live.GetAnnotations()[identityAnnotation]
	return nil
}
