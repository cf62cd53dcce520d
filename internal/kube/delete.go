package kube

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// DeleteOptions are the switches of a deletion.
type DeleteOptions struct {
	// Foreground keeps the object until everything that it owns is gone.
	Foreground bool
	// UID deletes this object only, not another one that has got its name meanwhile.
	UID types.UID
}

// Delete starts the deletion of an object. An object that is gone, or is another one than UID names, is no error.
func (c *Client) Delete(ctx context.Context, ref Ref, o DeleteOptions) error {
	policy := metav1.DeletePropagationBackground
	if o.Foreground {
		policy = metav1.DeletePropagationForeground
	}
	options := metav1.DeleteOptions{PropagationPolicy: &policy}
	if o.UID != "" {
		options.Preconditions = &metav1.Preconditions{UID: &o.UID}
	}
	err := c.retry(ctx, func(ctx context.Context) error { return c.of(ref).Delete(ctx, ref.Name, options) })
	if apierrors.IsNotFound(err) || o.UID != "" && apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// WaitGone waits until there is no object of this name.
func (c *Client) WaitGone(ctx context.Context, ref Ref) error {
	return c.poll(ctx, "the deletion of "+ref.String(), func(ctx context.Context) (bool, error, error) {
		live, err := c.GetMetadata(ctx, ref)
		if apierrors.IsNotFound(err) {
			return true, nil, nil
		}
		if err != nil {
			return false, nil, err
		}
		if held := live.GetFinalizers(); len(held) > 0 {
			return false, fmt.Errorf("%s is held by its finalizers %q", ref, held), nil
		}
		return false, nil, nil
	})
}
