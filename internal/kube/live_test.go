package kube_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

func deployment(t *testing.T, namespace, image string) *unstructured.Unstructured {
	t.Helper()
	return parse(t, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: `+namespace+`}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: web
        image: `+image+`
        ports: [{containerPort: 8080}]
        readinessProbe: {tcpSocket: {port: 8080}}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`)
}

func apply(t *testing.T, c *kube.Client, obj *unstructured.Unstructured, o kube.ApplyOptions) *unstructured.Unstructured {
	t.Helper()
	applied, said, err := c.Apply(t.Context(), obj, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(said) > 0 {
		t.Errorf("warnings: %q", said)
	}
	return applied
}

func TestApplyIsRepeatableAndReportsDrift(t *testing.T) {
	t.Parallel()
	client, namespace := live(t)
	declared := deployment(t, namespace, "ok:1")
	first := apply(t, client, declared, kube.ApplyOptions{})
	if err := client.WaitRollout(t.Context(), namespace, []string{"web"}); err != nil {
		t.Fatal(err)
	}
	second := apply(t, client, declared, kube.ApplyOptions{})
	if first.GetGeneration() != second.GetGeneration() {
		t.Error("the same apply changed the object")
	}
	if changes := kube.Diff(declared, second); len(changes) > 0 {
		t.Errorf("drift right after the apply: %v", changes)
	}

	other := deployment(t, namespace, "ok:2")
	apply(t, client, other, kube.ApplyOptions{Force: true, FieldManager: "somebody"})
	_, _, err := client.Apply(t.Context(), declared, kube.ApplyOptions{})
	manager, fields, ok := kube.Conflict(err)
	if !ok || manager != "somebody" || !slices.Equal(fields, []string{`spec.template.spec.containers[name="web"].image`}) {
		t.Errorf("conflict with %q about %q (%v): %v", manager, fields, ok, err)
	}
}

func TestReplacedListEntryIsRemovedAndAddedOnesStay(t *testing.T) {
	t.Parallel()
	client, namespace := live(t)
	declared := deployment(t, namespace, "ok:1")
	apply(t, client, declared, kube.ApplyOptions{})
	person := administrator(t)
	edit := `[{"op":"replace","path":"/spec/template/spec/containers/0/ports/0/containerPort","value":9090},
		{"op":"add","path":"/spec/template/spec/containers/0/env","value":[{"name":"ADDED","value":"x"}]}]`
	options := metav1.PatchOptions{FieldManager: "kubectl-edit"}
	if _, err := person.AppsV1().Deployments(namespace).Patch(t.Context(), "web", types.JSONPatchType, []byte(edit), options); err != nil {
		t.Fatal(err)
	}
	before, err := client.Get(t.Context(), kube.RefOf(declared))
	if err != nil {
		t.Fatal(err)
	}
	if changes := kube.Diff(declared, before); len(changes) != 1 || !strings.HasSuffix(changes[0].Path, "ports[8080]") {
		t.Errorf("changes: %v", changes)
	}
	// Controllers write to the object all the time.
	busy, calm := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	writers.Go(func() {
		for n := 0; busy.Err() == nil; n++ {
			note := fmt.Appendf(nil, `{"metadata":{"annotations":{"revision":"%d"}}}`, n)
			_, _ = person.AppsV1().Deployments(namespace).Patch(busy, "web", types.MergePatchType, note, options)
		}
	})
	after, _, err := client.Replace(t.Context(), declared, before)
	calm()
	writers.Wait()
	if err != nil {
		t.Fatal(err)
	}
	containers, _, _ := unstructured.NestedSlice(after.Object, "spec", "template", "spec", "containers")
	web := containers[0].(map[string]any)
	ports, env := web["ports"].([]any), web["env"].([]any)
	if len(ports) != 1 || ports[0].(map[string]any)["containerPort"] != int64(8080) || len(env) != 1 {
		t.Errorf("ports %v, env %v", ports, env)
	}
}

// administrator is a client as a person's kubectl has it.
func administrator(t *testing.T) kubernetes.Interface {
	t.Helper()
	file, err := cluster.Kubeconfig("admin")
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestRolloutThatCannotSucceedEndsEarly(t *testing.T) {
	t.Parallel()
	for image, reason := range map[string]string{"missing:1": "ImagePullBackOff", "crash:1": "CrashLoopBackOff"} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			client, namespace := live(t)
			apply(t, client, deployment(t, namespace, image), kube.ApplyOptions{})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := client.WaitRollout(ctx, namespace, []string{"web"})
			var failed *kube.RolloutError
			if !errors.As(err, &failed) || !failed.Hopeless || failed.Reason != reason || failed.Pod == "" {
				t.Errorf("the rollout ended with %v", err)
			}
		})
	}
}

func TestRolloutThatMayStillSucceedIsWaitedFor(t *testing.T) {
	t.Parallel()
	client, namespace := live(t)
	apply(t, client, deployment(t, namespace, "deaf:1"), kube.ApplyOptions{})
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	err := client.WaitRollout(ctx, namespace, []string{"web"})
	var last *kube.RolloutError
	if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &last) || last.Hopeless || last.Reason != "NotReady" {
		t.Errorf("the wait ended with %v", err)
	}
}

func TestPodsThatAdmissionRefusesEndTheRollout(t *testing.T) {
	t.Parallel()
	client, namespace := live(t)
	d := deployment(t, namespace, "ok:1")
	unstructured.RemoveNestedField(d.Object, "spec", "template", "spec", "securityContext")
	_, said, err := client.Apply(t.Context(), d, kube.ApplyOptions{})
	if err != nil || len(said) == 0 || !strings.Contains(said[0], "restricted") {
		t.Fatalf("error %v, warnings %q", err, said)
	}
	err = client.WaitRollout(t.Context(), namespace, []string{"web"})
	var failed *kube.RolloutError
	if !errors.As(err, &failed) || failed.Reason != "FailedCreate" {
		t.Errorf("the rollout ended with %v", err)
	}
}

func TestNamespaceContentsLeaveOutWhatKubernetesPutsThere(t *testing.T) {
	t.Parallel()
	client, namespace := live(t)
	apply(t, client, deployment(t, namespace, "ok:1"), kube.ApplyOptions{})
	apply(t, client, parse(t, `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: `+namespace+`}
