package deploy

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
)

// addOnTimeout is how long the kinds of an add-on that was switched on may take to be in the cluster.
const addOnTimeout = 3 * time.Minute

// CheckSecretFiles refuses secret files in a cluster whose Secret Manager add-on is off. It asks GKE only, changes nothing,
// and says nothing about a cluster that is not there yet or cannot be seen: so a plan can call it too.
func (c *Cloud) CheckSecretFiles(ctx context.Context, a app.App) error {
	if len(a.SecretFiles) == 0 || a.GKE == nil {
		return nil
	}
	cluster, err := names.ParseClusterID(a.GKE.Cluster)
	if err != nil {
		return nil
	}
	live, err := c.GCP.Clusters().Get(ctx, cluster.String())
	switch {
	case serviceHidden(err):
		return nil
	case err != nil:
		return err
	case live.GetStatus() == containerpb.Cluster_PROVISIONING || live.GetSecretManagerConfig().GetEnabled():
		return nil
	}
	return &Error{
		Summary: fmt.Sprintf("Cluster %q cannot mount secret files", cluster.Name),
		Why: "Its Secret Manager add-on is off, which mounts the versions that secret_files names into pods. The service was not " +
			"changed",
		Fix: "Set secret_manager_csi = true on the twelvefactor_cluster (for another cluster: gcloud container clusters update " +
			cluster.Name + " --enable-secret-manager), or give the values as environment with secrets",
		Attribute: []string{"secret_files"},
	}
}

// checkFiles makes sure that secret files can be mounted, before anything is changed: the add-on is on, and its kind, which
// comes a little later, is there; the versions exist and are enabled.
func (s *serviceGKE) checkFiles(ctx context.Context, k *kube.Client) error {
	if len(s.app.SecretFiles) == 0 || s.filesChecked {
		return nil
	}
	if err := s.cloud.CheckSecretFiles(ctx, s.app); err != nil {
		return err
	}
	if err := s.cloud.checkSecretFileVersions(ctx, s.app); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, addOnTimeout)
	defer cancel()
	var missing error
	err := s.cloud.GCP.Poll(ctx, "the Secret Manager add-on of cluster "+s.cluster.Name, func(ctx context.Context) (bool, error) {
		_, err := k.ListMetadata(ctx, kube.SecretProviderClass, s.id.Namespace, s.owned())
		if apierrors.IsNotFound(err) {
			missing = err
			return false, nil
		}
		return err == nil, err
	})
	if err != nil && missing != nil {
		return &Error{
			Summary: fmt.Sprintf("The Secret Manager add-on of cluster %q is not ready", s.cluster.Name),
			Why: fmt.Sprintf("It is on (secret_manager_csi = true), but the cluster does not know the kind SecretProviderClass, also after %s. "+
				"The service was not changed", addOnTimeout),
			Fix:       "Apply again when the add-on has come up, or see in the console why it does not",
			Attribute: []string{"secret_files"}, Err: missing,
		}
	}
	s.filesChecked = err == nil
	return err
}

// fileTexts gives an app the texts of its config files, as far as the live ConfigMap has what was recorded: an import
// shows them.
func (l *serviceLook) fileTexts(a app.App) app.App {
	for i, ref := range l.objects {
		if ref.GVK == kube.ConfigMap && ref.Name == l.files && i < len(l.live) && l.live[i] != nil {
			return gke.FileTexts(a, l.live[i])
		}
	}
	return a
}
