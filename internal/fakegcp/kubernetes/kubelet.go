package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

const (
	kubeletWorkers = 4
	// conflictRetry is for writes that met a newer version of the pod, and for lost connections.
	conflictRetry = 100 * time.Millisecond
	// terminationTime is from the deletion of a pod to its end: containers that run no code end when they are told.
	terminationTime = 300 * time.Millisecond
	// terminatedBySignal is the exit status of a process that SIGTERM ended.
	terminatedBySignal = 128 + 15
)

// kubelet plays the kubelets of all nodes: it writes the status of every pod that has a node.
type kubelet struct {
	client    clientset.Interface
	watch     *watch
	behaviour func(image string) Behaviour
	// secret tells why a pod may not read a version, secretManager whether the driver that mounts versions is there.
	secret        func(PodIdentity, string) string
	secretManager func() bool
	queue         workqueue.TypedDelayingInterface[cache.ObjectName]

	mu    sync.Mutex
	lives map[types.UID]*life
	ips   uint32
}

// life is what it remembers of a pod.
type life struct {
	start, deleted time.Time
	ip             string
}

func newKubelet(client clientset.Interface, w *watch, behaviour func(string) Behaviour) *kubelet {
	return &kubelet{
		client:    client,
		watch:     w,
		behaviour: behaviour,
		queue:     workqueue.NewTypedDelayingQueue[cache.ObjectName](),
		lives:     map[types.UID]*life{},
	}
}

func (k *kubelet) run(ctx context.Context) {
	_, err := k.watch.pods().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    k.enqueue,
		UpdateFunc: func(_, pod any) { k.enqueue(pod) },
		DeleteFunc: k.forget,
	})
	if err != nil || !k.watch.sync(ctx) {
		return // the informer refuses handlers only after it was stopped
	}
	var workers sync.WaitGroup
	for range kubeletWorkers {
		workers.Go(func() { k.work(ctx) })
	}
	<-ctx.Done()
	k.queue.ShutDown()
	workers.Wait()
}

func (k *kubelet) enqueue(object any) {
	if pod, ok := object.(*corev1.Pod); ok && pod.Spec.NodeName != "" {
		k.queue.Add(cache.MetaObjectToName(pod))
	}
}

func (k *kubelet) forget(object any) {
	if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	if pod, ok := object.(*corev1.Pod); ok {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.lives, pod.UID)
	}
}

// playAll looks at every pod again.
func (k *kubelet) playAll() {
	for _, pod := range k.watch.allPods() {
		k.enqueue(pod)
	}
}

func (k *kubelet) work(ctx context.Context) {
	for {
		name, shutdown := k.queue.Get()
		if shutdown {
			return
		}
		again, err := k.reconcile(ctx, name)
		if err != nil && !apierrors.IsNotFound(err) {
			again = conflictRetry
		}
		if again != never {
			k.queue.AddAfter(name, again)
		}
		k.queue.Done(name)
	}
}

// reconcile brings one pod's status up to date and tells when to look again.
func (k *kubelet) reconcile(ctx context.Context, name cache.ObjectName) (time.Duration, error) {
	pod, ok := k.watch.pod(name.Namespace, name.Name)
	if !ok || pod.Spec.NodeName == "" {
		return never, nil
	}
	node, ok := k.watch.node(pod.Spec.NodeName)
	if !ok {
		return never, nil // no kubelet: Kubernetes' own pod garbage collector sees to it
	}
	switch {
	case pod.DeletionTimestamp != nil:
		return k.terminate(ctx, pod)
	case pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed:
		return never, nil
	case isPreempted(node):
		return never, nil // its pods are about to be deleted
	}
	unmounted := k.mountPod(ctx, pod)
	if unmounted != "" {
		if err := k.tellFailedMount(ctx, pod, unmounted); err != nil {
			return never, err
		}
	}
	l := k.life(pod)
	status, next := playPod(pod, podLife{
		unmounted:     unmounted != "",
		behaviour:     k.behaviour,
		missingConfig: k.missingConfig(ctx, pod.Namespace),
		start:         l.start,
		now:           time.Now(),
		podIP:         l.ip,
		hostIP:        nodeAddress(node),
	})
	return next, k.write(ctx, pod, status)
}

