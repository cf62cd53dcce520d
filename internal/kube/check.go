package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// selfSubjectAccessReview asks what the caller may do. Everybody may ask (ClusterRole system:basic-user), and nothing is stored.
var selfSubjectAccessReview = schema.GroupVersionKind{Group: "authorization.k8s.io", Version: "v1", Kind: "SelfSubjectAccessReview"}

// DryRun has the server judge an apply with force, admission included, and store nothing. It gives the object as it would
// be, and the warnings.
func (c *Client) DryRun(ctx context.Context, obj *unstructured.Unstructured) (*unstructured.Unstructured, []string, error) {
	return c.Apply(ctx, obj, ApplyOptions{Force: true, DryRun: true})
}

// DryRunCreate has the server judge the creation of an object and store nothing. The object may have a generateName.
func (c *Client) DryRunCreate(ctx context.Context, obj *unstructured.Unstructured) error {
	return c.retry(ctx, func(ctx context.Context) error {
		_, err := c.of(RefOf(obj)).Create(ctx, obj, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldManager: Manager})
		return err
	})
}

// Verdict is what an error of a dry run says about the object.
type Verdict int

// The verdicts.
const (
	// Refused says that the server would refuse the object itself, now and at an apply.
	Refused Verdict = iota
	// NotAllowed says that the caller may not do what was tried, so that nothing is known about the object.
	NotAllowed
	// NotSupported says that a webhook cannot be asked without side effects.
	NotSupported
	// NotThere says that something that the object needs does not exist, such as its namespace.
	NotThere
	// NoAnswer says that there was no proper answer.
	NoAnswer
)

// VerdictOn judges the error of a dry run that was tried with these verbs. A refusal by admission and a missing permission
// look alike (403 with the same reason), so after one of them the server is asked what the caller may do.
func (c *Client) VerdictOn(ctx context.Context, err error, ref Ref, verbs ...string) Verdict {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return NoAnswer
	}
	switch code := status.Status().Code; {
	case apierrors.IsNotFound(err):
		return NotThere
	case code == http.StatusBadRequest && strings.Contains(err.Error(), dryRunUnsupported):
		return NotSupported
	case code == http.StatusForbidden && !c.mayAll(ctx, ref, verbs):
		return NotAllowed
	case code == http.StatusUnauthorized:
		return NotAllowed
	case code < http.StatusBadRequest || code >= http.StatusInternalServerError,
		code == http.StatusTooManyRequests, code == http.StatusConflict, code == http.StatusMethodNotAllowed:
		return NoAnswer
	default:
		return Refused
	}
}

// dryRunUnsupported is in the answer where a webhook has side effects; the code, 400, says nothing by itself.
// Source: k8s.io/apiserver/pkg/admission/plugin/webhook/errors, NewDryRunUnsupportedErr.
const dryRunUnsupported = "does not support dry run"

// mayAll tells whether the caller may do all of this with an object. An answer that does not come is taken for yes: a
// refusal that was seen is not to be lost.
func (c *Client) mayAll(ctx context.Context, ref Ref, verbs []string) bool {
	for _, verb := range verbs {
		if allowed, err := c.may(ctx, ref, verb); err == nil && !allowed {
			return false
		}
	}
	return true
}

func (c *Client) may(ctx context.Context, ref Ref, verb string) (bool, error) {
	asked := map[string]any{
		"verb": verb, "group": ref.GVK.Group, "version": ref.GVK.Version, "resource": resourceOf(ref.GVK).Resource, "namespace": ref.Namespace,
	}
	if verb != "create" {
		asked["name"] = ref.Name // a create is authorized without one
	}
	review := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"resourceAttributes": asked}}}
	review.SetGroupVersionKind(selfSubjectAccessReview)
	answer, err := c.of(Ref{GVK: selfSubjectAccessReview}).Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return false, fmt.Errorf("ask whether %s of %s is allowed: %w", verb, ref, err)
	}
	allowed, _, err := unstructured.NestedBool(answer.Object, "status", "allowed")
	return allowed, err
}

// Resource is the name of a kind as permissions have it, such as deployments.apps.
func Resource(gvk schema.GroupVersionKind) string {
	return resourceOf(gvk).GroupResource().String()
}
