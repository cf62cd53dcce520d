package kubernetes

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// podLife is what a kubelet knows about a pod besides the object.
type podLife struct {
	behaviour func(image string) Behaviour
	// missingConfig says what a container's environment lacks; "" when nothing.
	missingConfig func(corev1.Container) string
	// unmounted says that a volume cannot be mounted.
	unmounted     bool
	start         time.Time
	now           time.Time
	podIP, hostIP string
}

// playPod tells a pod's status at life.now and when it will change next (never: not by itself).
func playPod(pod *corev1.Pod, life podLife) (corev1.PodStatus, time.Duration) {
	p := play{pod: pod, life: life, elapsed: life.now.Sub(life.start)}
	p.status = *pod.Status.DeepCopy()
	if life.unmounted {
		p.waitForVolumes()
	} else {
		p.initContainers()
		p.containers()
	}
	p.finish()
	return p.status, p.next
}

// play accumulates one pod's status.
type play struct {
	pod     *corev1.Pod
	life    podLife
	elapsed time.Duration // of the pod, then what is left for the containers whose turn has not come
	status  corev1.PodStatus
	next    time.Duration

	blocked     bool // an init container has not let the others start
	initFailed  bool
	scenes      []scene
	sidecarDown bool
}

func (p *play) initContainers() {
	p.status.InitContainerStatuses = nil
	for _, c := range p.pod.Spec.InitContainers {
		s, turn := p.initContainer(c)
		p.status.InitContainerStatuses = append(p.status.InitContainerStatuses, s.status)
		p.wake(s.next)
		p.elapsed -= turn
	}
}

// initContainer plays one and tells how long it kept the next one waiting.
func (p *play) initContainer(c corev1.Container) (scene, time.Duration) {
	sidecar := c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
	role := p.cast(c)
	role.completes = !sidecar
	if sidecar {
		role.restart = corev1.RestartPolicyAlways
	} else if role.restart == corev1.RestartPolicyAlways {
		role.restart = corev1.RestartPolicyOnFailure // an init container that succeeded is not started again
	}
	if p.blocked {
		return role.waiting("PodInitializing", "", never), 0
	}
	s := role.play(p.elapsed)
	switch {
	case sidecar && s.status.Started != nil && *s.status.Started:
		p.sidecarDown = p.sidecarDown || !s.status.Ready
		return s, role.startTime()
	case s.ended != nil && s.ended.ExitCode == 0:
		s.status.Ready = true
		return s, role.startTime() + runTime
	case s.ended != nil:
		p.initFailed = true
	}
	p.blocked = true
	return s, 0
}

func (p *play) containers() {
	p.status.ContainerStatuses = nil
	for _, c := range p.pod.Spec.Containers {
		role := p.cast(c)
		var s scene
		if p.blocked {
			s = role.waiting("PodInitializing", "", never)
		} else {
			s = role.play(p.elapsed)
		}
		p.scenes = append(p.scenes, s)
		p.status.ContainerStatuses = append(p.status.ContainerStatuses, s.status)
		p.wake(s.next)
	}
}

// cast gives a container its role from now on.
func (p *play) cast(c corev1.Container) cast {
	role := cast{
		container: c,
		pod:       p.pod,
		behaviour: p.life.behaviour(c.Image),
		restart:   p.pod.Spec.RestartPolicy,
		completes: p.pod.Spec.RestartPolicy != corev1.RestartPolicyAlways,
		begin:     p.life.now.Add(-p.elapsed),
	}
	if !hasRun(p.pod, c.Name) {
		role.missingConfig = p.life.missingConfig(c)
		return role
	}
	role.behaviour.Missing = false // the image is on the node
	role.behaviour.Slow = role.behaviour.Slow && p.elapsed >= slowStart
	return role
}

// hasRun says whether the container ran before: then its image and its environment are there.
func hasRun(pod *corev1.Pod, name string) bool {
	s := containerStatus(pod, name)
	return s.State.Running != nil || s.State.Terminated != nil || s.LastTerminationState.Terminated != nil
}

func (p *play) finish() {
	p.status.Phase = p.phase()
	p.status.HostIP = p.life.hostIP
	p.status.HostIPs = []corev1.HostIP{{IP: p.life.hostIP}}
	p.status.PodIP = p.life.podIP
	p.status.PodIPs = []corev1.PodIP{{IP: p.life.podIP}}
	started := metav1.NewTime(p.life.start).Rfc3339Copy()
	p.status.StartTime = &started

	ready := !p.sidecarDown && p.status.Phase == corev1.PodRunning
	for _, s := range p.scenes {
		ready = ready && s.status.Ready
	}
	over := ""
	if p.status.Phase == corev1.PodSucceeded {
		over = "PodCompleted"
	}
	p.condition(corev1.PodReadyToStartContainers, !p.life.unmounted, "")
	p.condition(corev1.PodInitialized, !p.blocked, "ContainersNotInitialized")
	for _, t := range []corev1.PodConditionType{corev1.ContainersReady, corev1.PodReady} {
		reason := over
		if reason == "" {
			reason = "ContainersNotReady"
		}
		p.condition(t, ready, reason)
	}
}

func (p *play) phase() corev1.PodPhase {
	if p.initFailed {
		return corev1.PodFailed
	}
	if p.blocked {
		return corev1.PodPending
	}
	ended, failed, running := 0, 0, 0
	for _, s := range p.scenes {
		switch {
		case s.ended != nil && s.ended.ExitCode != 0:
			failed++
			ended++
		case s.ended != nil:
			ended++
		case s.status.State.Running != nil || s.status.LastTerminationState.Terminated != nil:
			running++
		}
	}
	switch {
	case ended == len(p.scenes) && failed > 0:
		return corev1.PodFailed
	case ended == len(p.scenes):
		return corev1.PodSucceeded
	case ended+running > 0:
		return corev1.PodRunning
	default:
		return corev1.PodPending
	}
}

// condition sets a condition; the reason is for false only. The time of the last change stays when there is none.
func (p *play) condition(t corev1.PodConditionType, holds bool, reason string) {
	condition := corev1.PodCondition{Type: t, Status: corev1.ConditionTrue}
	if !holds {
		condition.Status, condition.Reason = corev1.ConditionFalse, reason
	}
	setCondition(&p.status, condition, p.life.now)
}

func setCondition(status *corev1.PodStatus, condition corev1.PodCondition, now time.Time) {
	condition.LastTransitionTime = metav1.NewTime(now).Rfc3339Copy()
	for i, old := range status.Conditions {
		if old.Type != condition.Type {
			continue
		}
		if old.Status == condition.Status {
			condition.LastTransitionTime = old.LastTransitionTime
		}
		condition.ObservedGeneration = old.ObservedGeneration
		status.Conditions[i] = condition
		return
	}
	status.Conditions = append(status.Conditions, condition)
}

// wake asks to be played again after d.
func (p *play) wake(d time.Duration) {
	if d != never && (p.next == never || d < p.next) {
		p.next = d
	}
}
