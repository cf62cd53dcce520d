package tf

import (
	"context"
	"fmt"
	"time"

	ephemeral "github.com/hashicorp/terraform-plugin-framework-timeouts/ephemeral/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// Operation is one of the operations that timeouts bounds.
type Operation string

// The operations with a timeout.
const (
	Create Operation = "create"
	Read   Operation = "read"
	Update Operation = "update"
	Delete Operation = "delete"
	Open   Operation = "open"
)

// Timeout is the configured time of an operation, or its default.
func Timeout(ctx context.Context, configured timeouts.Value, op Operation, byDefault time.Duration, diags *diag.Diagnostics) time.Duration {
	read := map[Operation]func(context.Context, time.Duration) (time.Duration, diag.Diagnostics){
		Create: configured.Create, Read: configured.Read, Update: configured.Update, Delete: configured.Delete,
	}[op]
	d, more := read(ctx, byDefault)
	diags.Append(more...)
	checkTimeout(d, op, byDefault, diags)
	return d
}

// OpenTimeout is the same for opening an ephemeral resource.
func OpenTimeout(ctx context.Context, configured ephemeral.Value, byDefault time.Duration, diags *diag.Diagnostics) time.Duration {
	d, more := configured.Open(ctx, byDefault)
	diags.Append(more...)
	checkTimeout(d, Open, byDefault, diags)
	return d
}

func checkTimeout(d time.Duration, op Operation, byDefault time.Duration, diags *diag.Diagnostics) {
	if d <= 0 {
		diags.AddError("Invalid timeout", fmt.Sprintf("timeouts.%s must be longer than zero, such as %q.", op, byDefault))
	}
}

// WithTimeout bounds ctx and lets the error of a timeout name the attribute to raise.
func WithTimeout(ctx context.Context, op Operation, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, &TimeoutError{Operation: op, After: d})
}

// TimeoutError is the cause of a context that WithTimeout ended.
type TimeoutError struct {
	Operation Operation
	After     time.Duration
}

// Error names the attribute.
func (e *TimeoutError) Error() string {
	return fmt.Sprintf("the timeout of %s ended (timeouts.%s)", e.After, e.Operation)
}

// Unwrap makes it a context.DeadlineExceeded.
func (e *TimeoutError) Unwrap() error { return context.DeadlineExceeded }
