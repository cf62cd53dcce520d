package kubernetes

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// watch is a copy of the cluster's pods and nodes that follows them.
type watch struct {
	factory informers.SharedInformerFactory
}

func newWatch(client clientset.Interface) *watch {
	w := &watch{factory: informers.NewSharedInformerFactory(client, 0)}
	w.pods()
	w.nodes()
	return w
}

func (w *watch) pods() cache.SharedIndexInformer  { return w.factory.Core().V1().Pods().Informer() }
func (w *watch) nodes() cache.SharedIndexInformer { return w.factory.Core().V1().Nodes().Informer() }

func (w *watch) run(ctx context.Context) {
	w.factory.Start(ctx.Done())
	<-ctx.Done()
	w.factory.Shutdown()
}

// sync waits until the copy is complete; false when the context ended first.
func (w *watch) sync(ctx context.Context) bool {
	return cache.WaitForCacheSync(ctx.Done(), w.pods().HasSynced, w.nodes().HasSynced)
}

func (w *watch) pod(namespace, name string) (*corev1.Pod, bool) {
	pod, err := w.factory.Core().V1().Pods().Lister().Pods(namespace).Get(name)
	return pod, err == nil
}

func (w *watch) allPods() []*corev1.Pod {
	pods, _ := w.factory.Core().V1().Pods().Lister().List(labels.Everything()) // reads memory, does not fail
	return pods
}

func (w *watch) node(name string) (*corev1.Node, bool) {
	node, err := w.factory.Core().V1().Nodes().Lister().Get(name)
	return node, err == nil
}

func (w *watch) allNodes() []*corev1.Node {
	nodes, _ := w.factory.Core().V1().Nodes().Lister().List(labels.Everything()) // reads memory, does not fail
	return nodes
}