spec: {selector: {app: web}, ports: [{port: 80}]}
`), kube.ApplyOptions{})
	if err := client.WaitRollout(t.Context(), namespace, []string{"web"}); err != nil {
		t.Fatal(err)
	}
	contents, err := client.NamespaceContents(t.Context(), namespace)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Deployment/web", "Service/web"}, contents); diff != "" {
		t.Errorf("contents (-want +got):\n%s", diff)
	}
	for _, kind := range []kube.Ref{{GVK: kube.Deployment, Namespace: namespace, Name: "web"}, {GVK: kube.Service, Namespace: namespace, Name: "web"}} {
		if err := client.Delete(t.Context(), kind, kube.DeleteOptions{Foreground: true}); err != nil {
			t.Fatal(err)
		}
		if err := client.WaitGone(t.Context(), kind); err != nil {
			t.Fatal(err)
		}
		if err := client.Delete(t.Context(), kind, kube.DeleteOptions{}); err != nil {
			t.Errorf("deleting what is gone: %v", err)
		}
	}
	if contents, err = client.NamespaceContents(t.Context(), namespace); err != nil || len(contents) > 0 {
		t.Errorf("left: %q, %v", contents, err)
	}
}

func TestSecretIsReadAsMetadataAndDeletedByUID(t *testing.T) {
	t.Parallel()
	client, namespace := live(t)
	applied := apply(t, client, parse(t, `
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: `+namespace+`}
data: {KEY: Y2FuYXJ5}
`), kube.ApplyOptions{})
	if _, there := applied.Object["data"]; there {
		t.Error("the answer to an apply holds the data of a Secret")
	}
	ref := kube.RefOf(applied)
	metadata, err := client.GetMetadata(t.Context(), ref)
	if err != nil || metadata.GetUID() != applied.GetUID() {
		t.Fatalf("metadata %v, %v", metadata, err)
	}
	if err := client.Delete(t.Context(), ref, kube.DeleteOptions{UID: "another"}); err != nil {
		t.Errorf("deleting another object's name: %v", err)
	}
	if _, err := client.GetMetadata(t.Context(), ref); err != nil {
		t.Errorf("an object of another uid was deleted: %v", err)
	}
	if err := client.Delete(t.Context(), ref, kube.DeleteOptions{UID: applied.GetUID()}); err != nil {
		t.Error(err)
	}
	if _, err := client.GetMetadata(t.Context(), ref); !apierrors.IsNotFound(err) {
		t.Errorf("after the deletion: %v", err)
	}
}
