package gke

import (
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// process is one process type with its name.
type process struct {
	name string
	app.Process
}

// processesOf lists the processes by name.
func processesOf(in Input) []process {
	var all []process
	for _, name := range slices.Sorted(maps.Keys(in.App.Processes)) {
		all = append(all, process{name, in.App.Processes[name]})
	}
	return all
}

func (p process) autoscaled() bool { return p.Scale.Max > p.Scale.Min }

// single tells that there is never more than one pod, but in a rollout.
func (p process) single() bool { return p.Scale.Max <= 1 }

// labels of an object that belongs to the whole app: the user's, under ours.
func labels(in Input) map[string]string {
	l := maps.Clone(in.App.Labels)
	if l == nil {
		l = map[string]string{}
	}
	maps.Copy(l, in.Stamp.KubeLabels())
	l[names.KubeName] = in.App.Name
	l[names.KubeService] = in.App.Name
	return l
}

// processLabels are those of an object that belongs to one process.
func processLabels(in Input, p process) map[string]string {
	l := labels(in)
	l[names.KubeComponent] = p.name
	l[names.KubeProcess] = p.name
	return l
}

// podLabels leave the stack out: moving an app to another stack is no reason to start its pods again. The release is
// in, so that every release does.
func podLabels(in Input, p process) map[string]string {
	l := processLabels(in, p)
	delete(l, names.KubeStack)
	l[names.KubeRelease] = app.ReleaseID(in.App)
	return l
}

// annotated adds the user's annotations to what tools read them from.
func annotated(in Input, m metav1.ObjectMeta) metav1.ObjectMeta {
	m.Annotations = in.App.Annotations
	return m
}

// selector picks the pods of one process. A Deployment's selector can never change, so it has only what never does.
func selector(in Input, p process) map[string]string {
	return map[string]string{names.KubeService: in.App.Name, names.KubeProcess: p.name}
}
