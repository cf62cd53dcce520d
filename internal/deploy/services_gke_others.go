package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
)

// compareWith gives what live objects are compared with: what was applied last. Where another renderer did that, it is
// what that one made, so that what this one makes differently is no drift; rerender asks for the difference.
func (r *serviceRecord) compareWith(declared []*unstructured.Unstructured) []*unstructured.Unstructured {
	if r == nil || !r.otherRenderer() || r.app.Rerender {
		return declared
	}
	return r.rendered
}

func (r *serviceRecord) otherRenderer() bool {
	return r != nil && len(r.rendered) > 0 && r.revision != gke.RendererRevision
}

// rendererDrift shows another renderer as a difference where it is to be one.
func (s *serviceGKE) rendererDrift(r *serviceRecord) []string {
	if !r.otherRenderer() || !r.app.Rerender {
		return nil
	}
	return []string{fmt.Sprintf("%s metadata.annotations[%s]: %d -> %d", s.recordRef(), gke.RendererAnnotation, gke.RendererRevision, r.revision)}
}

// rendererNotice is the line in the plan about another renderer.
func rendererNotice(a app.App, other bool) []Notice {
	if !other || a.Rerender {
		return nil
	}
	return []Notice{{
		Summary: fmt.Sprintf("Service %q was rendered by another version of this provider", a.Name),
		Detail: "This version makes something else of the same declaration. That is no drift: it happens with the next change of the service, " +
			"or at once with rerender = true.",
	}}
}

// others looks at what other tools decide: the image that runs, and whether what they deployed comes up.
func (l *serviceLook) others(ctx context.Context, a app.App) error {
	if len(a.Processes) == 0 {
		return nil // a Kubernetes Service of that name, with no Deployment behind it
	}
	process := webFirst(slices.Sorted(maps.Keys(a.Processes)))[0]
	digest, err := l.k.RunningDigest(ctx, a.GKE.Namespace, map[string]string{names.KubeService: a.Name, names.KubeProcess: process}, process)
	if err != nil && !apierrors.IsForbidden(err) {
		return err
	}
	l.digest = digest
	if !a.ImageIsExternal() {
		return nil
	}
	for i, ref := range l.objects {
		if ref.GVK != kube.Deployment || l.live[i] == nil || kube.Serving(l.live[i]) {
			continue
		}
		available, _, _ := unstructured.NestedInt64(l.live[i].Object, "status", "availableReplicas")
		problem, err := l.k.Problem(ctx, l.live[i])
		if err != nil && !apierrors.IsForbidden(err) {
			return err
		}
		if problem != nil {
			l.notices = append(l.notices, externalNotice(a, serviceProcessOf(a, ref.Name), containerImage(l.live[i], serviceProcessOf(a, ref.Name)), problem))
		} else if available > 0 {
			l.rolling = append(l.rolling, ref)
		}
	}
	return nil
}

// externalNotice names an image of another tool that does not run.
func externalNotice(a app.App, process, image string, why error) Notice {
	return Notice{
		Summary: fmt.Sprintf("Process %q of service %q does not come up", process, a.Name),
		Detail: fmt.Sprintf("It runs %s, which another tool deployed (image_owner = \"external\"): deploy one that works with that tool. "+
			"Terraform leaves it as it is.\n\nOriginal error: %s", names.Quote(image), why),
	}
}
