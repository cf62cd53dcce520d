package gke

import (
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

// Seen describes Deployments that another tool made, by the process that they would be, in the terms of the app whose name
// and place are given: what an adoption would replace, as far as an app can say it. Values of plain variables are
// app.Hidden; variables out of Kubernetes Secrets and ConfigMaps are left out.
func Seen(place app.App, byProcess map[string]*unstructured.Unstructured) (app.App, error) {
	at := &app.GKE{Cluster: place.GKE.Cluster, Namespace: place.GKE.Namespace}
	a := app.App{Name: place.Name, GKE: at, Config: map[string]string{}, Processes: map[string]app.Process{}}
	for _, name := range slices.Sorted(maps.Keys(byProcess)) {
		object := byProcess[name]
		var d appsv1.Deployment
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &d); err != nil {
			return a, fmt.Errorf("reading Deployment %s: %w", object.GetName(), err)
		}
		if len(d.Spec.Template.Spec.Containers) == 0 {
			continue
		}
		c := d.Spec.Template.Spec.Containers[0]
		if name == app.Web || a.Image == "" {
			a.Image = c.Image
		}
		for _, e := range c.Env {
			if e.ValueFrom == nil {
				a.Config[e.Name] = app.Hidden
			}
		}
		a.Processes[name] = seenProcess(d, c)
	}
	return a, nil
}

func seenProcess(d appsv1.Deployment, c corev1.Container) app.Process {
	p := app.Process{Command: c.Command, Args: c.Args, Scale: app.Scale{Min: 1, MinSet: true}}
	if d.Spec.Replicas != nil {
		p.Scale.Min = int(*d.Spec.Replicas)
	}
	if len(c.Ports) > 0 {
		p.Port = int(c.Ports[0].ContainerPort)
	}
	if cpu, ok := c.Resources.Requests[corev1.ResourceCPU]; ok {
		p.CPU = cpu.String()
	}
	if memory, ok := c.Resources.Requests[corev1.ResourceMemory]; ok {
		p.Memory = memory.String()
	}
	return p
}
