package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
)

// serviceAdoptingAnnotation is on the record while what another tool made is being taken over, so that a run that was
// stopped is gone on with.
const serviceAdoptingAnnotation = "twelvefactor.dev/adopting"

// An adoption never takes away what serves. The selector of a Deployment cannot change, so the service gets Deployments of
// its own, and the Kubernetes Service that has its name is turned to them when they are ready. What served before runs on,
// without requests, until somebody deletes it.

func (s *serviceGKE) takeOver(adopting bool) { s.adopting = adopting }

// mayWrite tells whether an apply may write over an object: one of this service, or one that it adopts without taking
// anything away from those who use it.
func (s *serviceGKE) mayWrite(live *unstructured.Unstructured) bool {
	return s.owns(live.GetLabels()) || s.adopting && s.adoptable(live)
}

// adoptable tells whether an object that another tool made can become this service's in place.
func (s *serviceGKE) adoptable(live *unstructured.Unstructured) bool {
	switch live.GroupVersionKind() {
	case kube.Service:
		kind, _, _ := unstructured.NestedString(live.Object, "spec", "type")
		address, _, _ := unstructured.NestedString(live.Object, "spec", "clusterIP")
		return (kind == "" || kind == "ClusterIP") && address != "None"
	case kube.Deployment:
		selector, _, _ := unstructured.NestedStringMap(live.Object, "spec", "selector", "matchLabels")
		return selector[names.KubeService] == s.app.Name && len(selector) == 2 &&
			names.Deployment(s.app.Name, selector[names.KubeProcess]) == live.GetName()
	default:
		return false
	}
}

// notAdopted adds to the refusal of an object why an adoption does not take it either.
func (s *serviceGKE) notAdopted(e *Error, ref kube.Ref) *Error {
	switch {
	case ref.GVK == kube.ServiceAccount:
		e.Fix += " To run as that service account, name it in identity."
	case !s.adopting:
	case ref.GVK == kube.Service:
		e.Why += " An adoption would make it a Service of type ClusterIP and take away the address by which it is reached now."
	case ref.GVK == kube.Deployment:
		e.Why += " The selector of a Deployment cannot change, so an adoption would have to delete it, and what serves with it."
		e.Fix = "Let the process have another name, or make a copy of the Deployment under another name and delete this one when the copy serves."
	}
	return e
}

// byHand are the objects of another tool that the service would take over or stand beside.
type byHand struct {
	service   *unstructured.Unstructured            // the Kubernetes Service of the name, nil without one
	processes map[string]*unstructured.Unstructured // Deployments by the process that they are taken for
}

// findByHand looks for a Kubernetes Service of the service's name and for Deployments: those that it selects, that have
// the service's name, or the name of one of its processes.
func (s *serviceGKE) findByHand(ctx context.Context, k *kube.Client) (byHand, error) {
	found := byHand{processes: map[string]*unstructured.Unstructured{}}
	service, err := k.Get(ctx, s.ref(kube.Service, names.KubeServiceName(s.app.Name)))
	switch {
	case err == nil:
		found.service = service
	case !apierrors.IsNotFound(err):
		return found, err
	}
	all, err := k.List(ctx, kube.Deployment, s.id.Namespace, "")
	if err != nil {
		return found, err
	}
	for i := range all {
		if process := s.processByHand(&all[i], found.service); process != "" {
			if _, taken := found.processes[process]; !taken || selects(found.service, &all[i]) {
				found.processes[process] = &all[i]
			}
		}
	}
	return found, nil
}

func (s *serviceGKE) processByHand(d, service *unstructured.Unstructured) string {
	if selects(service, d) || d.GetName() == s.app.Name {
		return app.Web
	}
	process, ok := strings.CutPrefix(d.GetName(), s.app.Name+"-")
	if ok && process != "" && names.Deployment(s.app.Name, process) == d.GetName() {
		return process
	}
	return ""
}

// selects tells whether a Kubernetes Service sends requests to the pods of a Deployment.
func selects(service, deployment *unstructured.Unstructured) bool {
	if service == nil {
		return false
	}
	selector, _, _ := unstructured.NestedStringMap(service.Object, "spec", "selector")
	pods, _, _ := unstructured.NestedStringMap(deployment.Object, "spec", "template", "metadata", "labels")
	return len(selector) > 0 && labels.SelectorFromSet(selector).Matches(labels.Set(pods))
}

// unrecorded is a service that something else made, in the terms of an app; nil when nothing has its name. What an
// adoption makes, changes and leaves is drift.
func (s *serviceGKE) unrecorded(ctx context.Context, k *kube.Client) (*ServiceState, error) {
	found, err := s.findByHand(ctx, k)
	if err != nil || found.service == nil && len(found.processes) == 0 {
		return nil, err
	}
	a, err := gke.Seen(s.app, found.processes)
	if err != nil {
		return nil, err
	}
	look := &serviceLook{k: k}
	if err := look.at(ctx, s.input(app.WithDefaults(a))); err != nil {
		return nil, err
	}
	state := &ServiceState{ID: s.id.String(), App: a, Status: ServiceDegraded, URL: s.url(a), Drift: look.drift()}
	var refs []kube.Ref
	if found.service != nil {
		refs = append(refs, kube.RefOf(found.service))
	}
	for _, process := range slices.Sorted(maps.Keys(found.processes)) {
		ref := kube.RefOf(found.processes[process])
		refs = append(refs, ref)
		if !s.owns(found.processes[process].GetLabels()) {
			state.Drift = append(state.Drift, ref.String()+": "+kube.Missing+" -> present")
		}
	}
	state.Objects = s.objects(refs)
	return state, nil
}

// adoptService turns the Kubernetes Service of the name to the service's own pods, which are ready, and remembers which
// Deployments of others it leaves without requests.
func (s *serviceGKE) adoptService(ctx context.Context, k *kube.Client) error {
	if !s.adopting {
		return nil
	}
	found, err := s.findByHand(ctx, k)
	if err != nil {
		return err
	}
	for _, process := range slices.Sorted(maps.Keys(found.processes)) {
		if d := found.processes[process]; !s.owns(d.GetLabels()) {
			s.beside = append(s.beside, d.GetName())
		}
	}
	return s.applyEach(ctx, k, func(ref kube.Ref) bool { return ref.GVK == kube.Service })
}

// besideNotice tells what an adoption has left.
func (s *serviceGKE) besideNotice() []Notice {
	if len(s.beside) == 0 {
		return nil
	}
	return []Notice{{
		Summary: fmt.Sprintf("Service %q was adopted, and what served before still runs", s.app.Name),
		Detail: fmt.Sprintf("The service has Deployments of its own now, and requests go to them. Nobody needs these any more unless they do something "+
			"else too: kubectl -n %s delete deployment %s", s.id.Namespace, strings.Join(s.beside, " ")),
	}}
}

// notAdoptedNotice tells that a service which was only imported is forgotten, not deleted.
func (s *serviceGKE) notAdoptedNotice() Notice {
	return Notice{
		Summary: fmt.Sprintf("Service %q was not deleted", s.app.Name),
		Detail: "It was imported and never applied, so nothing of it is this provider's yet. What another tool made in namespace " +
			s.id.Namespace + " stays.",
	}
}