func (k *kubelet) write(ctx context.Context, pod *corev1.Pod, status corev1.PodStatus) error {
	if equality.Semantic.DeepEqual(pod.Status, status) {
		return nil
	}
	changed := pod.DeepCopy()
	changed.Status = status
	_, err := k.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, changed, metav1.UpdateOptions{})
	return err
}

// terminate ends a deleted pod: no longer ready and its containers ended at once, the object gone a moment later.
func (k *kubelet) terminate(ctx context.Context, pod *corev1.Pod) (time.Duration, error) {
	l := k.life(pod)
	if l.deleted.IsZero() {
		l.deleted = time.Now()
	}
	if err := k.write(ctx, pod, terminatedStatus(pod, time.Now())); err != nil && !apierrors.IsNotFound(err) {
		return never, err
	}
	if left := terminationTime - time.Since(l.deleted); left > 0 {
		return left, nil
	}
	now := int64(0)
	err := k.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: &now,
		Preconditions:      &metav1.Preconditions{UID: &pod.UID},
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return never, nil
	}
	return never, err
}

func terminatedStatus(pod *corev1.Pod, now time.Time) corev1.PodStatus {
	status := *pod.Status.DeepCopy()
	if status.Phase == corev1.PodSucceeded || status.Phase == corev1.PodFailed {
		return status
	}
	status.Phase = corev1.PodFailed
	for i := range status.ContainerStatuses {
		s := &status.ContainerStatuses[i]
		s.Ready = false
		if s.State.Running != nil {
			s.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
				ExitCode:    terminatedBySignal,
				Reason:      "Error",
				StartedAt:   s.State.Running.StartedAt,
				FinishedAt:  metav1.NewTime(now).Rfc3339Copy(),
				ContainerID: s.ContainerID,
			}}
		}
	}
	for _, t := range []corev1.PodConditionType{corev1.ContainersReady, corev1.PodReady} {
		setCondition(&status, corev1.PodCondition{Type: t, Status: corev1.ConditionFalse, Reason: "PodFailed"}, now)
	}
	return status
}

// life is the memory of a pod, begun when it is first seen on its node.
func (k *kubelet) life(pod *corev1.Pod) *life {
	k.mu.Lock()
	defer k.mu.Unlock()
	l, ok := k.lives[pod.UID]
	if !ok {
		k.ips++
		l = &life{start: time.Now(), ip: podAddress(k.ips)}
		k.lives[pod.UID] = l
	}
	return l
}

// podAddress is the n-th address of GKE's default range of a cluster's pods, 10.112.0.0/14.
func podAddress(n uint32) string {
	n &= 1<<18 - 1
	return fmt.Sprintf("10.%d.%d.%d", 112+n>>16, n>>8&0xff, n&0xff)
}

// missingConfig looks for what a container's environment refers to, as a kubelet does before it creates the container.
func (k *kubelet) missingConfig(ctx context.Context, namespace string) func(corev1.Container) string {
	return func(c corev1.Container) string {
		for _, ref := range configReferences(c) {
			if err := k.find(ctx, namespace, ref); err != nil {
				return err.Error()
			}
		}
		return ""
	}
}

func (k *kubelet) find(ctx context.Context, namespace string, ref configReference) error {
	keys := map[string]bool{}
	var err error
	if ref.kind == secretKind {
		var secret *corev1.Secret
		secret, err = k.client.CoreV1().Secrets(namespace).Get(ctx, ref.name, metav1.GetOptions{})
		if err == nil {
			addKeys(keys, secret.Data)
		}
	} else {
		var config *corev1.ConfigMap
		config, err = k.client.CoreV1().ConfigMaps(namespace).Get(ctx, ref.name, metav1.GetOptions{})
		if err == nil {
			addKeys(keys, config.Data)
			addKeys(keys, config.BinaryData)
		}
	}
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%s %q not found", ref.kind, ref.name)
	case err != nil:
		return errors.New("the API server does not answer")
	case ref.key != "" && !keys[ref.key]:
		return fmt.Errorf("couldn't find key %s in %s %s/%s", ref.key, ref.kind, namespace, ref.name)
	}
	return nil
}

func addKeys[V any](keys map[string]bool, data map[string]V) {
	for key := range data {
		keys[key] = true
	}
}
