package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/cloudrun"
)

// runObject is what Cloud Run's services and worker pools have in common.
type runObject interface {
	proto.Message
	GetName() string
	GetLabels() map[string]string
	GetAnnotations() map[string]string
	GetReconciling() bool
	GetTerminalCondition() *runpb.Condition
}

// runUnit is one service or worker pool on its way to its declared state.
type runUnit[T runObject] struct {
	service *serviceRun
	process string
	name    string // full name
	mask    []string
	get     func(context.Context) (T, error)
	create  func(context.Context, T) (*gcp.RunOperation[T], error)
	update  func(context.Context, T, gcp.UpdateOptions) (*gcp.RunOperation[T], error)
	// render gives the declared message as the given attempt.
	render func(attempt int) T
	// attempt reads the attempt of a live template.
	attempt func(T) int
	// mark sets what a write merges with what is live: name, etag, labels, annotations.
	mark func(message, live T, labels, annotations map[string]string)
	// ours tells whether what is in the way of a create is the effect of that create.
	ours func(live, sent T) bool
	// foreign is the error about what is not ours.
	foreign func(live T) error

	pending *gcp.RunOperation[T]
	written bool
}

// make sends the create until the object is there: this run's own. It does not wait for the revision: bring does.
func (u *runUnit[T]) make(ctx context.Context) error {
	message := u.rendered(0)
	if err := u.service.seed(ctx, u.process, message); err != nil {
		return err
	}
	notYet := u.service.cloud.servicePatience()
	return u.service.cloud.serviceRepeat(ctx, "the create of "+u.name, func(ctx context.Context) (bool, error) {
		op, err := u.create(ctx, proto.CloneOf(message))
		if err == nil {
			u.pending, u.written = op, true
			return true, nil
		}
		if !gcp.IsAlreadyExists(err) && !gcp.Ambiguous(err) {
			return !notYet(err), u.service.writeError(err)
		}
		live, lookErr := u.get(ctx)
		switch {
		case gcp.IsNotFound(lookErr):
			return false, err // deleted a moment ago, or the create had no effect
		case lookErr != nil:
			return false, serviceUnfinished{errors.Join(err, lookErr)}
		case !u.ours(live, message):
			return true, u.foreign(live)
		}
		u.written = true
		return true, nil
	})
}

// rendered is the declared message, which carries itself as the record of what is written.
func (u *runUnit[T]) rendered(attempt int) T {
	message := u.render(attempt)
	if encoded, err := cloudrun.EncodeRendering(message); err == nil { // a message that was just made always encodes
		annotations := runMerged(message.GetAnnotations(), map[string]string{cloudrun.RenderingAnnotation: encoded})
		u.mark(message, message, message.GetLabels(), annotations)
	}
	return message
}

// declared is the rendered message, with what is left to others as it is live.
func (u *runUnit[T]) declared(attempt int, live T) T {
	message := u.rendered(attempt)
	u.service.keep(u.service.app, u.process, message, live)
	return message
}

// bring writes the object until its newest revision serves, or was refused for a reason that does not pass. A revision
// that may not read its secret yet is not looked at again by Cloud Run: it takes another one.
func (u *runUnit[T]) bring(ctx context.Context) error {
	notYet := u.service.cloud.servicePatience()
	err := u.service.cloud.serviceRepeat(ctx, u.name, func(ctx context.Context) (bool, error) {
		live, failure, err := u.settled(ctx)
		if gcp.IsNotFound(err) { // an interrupted deletion has come to its end meanwhile
			err = u.make(ctx)
			return err != nil, err
		}
		if err != nil {
			return !gcp.IsTransient(err), err
		}
		attempt := u.attempt(live)
		applied := len(runDiff(u.declared(attempt, live), live)) == 0
		switch {
		case applied && failure == nil:
			return true, nil
		case applied && u.written && !notYet(failure):
			return true, failure
		case applied:
			attempt++ // the same release once more
		default:
			attempt = 0
		}
		u.pending, err = u.write(ctx, live, attempt, u.mask)
		if err != nil {
			u.pending = nil
			passes := gcp.Classify(err) == gcp.Conflict || gcp.Ambiguous(err) || notYet(err)
			return !passes, u.service.writeError(err)
		}
		u.written = true
		return false, failure
	})
	if err != nil {
		return runProcessError{u.process, err}
	}
	return nil
}

