package kubernetes

import (
	"crypto/sha256"
	"fmt"
	"math/bits"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// How long things take on a node. Real kubelets need longer; the order of events is theirs.
const (
	pullTime     = 200 * time.Millisecond // until a container runs, or its image turns out to be missing
	pullRetry    = time.Second            // from ErrImagePull to ImagePullBackOff
	runTime      = 300 * time.Millisecond // of a container that ends
	slowStart    = 10 * time.Second       // until a container of a slow image runs
	configRetry  = time.Second            // between looks for a missing Secret or ConfigMap
	backOffFirst = 10 * time.Second       // the kubelet's: doubles with every restart
	backOffLast  = 5 * time.Minute        // up to this
	never        = time.Duration(0)
)

// cast is one container in the play: what it is, and what befalls it.
type cast struct {
	container corev1.Container
	pod       *corev1.Pod
	behaviour Behaviour
	restart   corev1.RestartPolicy
	// completes has the container end with status 0 if its image does not say otherwise: init containers, and all of a
	// pod that is not to run for ever.
	completes bool
	// missingConfig names a Secret or ConfigMap that the container's environment needs and that is not there.
	missingConfig string
	// begin is when the container's turn came.
	begin time.Time
}

// scene is how a container looks at one moment.
type scene struct {
	status corev1.ContainerStatus
	// ended is set when it has ended for good.
	ended *corev1.ContainerStateTerminated
	// next is when it will look different; never if it will not.
	next time.Duration
}

// play tells how the container looks age after its begin. It depends on nothing else.
func (c cast) play(age time.Duration) scene {
	switch start := c.startTime(); {
	case c.missingConfig != "":
		return c.waiting("CreateContainerConfigError", c.missingConfig, configRetry)
	case age < start:
		return c.waiting("ContainerCreating", "", start-age)
	case c.behaviour.Missing && age < start+pullRetry:
		return c.waiting("ErrImagePull", fmt.Sprintf("failed to pull and unpack image %[1]q: failed to resolve reference %[1]q: %[1]s: not found", c.container.Image), start+pullRetry-age)
	case c.behaviour.Missing:
		return c.waiting("ImagePullBackOff", fmt.Sprintf("Back-off pulling image %q", c.container.Image), never)
	case !c.behaviour.Exits && !c.completes:
		return c.runs()
	default:
		return c.ends(age - start)
	}
}

func (c cast) startTime() time.Duration {
	if c.behaviour.Slow {
		return slowStart
	}
	return pullTime
}

func (c cast) waiting(reason, message string, next time.Duration) scene {
	s := scene{status: c.blank(), next: next}
	s.status.State.Waiting = &corev1.ContainerStateWaiting{Reason: reason, Message: message}
	return s
}

func (c cast) runs() scene {
	probed := c.container.ReadinessProbe != nil || c.container.StartupProbe != nil
	healthy := !probed || !c.behaviour.NeverReady && !c.behaviour.Exits // one that ends soon answers no probe before
	hasStarted := healthy || c.container.StartupProbe == nil
	s := scene{status: c.blank()}
	s.status.State.Running = &corev1.ContainerStateRunning{StartedAt: c.at(c.startTime())}
	s.status.Ready, s.status.Started = healthy, &hasStarted
	return s
}

// ends is the fate of a container that ends, age after its first start: once, or again and again with the kubelet's
// back-off in between. The first restart comes at once.
func (c cast) ends(age time.Duration) scene {
	restarts, pause := int32(0), time.Duration(0)
	begin := c.startTime()
	for {
		if age < runTime {
			s := c.runs()
			s.status.State.Running.StartedAt = c.at(begin)
			s.status.RestartCount = restarts
			s.status.LastTerminationState.Terminated = c.lastEnd(restarts, begin-pause)
			s.next = runTime - age
			return s
		}
		end := c.terminated(begin)
		if !c.restarts() {
			s := scene{status: c.blank(), ended: end}
			s.status.State.Terminated = end
			return s
		}
		pause = backOff(restarts)
		if age < runTime+pause {
			s := c.waiting("CrashLoopBackOff", fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)",
				pause, c.container.Name, c.pod.Name, c.pod.Namespace, c.pod.UID), runTime+pause-age)
			s.status.RestartCount = restarts
			s.status.LastTerminationState.Terminated = end
			return s
		}
		age -= runTime + pause
		begin += runTime + pause
		restarts++
	}
}

func (c cast) restarts() bool {
	return c.restart == corev1.RestartPolicyAlways || c.restart == corev1.RestartPolicyOnFailure && c.behaviour.ExitCode != 0
}

func backOff(restarts int32) time.Duration {
	if restarts == 0 {
		return 0
	}
	if int(restarts) > bits.Len64(uint64(backOffLast/backOffFirst)) {
		return backOffLast
	}
	return min(backOffFirst<<(restarts-1), backOffLast)
}

// terminated is the end of a run that began at an offset from the container's begin.
func (c cast) terminated(begin time.Duration) *corev1.ContainerStateTerminated {
	reason := "Completed"
	if c.behaviour.ExitCode != 0 {
		reason = "Error"
	}
	return &corev1.ContainerStateTerminated{
		ExitCode:    c.behaviour.ExitCode,
		Reason:      reason,
		StartedAt:   c.at(begin),
		FinishedAt:  c.at(begin + runTime),
		ContainerID: c.id(),
	}
}

func (c cast) lastEnd(restarts int32, end time.Duration) *corev1.ContainerStateTerminated {
	if restarts == 0 {
		return nil
	}
	return c.terminated(end - runTime)
}

// blank is a container that does nothing yet. What it went through before its image's behaviour changed stays.
func (c cast) blank() corev1.ContainerStatus {
	hasStarted := false
	before := containerStatus(c.pod, c.container.Name)
	return corev1.ContainerStatus{
		RestartCount:         before.RestartCount,
		LastTerminationState: before.LastTerminationState,

		Name:        c.container.Name,
		Image:       c.container.Image,
		ImageID:     c.imageID(),
		ContainerID: c.id(),
		Started:     &hasStarted,
	}
}

// imageID is what containerd says about an image that is on the node: its repository and its digest.
// Source: k8s.io/api/core/v1, ContainerStatus.imageID; the form is that of containerd's CRI plugin, RepoDigests.
func (c cast) imageID() string {
	if c.behaviour.Missing {
		return ""
	}
	name, digest, pinned := strings.Cut(c.container.Image, "@")
	if slash := strings.LastIndexByte(name, '/'); strings.LastIndexByte(name, ':') > slash {
		name = name[:strings.LastIndexByte(name, ':')]
	}
	if !pinned {
		digest = fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(c.container.Image)))
	}
	return name + "@" + digest
}

func (c cast) id() string {
	if c.behaviour.Missing || c.missingConfig != "" {
		return ""
	}
	return fmt.Sprintf("containerd://%s/%s", c.pod.UID, c.container.Name)
}

// at is a moment in the container's life, in seconds as Kubernetes writes times.
func (c cast) at(offset time.Duration) metav1.Time {
	return metav1.NewTime(c.begin.Add(offset)).Rfc3339Copy()
}
