package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// evictionTime bounds one eviction, which takes milliseconds, even where the drain is stopped.
const evictionTime = 5 * time.Second

var accessReview = schema.GroupVersionKind{Group: "authorization.k8s.io", Version: "v1", Kind: "SelfSubjectAccessReview"}

// BudgetsError says that a pod has several disruption budgets. The Eviction API moves no such pod, ever.
type BudgetsError struct {
	Namespace, Pod string
	Budgets        []string
}

// Error names pod and budgets.
func (e *BudgetsError) Error() string {
	return fmt.Sprintf("pod %s/%s has %d disruption budgets (%s); Kubernetes evicts no pod that has more than one",
		e.Namespace, e.Pod, len(e.Budgets), strings.Join(e.Budgets, ", "))
}

// evict asks for the eviction of a pod. why is the reason that it is still there, empty when it is gone; an error is
// one that another try does not overcome.
func (c *Client) evict(ctx context.Context, pod *metav1.PartialObjectMetadata) (why string, err error) {
	if pod.DeletionTimestamp != nil {
		return ending(pod), nil
	}
	if ctx.Err() != nil {
		return "there was no time to ask it to go", nil
	}
	request := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "policy/v1", "kind": "Eviction",
		"metadata": map[string]any{"name": pod.Name, "namespace": pod.Namespace},
		// Another pod that has got the name meanwhile, as in a StatefulSet, is not the one that was seen on the node.
		"deleteOptions": map[string]any{"preconditions": map[string]any{"uid": string(pod.UID)}},
	}}
	// Between counting a pod as disrupted and deleting it the server stops when its caller goes away, and then its budget is
	// spent for two minutes (DeletionTimeout of the disruption controller). So a request that was begun is ended.
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), evictionTime)
	defer cancel()
	_, err = c.of(Ref{GVK: Pod, Namespace: pod.Namespace}).Create(whole, request, metav1.CreateOptions{}, "eviction")
	switch {
	case err == nil:
		return "it was told to end just now", nil
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return "", nil
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return "its namespace is being deleted", nil
	case apierrors.IsTooManyRequests(err):
		return budgetOf(err), nil
	}
	if status := new(apierrors.StatusError); errors.As(err, &status) && status.Status().Code == http.StatusInternalServerError {
		if budgets, listed := c.budgetsOf(ctx, pod); listed == nil && len(budgets) > 1 {
			refused := &BudgetsError{pod.Namespace, pod.Name, budgets}
			return refused.Error(), refused
		}
	}
	// A webhook that says no, as those of some operators do, will have its reasons, and may say yes later.
	if IsTransient(err) || apierrors.IsForbidden(err) && c.mayEvict(ctx, pod.Namespace) {
		return err.Error(), nil
	}
	return err.Error(), fmt.Errorf("evict pod %s/%s: %w", pod.Namespace, pod.Name, err)
}

// mayEvict asks whether the caller has the right to evict pods.
func (c *Client) mayEvict(ctx context.Context, namespace string) bool {
	answer, err := c.of(Ref{GVK: accessReview}).Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": accessReview.GroupVersion().String(), "kind": accessReview.Kind,
		"spec": map[string]any{"resourceAttributes": map[string]any{
			"namespace": namespace, "verb": "create", "resource": "pods", "subresource": "eviction",
		}},
	}}, metav1.CreateOptions{})
	if err != nil {
		return false
	}
	allowed, _, _ := unstructured.NestedBool(answer.Object, "status", "allowed")
	return allowed
}

func ending(pod *metav1.PartialObjectMetadata) string {
	if len(pod.Finalizers) > 0 {
		return fmt.Sprintf("it is ending, held by its finalizers %q", pod.Finalizers)
	}
	return "it is ending, with time until " + pod.DeletionTimestamp.UTC().Format("15:04:05 UTC")
}

// budgetOf is what the API server says of the budget that holds a pod, with its name and numbers.
func budgetOf(err error) string {
	var said []string
	if status := new(apierrors.StatusError); errors.As(err, &status) && status.Status().Details != nil {
		for _, cause := range status.Status().Details.Causes {
			if cause.Type == policyv1.DisruptionBudgetCause {
				said = append(said, strings.TrimSuffix(cause.Message, "."))
			}
		}
	}
	if len(said) == 0 {
		return err.Error()
	}
	return strings.Join(said, "; ")
}

// budgetsOf names the disruption budgets that count a pod.
func (c *Client) budgetsOf(ctx context.Context, pod *metav1.PartialObjectMetadata) ([]string, error) {
	live, err := c.List(ctx, PodDisruptionBudget, pod.Namespace, "")
	if err != nil {
		return nil, err
	}
	var budgets []string
	for _, object := range live {
		var budget policyv1.PodDisruptionBudget
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &budget); err != nil {
			return nil, err
		}
		selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector)
		if err == nil && selector.Matches(labels.Set(pod.Labels)) {
			budgets = append(budgets, budget.Name)
		}
	}
	slices.Sort(budgets)
	return budgets, nil
}

// waitingBeside lists the pods that no node takes in the namespaces of held pods. It only explains, so its failure is none.
func (c *Client) waitingBeside(ctx context.Context, held []HeldPod) []HeldPod {
	if len(held) == 0 {
		return nil
	}
	page, err := c.of(Ref{GVK: Pod}).List(ctx, metav1.ListOptions{FieldSelector: "status.phase=Pending,spec.nodeName=", Limit: pageSize})
	if err != nil {
		return nil
	}
	var waiting []HeldPod
	for _, pod := range page.Items {
		if !slices.ContainsFunc(held, func(h HeldPod) bool { return h.Namespace == pod.GetNamespace() }) {
			continue
		}
		for _, condition := range conditions(pod.Object) {
			if condition["reason"] == corev1.PodReasonUnschedulable {
				waiting = append(waiting, HeldPod{pod.GetNamespace(), pod.GetName(), fmt.Sprint(condition["message"])})
			}
		}
	}
	return waiting
}