// settled waits until nothing is under way any more. failure tells that the newest revision was refused.
func (u *runUnit[T]) settled(ctx context.Context) (live T, failure, err error) {
	if u.pending != nil {
		_, err = u.pending.Wait(ctx)
		u.pending = nil
		if !errors.As(err, new(*gcp.OperationError)) && err != nil {
			return live, nil, err
		}
		failure = err
	}
	err = u.service.cloud.GCP.Poll(ctx, u.name, func(ctx context.Context) (bool, error) {
		live, err = u.get(ctx)
		return err == nil && !live.GetReconciling(), err
	})
	if err == nil && failure == nil {
		failure = runFailure(live)
	}
	return live, failure, err
}

// runFailure is why the newest revision does not serve, nil when it does.
func runFailure(live runObject) error {
	condition := live.GetTerminalCondition()
	if condition.GetState() != runpb.Condition_CONDITION_FAILED {
		return nil
	}
	var reasons []string
	switch reason := condition.GetReasons().(type) {
	case *runpb.Condition_Reason:
		reasons = append(reasons, reason.Reason.String())
	case *runpb.Condition_RevisionReason_:
		reasons = append(reasons, reason.RevisionReason.String())
	}
	return &gcp.OperationError{
		Operation: "of the newest revision of " + live.GetName(), Code: codes.FailedPrecondition,
		Message: condition.GetMessage(), Conditions: reasons,
	}
}

// write sends the fields of mask as declared, and leaves labels and annotations of others as they are.
func (u *runUnit[T]) write(ctx context.Context, live T, attempt int, mask []string) (*gcp.RunOperation[T], error) {
	message := u.declared(attempt, live)
	labels, annotations := maps.Clone(live.GetLabels()), maps.Clone(live.GetAnnotations())
	for _, key := range u.service.ownLabels(annotations) {
		delete(labels, key)
	}
	for _, key := range runOwnAnnotations(live.GetAnnotations()) {
		delete(annotations, key)
	}
	labels, annotations = runMerged(labels, message.GetLabels()), runMerged(annotations, message.GetAnnotations())
	u.mark(message, live, labels, annotations)
	return u.update(ctx, message, gcp.UpdateOptions{Mask: mask})
}

// rewrite writes single fields, again when somebody else writes at the same time, and waits for the effect.
func (u *runUnit[T]) rewrite(ctx context.Context, mask ...string) error {
	return u.service.cloud.serviceRepeat(ctx, u.name, func(ctx context.Context) (bool, error) {
		live, err := u.get(ctx)
		var op *gcp.RunOperation[T]
		if err == nil {
			op, err = u.write(ctx, live, u.attempt(live), mask)
		}
		if err == nil {
			_, err = op.Wait(ctx)
		}
		return err == nil || gcp.Classify(err) != gcp.Conflict && !gcp.IsTransient(err), err
	})
}

// runOwnAnnotations lists the keys of the annotations that this provider wrote, by the record among them. What the record
// does not name is somebody else's.
func runOwnAnnotations(annotations map[string]string) []string {
	own := []string{names.KubeApp, cloudrun.RendererAnnotation, cloudrun.AttemptAnnotation, cloudrun.FilesAnnotation, cloudrun.RenderingAnnotation, serviceRetiredAnnotation}
	return slices.AppendSeq(own, maps.Keys(runRecorded(annotations).Annotations))
}

// runRecorded is the app in the record of a live object, an empty one when there is no record.
func runRecorded(annotations map[string]string) app.App {
	a, err := app.Decode([]byte(annotations[names.KubeApp]))
	if err != nil {
		return app.App{}
	}
	return a
}

func runMerged(others, declared map[string]string) map[string]string {
	merged := map[string]string{}
	maps.Copy(merged, others)
	maps.Copy(merged, declared)
	return merged
}

// runAttempt reads the number of the attempt, zero for the first.
func runAttempt(annotations map[string]string) int {
	n, err := strconv.Atoi(annotations[cloudrun.AttemptAnnotation])
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// serviceRepeat repeats try until it says that it is done, or ctx ends; then the last failure is told too.
func (c *Cloud) serviceRepeat(ctx context.Context, what string, try func(context.Context) (done bool, err error)) error {
	var last error
	err := c.GCP.Poll(ctx, what, func(ctx context.Context) (done bool, _ error) {
		done, last = try(ctx)
		return done, nil
	})
	if err != nil && last != nil {
		return fmt.Errorf("%w; the last attempt failed with: %w", err, last)
	}
	return errors.Join(err, last)
}
