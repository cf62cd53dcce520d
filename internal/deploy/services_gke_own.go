package deploy

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
)

// ownManagers are the field managers of this provider.
var ownManagers = []string{kube.Manager, replicasManager, seedManager}

// uidsKey is where a record keeps the UIDs of the service's objects.
const uidsKey = "uids"

// made tells whether a live object is this service's, also where somebody took our labels off: the record knows it by
// its UID. One that was deleted and made again by somebody else has another. Who has which field does not tell: somebody
// who changes all of them has them all.
func (s *serviceGKE) made(live *unstructured.Unstructured) bool {
	return s.owns(live.GetLabels()) || live.GetUID() != "" && s.uids()[kube.RefOf(live).String()] == string(live.GetUID())
}

// uids are those of the objects that this service has made, by their names.
func (s *serviceGKE) uids() map[string]string {
	known := map[string]string{}
	if s.before != nil {
		encoded, _, _ := unstructured.NestedString(s.before.object.Object, "data", uidsKey)
		_ = json.Unmarshal([]byte(encoded), &known) // what cannot be read tells nothing
	}
	if known == nil {
		known = map[string]string{}
	}
	maps.Copy(known, s.applies)
	return known
}

// setUIDs writes them into a record.
func (s *serviceGKE) setUIDs(record *unstructured.Unstructured) error {
	known, listed := s.uids(), map[string]string{}
	objects, err := gke.Objects(s.input(s.app))
	if err != nil {
		return err
	}
	for _, o := range objects {
		if name := kube.RefOf(o).String(); known[name] != "" {
			listed[name] = known[name]
		}
	}
	encoded, err := json.Marshal(listed)
	if err != nil {
		return err
	}
	return unstructured.SetNestedField(record.Object, string(encoded), "data", uidsKey)
}

// applied is an object as it was applied last, nil when that is not known.
func (s *serviceGKE) applied(ref kube.Ref) *unstructured.Unstructured {
	if s.before == nil {
		return nil
	}
	for _, o := range s.before.rendered {
		if kube.RefOf(o) == ref {
			return o
		}
	}
	return nil
}

// checkConflicts refuses, before anything is changed, to take over a field that somebody else has set and that was never
// this service's. What was applied before is taken back; what the server says about anything else is for the real write.
func (s *serviceGKE) checkConflicts(ctx context.Context, k *kube.Client) error {
	if s.before == nil {
		return nil
	}
	objects, err := gke.Objects(s.input(s.app))
	if err != nil {
		return err
	}
	for _, declared := range objects {
		if err := s.checkConflict(ctx, k, declared); err != nil {
			return err
		}
	}
	return nil
}

func (s *serviceGKE) checkConflict(ctx context.Context, k *kube.Client, declared *unstructured.Unstructured) error {
	ref := kube.RefOf(declared)
	last := s.applied(ref)
	if last == nil || ref.GVK == kube.ConfigMap { // the name says what a ConfigMap has to hold: see dropChanged
		return nil
	}
	live, err := k.Get(ctx, ref)
	if apierrors.IsNotFound(err) || err == nil && !s.made(live) {
		return nil // apply makes it, or refuses
	}
	if err != nil {
		return err
	}
	wanted := s.leave(declared, live)
	_, _, err = k.Apply(ctx, wanted, kube.ApplyOptions{DryRun: true})
	for _, conflict := range kube.FieldConflicts(err) {
		field, ok := conflict.In(wanted)
		_, before := conflict.In(last)
		if !ok || before || s.takesBack(field, conflict.Manager, ref.Name) {
			continue
		}
		return s.conflict(ref, field, conflict.Manager)
	}
	return nil
}

// takesBack tells of fields that this declaration takes from others on purpose: the number of pods when it fixes that,
// the image when Terraform decides about it again, and what this provider itself holds for them.
func (s *serviceGKE) takesBack(field kube.Field, manager, deployment string) bool {
	image := kube.ContainerImage(serviceProcessOf(s.app, deployment)).String()
	return slices.Contains(ownManagers, manager) || field.String() == "spec.replicas" ||
		field.String() == image && s.before.app.ImageIsExternal()
}

func (s *serviceGKE) conflict(ref kube.Ref, field kube.Field, manager string) error {
	at := ref.String() + " " + field.String()
	return &Error{
		Summary: fmt.Sprintf("A field of service %q is somebody else's", s.app.Name),
		Why: fmt.Sprintf("%s is set by the field manager %s, and this service has never set it, so it is not taken over silently. "+
			"Nothing was changed.", at, names.Quote(manager)),
		Fix: fmt.Sprintf("Have %s let go of it (kubectl get %s %s -n %s -o yaml --show-managed-fields shows who has what), or leave it to that "+
			"one: drift_ignore = [%q]", manager, ref.GVK.Kind, ref.Name, ref.Namespace, at),
		Attribute: []string{"drift_ignore"},
	}
}

// leave gives what is to be applied where drift_ignore leaves fields to others: what is there stays. A value that a
// webhook put there while the field is ours is declared as it is; what another manager has, or what is gone, is not
// declared. A field that the configuration has changed since is applied all the same, and after an interrupted update,
// when it is not known what was applied, everything is.
func (s *serviceGKE) leave(declared, live *unstructured.Unstructured) *unstructured.Unstructured {
	last := s.applied(kube.RefOf(declared))
	ignored := s.app.Ignored()
	if last == nil || len(ignored) == 0 || s.before.unfinished || live.GetUID() == "" {
		return declared
	}
	left := declared.DeepCopy()
	for _, change := range kube.Diff(declared, live) {
		if !ignored.Cover(kube.RefOf(declared).String(), change.Path) {
			continue
		}
		actual, there := change.Field.Get(live.Object)
		was, known := change.Field.Get(last.Object)
		want, _ := change.Field.Get(declared.Object)
		switch {
		case known && !kube.SameValue(want, was), !known && !there:
			continue
		case there && change.Field.OwnedBy(live, kube.Manager):
			change.Field.Set(left.Object, actual)
		default:
			change.Field.Remove(left.Object)
		}
	}
	return left
}
