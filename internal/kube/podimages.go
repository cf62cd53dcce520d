package kube

import (
	"context"
	"regexp"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// digestForm finds the digest in what a kubelet says about an image: "REPOSITORY@sha256:…" from containerd, which every
// node of GKE runs, or the digest alone.
var digestForm = regexp.MustCompile(`(?:^|@)(sha256:[0-9a-f]{64})$`)

// RunningDigest is the digest of the image that the pods with these labels run in a container; empty when none of them
// tells, or they run different ones.
func (c *Client) RunningDigest(ctx context.Context, namespace string, labels map[string]string, container string) (string, error) {
	pods, err := c.List(ctx, Pod, namespace, metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: labels}))
	if err != nil {
		return "", err
	}
	digest := ""
	for _, pod := range pods {
		one := podDigest(&pod, container)
		switch {
		case one == "" || pod.GetDeletionTimestamp() != nil:
		case digest != "" && digest != one:
			return "", nil
		default:
			digest = one
		}
	}
	return digest, nil
}

func podDigest(pod *unstructured.Unstructured, container string) string {
	statuses, _, _ := unstructured.NestedSlice(pod.Object, "status", "containerStatuses")
	for _, s := range statuses {
		status, _ := s.(map[string]any)
		if _, running, _ := unstructured.NestedMap(status, "state", "running"); !running || status["name"] != container {
			continue
		}
		id, _ := status["imageID"].(string)
		if m := digestForm.FindStringSubmatch(id); m != nil {
			return m[1]
		}
	}
	return ""
}

// Problem tells why the newest pods of a Deployment do not come up, by their own words at this moment; nil when they do,
// or may still.
func (c *Client) Problem(ctx context.Context, d *unstructured.Unstructured) (*RolloutError, error) {
	lacks := RolledOut(d)
	if lacks == nil || lacks.Reason == notObserved {
		return nil, nil
	}
	w := &rolloutWatcher{client: c, namespace: d.GetNamespace()}
	set, err := w.newestSet(ctx, d)
	if err != nil || set == nil {
		return nil, err
	}
	hash := set.GetLabels()["pod-template-hash"]
	pods, err := c.List(ctx, Pod, w.namespace, "pod-template-hash="+hash)
	if err != nil {
		return nil, err
	}
	for _, pod := range pods {
		problem, grace := problemOf(&pod)
		if problem != nil && grace != passes && pod.GetDeletionTimestamp() == nil {
			return &RolloutError{
				Namespace: w.namespace, Deployment: d.GetName(), Pod: pod.GetName(), Reason: problem.reason, Message: problem.message, Hopeless: true,
			}, nil
		}
	}
	if lacks.Hopeless {
		return lacks, nil
	}
	return nil, nil
}
