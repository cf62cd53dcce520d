package deploy

import (
	"context"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// seedManager holds the image from the moment when this provider lets go of it until another tool deploys one. Without
// it the field would be gone, and Kubernetes refuses a container without an image.
const seedManager = "twelvefactor-seed"

// handOverTries is how often an image is handed over while somebody else deploys at the same time.
const handOverTries = 5

// containerImage is the image of one container of a Deployment, empty when there is no such container.
func containerImage(deployment *unstructured.Unstructured, container string) string {
	containers, _, _ := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "containers")
	for _, c := range containers {
		if m, ok := c.(map[string]any); ok && m["name"] == container {
			image, _ := m["image"].(string)
			return image
		}
	}
	return ""
}

// setContainerImage gives a copy of a Deployment with an image for one of its containers.
func setContainerImage(deployment *unstructured.Unstructured, container, image string) *unstructured.Unstructured {
	out := deployment.DeepCopy()
	containers, _, _ := unstructured.NestedSlice(out.Object, "spec", "template", "spec", "containers")
	for _, c := range containers {
		if m, ok := c.(map[string]any); ok && m["name"] == container {
			m["image"] = image
		}
	}
	_ = unstructured.SetNestedSlice(out.Object, containers, "spec", "template", "spec", "containers") // it was one before
	return out
}

// imageOf is a Deployment that says nothing but the image of one container.
func imageOf(deployment *unstructured.Unstructured, container, image string) *unstructured.Unstructured {
	out := bare(deployment)
	out.Object["spec"] = map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{
		map[string]any{"name": container, "image": image},
	}}}}
	return out
}

// bare is an object that says nothing but which one it is.
func bare(o *unstructured.Unstructured) *unstructured.Unstructured {
	out := &unstructured.Unstructured{Object: map[string]any{}}
	out.SetGroupVersionKind(o.GroupVersionKind())
	out.SetNamespace(o.GetNamespace())
	out.SetName(o.GetName())
	return out
}

// startDeployment makes a Deployment that is not there, with what the declaration leaves to others as they would begin
// with it: the autoscaler's least number of pods, and the image that the other processes run. It is handed over after that.
func (s *serviceGKE) startDeployment(ctx context.Context, k *kube.Client, declared *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	first := declared.DeepCopy()
	if _, fixed, _ := unstructured.NestedInt64(first.Object, replicasPath...); !fixed {
		if err := unstructured.SetNestedField(first.Object, s.seedReplicas(declared.GetName()), replicasPath...); err != nil {
			return nil, err
		}
	}
	if s.app.ImageIsExternal() {
		image, err := s.seedImage(ctx, k)
		if err != nil {
			return nil, err
		}
		first = setContainerImage(first, serviceProcessOf(s.app, declared.GetName()), image)
	}
	live, _, err := k.Apply(ctx, first, kube.ApplyOptions{Force: true})
	return live, err
}

// seedImage is what a new Deployment begins with: the image that web runs, or another process, so that one release is
// one image. The declared one is for the first of them.
func (s *serviceGKE) seedImage(ctx context.Context, k *kube.Client) (string, error) {
	for _, process := range webFirst(slices.Sorted(maps.Keys(s.app.Processes))) {
		live, err := k.Get(ctx, s.ref(kube.Deployment, names.Deployment(s.app.Name, process)))
		switch {
		case apierrors.IsNotFound(err):
			continue
		case err != nil:
			return "", err
		}
		if image := containerImage(live, process); image != "" && s.owns(live.GetLabels()) {
			return image, nil
		}
	}
	return s.app.Image, nil
}

// handOverImage lets go of the image of a process without taking it away: another manager holds what is there, in a write
// of its own. It never forces, so that whoever deploys at the same time wins.
func handOverImage(ctx context.Context, k *kube.Client, declared, live *unstructured.Unstructured, process string) error {
	field := kube.ContainerImage(process)
	for try := 1; field.OwnedBy(live, kube.Manager) && !field.OwnedBy(live, seedManager); try++ {
		held := imageOf(declared, process, containerImage(live, process))
		_, _, err := k.Apply(ctx, held, kube.ApplyOptions{FieldManager: seedManager})
		if !apierrors.IsConflict(err) || try == handOverTries {
			return err
		}
		if live, err = k.Get(ctx, kube.RefOf(declared)); err != nil {
			return err
		}
	}
	return nil
}

// webFirst puts web before the other processes.
func webFirst(processes []string) []string {
	slices.SortStableFunc(processes, func(a, b string) int {
		switch {
		case a == b:
			return 0
		case a == app.Web:
			return -1
		case b == app.Web:
			return 1
		}
		return 0
	})
	return processes
}
