package kubernetes

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// picture is what a test looks at in a pod's status.
type picture struct {
	phase    corev1.PodPhase
	ready    corev1.ConditionStatus
	state    string // of the first container: waiting reason, "running", or "exit N"
	restarts int32
}

// film plays a pod from its start to age, writing the status back each time as a kubelet does.
func film(pod *corev1.Pod, b Behaviour, age time.Duration) picture {
	begin := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for at := time.Duration(0); ; {
		status, next := playPod(pod, podLife{
			behaviour:     func(string) Behaviour { return b },
			missingConfig: func(corev1.Container) string { return "" },
			start:         begin,
			now:           begin.Add(at),
		})
		pod.Status = status
		over := status.Phase == corev1.PodSucceeded || status.Phase == corev1.PodFailed
		if over || next == never || at+next > age {
			return pictureOf(pod)
		}
		at += next
	}
}

func pictureOf(pod *corev1.Pod) picture {
	p := picture{phase: pod.Status.Phase}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			p.ready = c.Status
		}
	}
	first := pod.Status.ContainerStatuses[0]
	p.restarts = first.RestartCount
	switch {
	case first.State.Running != nil:
		p.state = "running"
	case first.State.Terminated != nil:
		p.state = fmt.Sprintf("exit %d", first.State.Terminated.ExitCode)
	case first.State.Waiting != nil:
		p.state = first.State.Waiting.Reason
	}
	return p
}

func probedPod(restart corev1.RestartPolicy, inits ...corev1.Container) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "n", UID: "u"},
		Spec: corev1.PodSpec{
			RestartPolicy:  restart,
			InitContainers: inits,
			Containers:     []corev1.Container{{Name: "c", Image: "i:1", ReadinessProbe: &corev1.Probe{}}},
		},
	}
}

func TestPodStatusFollowsImage(t *testing.T) {
	always, never, onFailure := corev1.RestartPolicyAlways, corev1.RestartPolicyNever, corev1.RestartPolicyOnFailure
	crash := Behaviour{Exits: true, ExitCode: 1}
	for name, row := range map[string]struct {
		restart   corev1.RestartPolicy
		behaviour Behaviour
		age       time.Duration
		want      picture
	}{
		"creating":                       {always, Behaviour{}, 0, picture{corev1.PodPending, "False", "ContainerCreating", 0}},
		"running":                        {always, Behaviour{}, time.Second, picture{corev1.PodRunning, "True", "running", 0}},
		"slow, not yet":                  {always, Behaviour{Slow: true}, 9 * time.Second, picture{corev1.PodPending, "False", "ContainerCreating", 0}},
		"slow, at last":                  {always, Behaviour{Slow: true}, 11 * time.Second, picture{corev1.PodRunning, "True", "running", 0}},
		"never ready":                    {always, Behaviour{NeverReady: true}, time.Hour, picture{corev1.PodRunning, "False", "running", 0}},
		"image missing":                  {always, Behaviour{Missing: true}, time.Second, picture{corev1.PodPending, "False", "ErrImagePull", 0}},
		"image still missing":            {always, Behaviour{Missing: true}, time.Hour, picture{corev1.PodPending, "False", "ImagePullBackOff", 0}},
		"crashed twice":                  {always, crash, 5 * time.Second, picture{corev1.PodRunning, "False", "CrashLoopBackOff", 1}},
		"crashed three times":            {always, crash, 15 * time.Second, picture{corev1.PodRunning, "False", "CrashLoopBackOff", 2}},
		"server that ends with status 0": {always, Behaviour{Exits: true}, 5 * time.Second, picture{corev1.PodRunning, "False", "CrashLoopBackOff", 1}},
		"job done":                       {never, Behaviour{}, time.Minute, picture{corev1.PodSucceeded, "False", "exit 0", 0}},
		"job failed":                     {never, Behaviour{Exits: true, ExitCode: 3}, time.Minute, picture{corev1.PodFailed, "False", "exit 3", 0}},
		"job tried again":                {onFailure, crash, 5 * time.Second, picture{corev1.PodRunning, "False", "CrashLoopBackOff", 1}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := film(probedPod(row.restart), row.behaviour, row.age); got != row.want {
				t.Errorf("after %s got %+v, want %+v", row.age, got, row.want)
			}
		})
	}
}

func TestInitContainersRunBeforeTheOthers(t *testing.T) {
	pod := probedPod(corev1.RestartPolicyAlways, corev1.Container{Name: "first", Image: "i:1"}, corev1.Container{Name: "second", Image: "i:1"})
	if got := film(pod, Behaviour{}, 3*runTime); got.state != "PodInitializing" || got.phase != corev1.PodPending {
		t.Errorf("early: %+v, want a pod that initializes", got)
	}
	if got := film(pod, Behaviour{}, time.Minute); got.state != "running" || got.ready != corev1.ConditionTrue {
		t.Errorf("late: %+v, want a ready pod", got)
	}
	for _, s := range pod.Status.InitContainerStatuses {
		if s.State.Terminated == nil || s.State.Terminated.ExitCode != 0 {
			t.Errorf("init container %s is %+v, want it completed", s.Name, s.State)
		}
	}
}

func TestSidecarKeepsRunningBesideTheOthers(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	pod := probedPod(corev1.RestartPolicyAlways, corev1.Container{Name: "proxy", Image: "i:1", RestartPolicy: &always})
	if got := film(pod, Behaviour{}, time.Minute); got.ready != corev1.ConditionTrue {
		t.Fatalf("got %+v, want a ready pod", got)
	}
	if s := pod.Status.InitContainerStatuses[0]; s.State.Running == nil || !s.Ready {
		t.Errorf("sidecar is %+v, want it running", s)
	}
}

func TestRunningContainerOutlivesItsImage(t *testing.T) {
	pod := probedPod(corev1.RestartPolicyAlways)
	film(pod, Behaviour{}, time.Minute)
	now := time.Now()
	pod.Status, _ = playPod(pod, podLife{behaviour: func(string) Behaviour { return Behaviour{Missing: true} }, start: now.Add(-time.Minute), now: now})
	if got := pictureOf(pod); got.state != "running" || got.ready != corev1.ConditionTrue {
		t.Errorf("after its image went away the container is %+v, want it running", got)
	}
}

func TestBackOffDoublesUpToFiveMinutes(t *testing.T) {
	for restarts, seconds := range []int{0, 10, 20, 40, 80, 160, 300, 300} {
		if got := backOff(int32(restarts)); got.Seconds() != float64(seconds) {
			t.Errorf("after %d restarts %s, want %d s", restarts, got, seconds)
		}
	}
	if got := backOff(1000); got != backOffLast {
		t.Errorf("after 1000 restarts %s, want %s", got, backOffLast)
	}
}
