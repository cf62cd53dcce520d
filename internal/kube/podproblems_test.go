package kube

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func podOf(t *testing.T, text string) unstructured.Unstructured {
	t.Helper()
	pod := unstructured.Unstructured{Object: map[string]any{}}
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		err = pod.UnmarshalJSON([]byte(`{"apiVersion":"v1","kind":"Pod",` + string(raw[1:])))
	}
	if err != nil {
		t.Fatal(err)
	}
	return pod
}

func TestPodProblems(t *testing.T) {
	t.Parallel()
	const web = `
metadata: {name: web-1}
spec: {containers: [{name: web, startupProbe: {periodSeconds: 10, failureThreshold: 24}}], initContainers: [{name: proxy, restartPolicy: Always}, {name: wait}]}
`
	for name, test := range map[string]struct {
		status            string
		reason, container string
		grace             time.Duration
		ended             string
		code              int64
	}{
		"evicted":   {`{phase: Failed, reason: Evicted, containerStatuses: [{name: web, state: {waiting: {reason: CrashLoopBackOff}}}]}`, "", "", passes, "", 0},
		"preempted": {`{phase: Failed, reason: Terminated, message: Pod was terminated in response to imminent node shutdown.}`, "", "", passes, "", 0},
		"no node":   {`{conditions: [{type: PodScheduled, status: "False", reason: Unschedulable, message: 0/3 nodes}]}`, "Unschedulable", "", passes, "", 0},
		"a failing init container": {`{initContainerStatuses: [{name: wait, restartCount: 2, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 7, reason: Error}}}],
 containerStatuses: [{name: web, state: {waiting: {reason: PodInitializing}}}]}`, "CrashLoopBackOff", "wait", 0, "Error", 7},
		"an init container that runs": {`{initContainerStatuses: [{name: wait, state: {running: {}}}], containerStatuses: [{name: web, state: {waiting: {reason: PodInitializing}}}]}`, "Initializing", "wait", passes, "", 0},
		"a sidecar that is not ready": {`{initContainerStatuses: [{name: proxy, ready: false, started: true, state: {running: {}}}],
 containerStatuses: [{name: web, ready: true, state: {running: {}}}]}`, "NotReady", "proxy", readyPatience, "", 0},
		"a startup check that fails": {`{containerStatuses: [{name: web, ready: false, started: false, state: {running: {}}}]}`, "NotReady", "web", 240*time.Second + readyPatience, "", 0},
		"out of memory": {`{containerStatuses: [{name: web, restartCount: 3, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 137, reason: OOMKilled}}}]}`,
			"CrashLoopBackOff", "web", 0, "OOMKilled", 137},
		"first crash":       {`{containerStatuses: [{name: web, restartCount: 1, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 1, reason: Error}}}]}`, "CrashLoopBackOff", "web", passes, "Error", 1},
		"a missing Secret":  {`{containerStatuses: [{name: web, state: {waiting: {reason: CreateContainerConfigError, message: not found}}}]}`, "CreateContainerConfigError", "web", 10 * time.Second, "", 0},
		"being made":        {`{containerStatuses: [{name: web, state: {waiting: {reason: ContainerCreating}}}]}`, "ContainerCreating", "", passes, "", 0},
		"ready":             {`{containerStatuses: [{name: web, ready: true, state: {running: {}}}]}`, "", "", passes, "", 0},
		"on a lost machine": {`{conditions: [{type: Ready, status: "False"}], containerStatuses: [{name: web, ready: true, state: {running: {}}}]}`, "", "", passes, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod := podOf(t, web+"status: "+test.status)
			problem, grace := problemOf(&pod)
			if problem == nil {
				problem = &podProblem{}
			}
			if problem.reason != test.reason || problem.container != test.container || grace != test.grace ||
				problem.ended != test.ended || problem.exitCode != test.code {
				t.Errorf("%+v, for %s", problem, grace)
			}
		})
	}
}

func TestEvictionsAreTheReleasesFaultOnlyForItsOwnUse(t *testing.T) {
	t.Parallel()
	own := `{metadata: {name: a}, status: {phase: Failed, reason: Evicted, message: 'Usage of EmptyDir volume "scratch-0" exceeds the limit "64Mi". '}}`
	nodes := `{metadata: {name: b}, status: {phase: Failed, reason: Evicted, message: 'The node was low on resource: memory. Threshold quantity: 100Mi'}}`
	pods := []unstructured.Unstructured{podOf(t, own), podOf(t, own), podOf(t, nodes), podOf(t, nodes), podOf(t, nodes)}
	if p := evictedForThemselves(pods); p != nil {
		t.Errorf("two evictions for themselves: %+v", p)
	}
	if p := evictedForThemselves(append(pods, podOf(t, own))); p == nil || p.reason != evicted || p.pod != "a" {
		t.Errorf("three: %+v", p)
	}
}

// Between the look at a Deployment and the one at its ReplicaSets somebody may have written it, so that none is its newest.
func TestNoReplicaSetIsNoProblem(t *testing.T) {
	t.Parallel()
	problem, err := (&rolloutWatcher{}).podProblem(t.Context(), &unstructured.Unstructured{Object: map[string]any{}}, nil, false)
	if problem != nil || err != nil {
		t.Errorf("%v, %v", problem, err)
	}
}
