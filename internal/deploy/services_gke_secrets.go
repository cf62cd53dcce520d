package deploy

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/sessionkey"
)

// checkSecrets reads the values of these secret versions and refuses those that no container could be started with, before
// anything is changed. Where the Kubernetes Secret is there already, nothing is read: it is immutable and named by the
// versions, so it holds what they hold.
func (s *serviceGKE) checkSecrets(ctx context.Context, k *kube.Client) error {
	name := gke.SecretName(s.app)
	if name == "" || s.values != nil {
		return nil
	}
	ref := s.ref(kube.Secret, name)
	live, err := k.GetMetadata(ctx, ref)
	switch {
	case err == nil && !s.owns(live.GetLabels()):
		return s.foreign(ref, live.GetManagedFields())
	case err == nil && live.GetDeletionTimestamp() == nil:
		return nil
	case err == nil:
		s.secretGoing = true
	case !apierrors.IsNotFound(err):
		return err
	}
	s.values, err = s.secretValues(ctx)
	return err
}

// secretValues reads the pinned versions, side by side.
func (s *serviceGKE) secretValues(ctx context.Context) (map[string]secret.Bytes, error) {
	uses := app.SecretUses(s.app)
	read := make([]secret.Bytes, len(uses))
	group, ctx := errgroup.WithContext(ctx)
	for i, use := range uses {
		group.Go(func() (err error) {
			if read[i], err = s.secretValue(ctx, use.Version); err != nil {
				return serviceSecretError(use, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	values := map[string]secret.Bytes{}
	for i, use := range uses {
		if !sessionkey.IsText(read[i]) {
			return nil, serviceSecretBinary(use)
		}
		values[use.Key] = read[i]
	}
	return values, nil
}

// accessPatience is how long this provider may be denied a secret: whoever grants it the access in the same apply has the
// grant effective within two minutes as a rule. Source: cloud.google.com/iam/docs/access-change-propagation.
const accessPatience = 2 * time.Minute

// secretValue reads one version.
func (s *serviceGKE) secretValue(ctx context.Context, version string) (value secret.Bytes, err error) {
	begin := s.cloud.Clock.Now()
	err = s.cloud.serviceRepeat(ctx, "access to "+version, func(ctx context.Context) (bool, error) {
		read, err := s.cloud.GCP.SecretVersions().Access(ctx, version)
		value = read
		denied := err != nil && gcp.Classify(err) == gcp.PermissionDenied
		return !denied || s.cloud.Clock.Now().Sub(begin) >= accessPatience, err
	})
	return value, err
}

// serviceSecretBinary refuses what can be a file only. Sources: execve(2), where a NUL ends a variable, and the CRI's
// KeyValue (k8s.io/cri-api v1), a protobuf string, which has to be UTF-8.
func serviceSecretBinary(use app.SecretUse) error {
	return &Error{
		Summary: fmt.Sprintf("The value of %s cannot be an environment variable", use.Env),
		Why: use.Version + " holds bytes that are no text (not UTF-8, or with a NUL in it), and Kubernetes could not start a container with " +
			"them. Nothing was changed",
		Fix: "Store it as text: encoding = \"hex\" of twelvefactor_session_key (raw keys are for files), or base64 text that the app " +
			"decodes in a twelvefactor_secret",
		Attribute: use.Path(),
	}
}

func serviceSecretError(use app.SecretUse, err error) error {
	e := &Error{
		Summary:   fmt.Sprintf("Cannot read the secret version for %s", use.Env),
		Why:       use.Version + " is written into a Kubernetes Secret, so the provider has to read it.",
		Attribute: use.Path(), Err: err,
	}
	switch gcp.Classify(err) {
	case gcp.PermissionDenied:
		e.Fix = "Give the account that Terraform runs as secretmanager.versions.access on the secret (roles/secretmanager.secretAccessor)."
	case gcp.NotFound:
		e.Fix = "Name a version that exists, for example the version_id of a twelvefactor_secret."
	case gcp.FailedPrecondition:
		e.Fix = secretGoneFix
	}
	return e
}
