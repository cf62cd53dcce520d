package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// kubeReadTime bounds the look at a service or a namespace in a cluster: an API server that hangs must not hold up a plan.
const kubeReadTime = 90 * time.Second

// kubeLook looks at something in a cluster in bounded time. unseen tells that the look found nothing out: the API does not
// answer, or not to this caller, who may plan all the same.
func kubeLook(ctx context.Context, look func(context.Context) error) (unseen bool, err error) {
	bounded, cancel := context.WithTimeout(ctx, kubeReadTime)
	defer cancel()
	err = look(bounded)
	unanswered := bounded.Err() != nil || kube.IsUnreachable(err) || apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err)
	return err != nil && ctx.Err() == nil && unanswered, err
}

// kubeUnusable tells of a cluster that is there and cannot be connected to.
func kubeUnusable(err error) bool {
	_, told := inUsersWords(err)
	return told || errors.Is(err, ErrClusterCreating)
}

// unreachable is what is known of a service whose cluster cannot be asked: the state stays as it is.
func (s *serviceGKE) unreachable(err error) (*ServiceState, []Notice, error) {
	return &ServiceState{ID: s.id.String(), App: s.app, Unreachable: true},
		[]Notice{unseenNotice(fmt.Sprintf("Service %q", s.app.Name), s.cluster, s.id.Namespace, err)}, nil
}

// unseenNotice says why something in a cluster could not be read.
func unseenNotice(what string, cluster names.ClusterID, namespace string, err error) Notice {
	why := fmt.Sprintf("The Kubernetes API of cluster %q does not answer", cluster.Name)
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		why = fmt.Sprintf("The caller may not read in namespace %q of cluster %q (the cluster role view is enough)", namespace, cluster.Name)
	}
	return Notice{
		Summary: what + " could not be read",
		Detail:  fmt.Sprintf("%s, so the state is left as it was, and drift is not shown.\n\nOriginal error: %s", why, gcp.Message(err)),
	}
}

// isClusterGone looks whether the cluster went away, or is going, while it was being talked to.
func (s *serviceGKE) isClusterGone(ctx context.Context) bool {
	_, err := s.cloud.KubeNow(ctx, s.cluster)
	return gcp.IsNotFound(err) || errors.Is(err, ErrClusterStopping)
}

// notRemoved explains a deletion that failed because the cluster does not answer.
func (s *serviceGKE) notRemoved(err error, connected bool) error {
	if _, told := inUsersWords(err); !kube.IsUnreachable(err) && (connected || !told) {
		return err
	}
	return &Error{
		Summary: fmt.Sprintf("Cannot delete service %q", s.app.Name),
		Why:     fmt.Sprintf("Cluster %q is there and cannot be talked to, so what runs in it cannot be deleted.", s.cluster.Name),
		Fix: "Destroy again when it answers. If it never will, delete the cluster first: its services then leave the state by themselves. " +
			"To forget only this service: terraform state rm ADDRESS",
		Err: err,
	}
}

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
