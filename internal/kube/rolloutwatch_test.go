package kube_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

// readClock is a clock that the test turns forward, and that tells when it was read: a look at a rollout reads it, and on
// a busy machine a look takes its time.
type readClock struct {
	clock.Offset
	read chan struct{} // holds one when the clock was read since the last turn
}

func (c *readClock) Now() time.Time {
	select {
	case c.read <- struct{}{}:
	default:
	}
	return c.Offset.Now()
}

// timed is live with a clock that the test turns forward.
func timed(t *testing.T) (*kube.Client, string, *readClock) {
	t.Helper()
	_, namespace := live(t)
	clk := &readClock{read: make(chan struct{}, 1)}
	return connect(t, kube.Config{
		Endpoint: cluster.Endpoint(), CACertificate: cluster.CACertificate(), PollInterval: 50 * time.Millisecond, Clock: clk,
		Token: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "admin"}),
	}), namespace, clk
}

// rollout waits for web in the background.
func rollout(t *testing.T, client *kube.Client, namespace string) <-chan error {
	t.Helper()
	ended := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	go func() { ended <- client.WaitRollout(ctx, namespace, []string{"web"}) }()
	return ended
}

// turned turns the clock forward step by step, a look or two at each, as long as the rollout lasts, and gives its end and
// how long it took.
func turned(t *testing.T, clk *readClock, ended <-chan error) (took time.Duration, err error) {
	t.Helper()
	const step = 10 * time.Second
	for {
		select {
		case err := <-ended:
			return took, err
		case <-time.After(200 * time.Millisecond):
		}
		select {
		case err := <-ended:
			return took, err
		case <-clk.read:
			clk.Advance(step)
			took += step
		}
	}
}

func TestRolloutEndsEarlyWithoutWaitingForTheDeadline(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		image    string
		selector map[string]any
		reason   string
		said     string
		within   time.Duration
	}{
		"never ready":                  {"deaf:1", nil, kube.NotReady, "readiness check fails", 6 * time.Minute},
		"no node, says the autoscaler": {"ok:1", map[string]any{"no": "such"}, "Unschedulable", "NotTriggerScaleUp", 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, namespace, clk := timed(t)
			d := deployment(t, namespace, test.image)
			if test.selector != nil {
				if err := unstructured.SetNestedMap(d.Object, test.selector, "spec", "template", "spec", "nodeSelector"); err != nil {
					t.Fatal(err)
				}
			}
			apply(t, client, d, kube.ApplyOptions{})
			took, err := turned(t, clk, rollout(t, client, namespace))
			var failed *kube.RolloutError
			if !errors.As(err, &failed) || !failed.Hopeless || failed.Reason != test.reason || !strings.Contains(failed.Message, test.said) {
				t.Fatalf("the rollout ended with %v", err)
			}
			if took > test.within || took < time.Minute {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// What was wrong was mended outside: the same template is tried again at once, whatever back-off its pods are in.
func TestRolloutThatIsTriedAgainDoesNotFailForTheAttemptBefore(t *testing.T) {
	t.Parallel()
	client, namespace := live(t)
	apply(t, client, deployment(t, namespace, "missing:1"), kube.ApplyOptions{})
	if err := <-rollout(t, client, namespace); err == nil {
		t.Fatal("the image is there")
	}
	pods := func() []unstructured.Unstructured {
		all, err := client.List(t.Context(), kube.Pod, namespace, "")
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := pods()
	var failed *kube.RolloutError
	if err := <-rollout(t, client, namespace); !errors.As(err, &failed) || failed.Reason != "ImagePullBackOff" {
		t.Errorf("the second attempt ended with %v", err)
	}
	for _, old := range before {
		for _, pod := range pods() {
			if pod.GetUID() == old.GetUID() && pod.GetDeletionTimestamp() == nil {
				t.Errorf("pod %s is still in the back-off of the first attempt", pod.GetName())
			}
		}
	}
}

// Pods of the release before that are refused are not the new release's failure.
func TestRefusedPodsOfTheReleaseBefore(t *testing.T) {
	t.Parallel()
	client, namespace := live(t)
	first := deployment(t, namespace, "ok:1")
	unstructured.RemoveNestedField(first.Object, "spec", "template", "spec", "securityContext")
	if _, _, err := client.Apply(t.Context(), first, kube.ApplyOptions{}); err != nil { // Pod Security refuses its pods
		t.Fatal(err)
	}
	person := administrator(t).AppsV1().Deployments(namespace)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		d, err := person.Get(t.Context(), "web", metav1.GetOptions{})
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("the pods are not refused: %v, %v", d.Status.Conditions, err)
		}
		if strings.Contains(d.Status.String(), "ReplicaFailure") {
			break
		}
	}
	apply(t, client, deployment(t, namespace, "ok:1"), kube.ApplyOptions{})
	if err := <-rollout(t, client, namespace); err != nil {
		t.Error(err)
	}
}
