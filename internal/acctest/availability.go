package acctest

import (
	"context"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

// WithKubernetes puts a real Kubernetes behind the clusters of this world; it starts when a cluster is first used.
func WithKubernetes(t testing.TB) Option {
	t.Helper()
	bin, err := kubernetesBin()
	if err != nil {
		t.Fatal(err)
	}
	return func(s *settings) { s.fake.KubernetesBin = bin }
}

// Availability watches pods and remembers how few of them were available at any moment. A pod is available as endpoints
// see it: ready, and not told to end.
type Availability struct {
	stop context.CancelFunc
	done chan struct{}

	mu        sync.Mutex
	available map[types.UID]bool
	least     int
	told      map[types.UID]bool // to end
	err       error
}

// WatchAvailability begins with the pods that are there now and misses no change until Stop, or the end of the test.
func WatchAvailability(t testing.TB, client kubernetes.Interface, namespace, selector string) *Availability {
	t.Helper()
	pods := client.CoreV1().Pods(namespace)
	list, err := pods.List(t.Context(), metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		t.Fatalf("list pods: %v", err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	a := &Availability{stop: cancel, done: make(chan struct{}), available: map[types.UID]bool{}, told: map[types.UID]bool{}}
	for _, pod := range list.Items {
		a.note(watch.Added, &pod)
	}
	a.least = a.count()
	watcher, err := watchtools.NewRetryWatcherWithContext(ctx, list.ResourceVersion, &cache.ListWatch{
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = selector
			return pods.Watch(ctx, o)
		},
	})
	if err != nil {
		cancel()
		t.Fatalf("watch pods: %v", err)
	}
	go a.follow(watcher)
	t.Cleanup(func() {
		cancel()
		<-a.done
	})
	return a
}

func (a *Availability) follow(watcher watch.Interface) {
	defer close(a.done)
	for event := range watcher.ResultChan() {
		pod, ok := event.Object.(*corev1.Pod)
		a.mu.Lock()
		switch {
		case ok && event.Type != watch.Bookmark:
			a.note(event.Type, pod)
			a.least = min(a.least, a.count())
		case event.Type == watch.Error:
			a.err = apierrors.FromObject(event.Object)
		}
		a.mu.Unlock()
	}
}

func (a *Availability) note(event watch.EventType, pod *corev1.Pod) {
	ready := false
	for _, condition := range pod.Status.Conditions {
		ready = ready || condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue
	}
	ending := pod.DeletionTimestamp != nil || event == watch.Deleted
	if ending {
		a.told[pod.UID] = true
	}
	a.available[pod.UID] = ready && !ending
}

func (a *Availability) count() int {
	n := 0
	for _, available := range a.available {
		if available {
			n++
		}
	}
	return n
}

// Stop ends the watch. It gives the smallest number of pods that were available at a time, and how many pods were told to end.
func (a *Availability) Stop(t testing.TB) (least, gone int) {
	t.Helper()
	a.stop()
	<-a.done
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		t.Errorf("the watch of pods broke, so it says nothing: %v", a.err)
	}
	return a.least, len(a.told)
}
