package gcp_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

func withReason(code codes.Code, reason string) error {
	st, err := status.New(code, "text").WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: "googleapis.com"})
	if err != nil {
		panic(err)
	}
	return st.Err()
}

func TestClassify(t *testing.T) {
	tests := map[string]struct {
		err       error
		want      gcp.Kind
		ambiguous bool
	}{
		"missing":               {err: status.Error(codes.NotFound, "Not found: projects/P/zones/Z/clusters/C."), want: gcp.NotFound},
		"wrapped":               {err: fmt.Errorf("reading: %w", status.Error(codes.NotFound, "no")), want: gcp.NotFound},
		"there":                 {err: status.Error(codes.AlreadyExists, "Already exists"), want: gcp.AlreadyExists},
		"denied":                {err: status.Error(codes.PermissionDenied, "The caller does not have permission"), want: gcp.PermissionDenied},
		"API off by reason":     {err: withReason(codes.PermissionDenied, "SERVICE_DISABLED"), want: gcp.APIDisabled},
		"API off by text":       {err: status.Error(codes.PermissionDenied, "Kubernetes Engine API has not been used in project 1 before or it is disabled."), want: gcp.APIDisabled},
		"rate":                  {err: withReason(codes.ResourceExhausted, "RATE_LIMIT_EXCEEDED"), want: gcp.Transient},
		"rate by text":          {err: status.Error(codes.PermissionDenied, "Quota exceeded for quota metric 'Reads' and limit 'Reads per minute' of service 'container'"), want: gcp.Transient},
		"quota":                 {err: status.Error(codes.ResourceExhausted, "no more"), want: gcp.QuotaExceeded},
		"regional quota":        {err: status.Error(codes.PermissionDenied, `Insufficient regional quota to satisfy request: resource "CPUS"`), want: gcp.QuotaExceeded},
		"etag":                  {err: status.Error(codes.Aborted, "There were concurrent policy changes."), want: gcp.Conflict},
		"busy cluster":          {err: status.Error(codes.FailedPrecondition, "Cluster is running incompatible operation operation-1-a."), want: gcp.OperationInProgress},
		"busy cluster, older":   {err: status.Error(codes.FailedPrecondition, "Operation operation-1-a is currently upgrading cluster c. Please wait and try again once it is done."), want: gcp.OperationInProgress},
		"busy cluster, unnamed": {err: status.Error(codes.FailedPrecondition, "Cluster is currently being created, deleted, updated or repaired and cannot be updated."), want: gcp.OperationInProgress},
		"precondition":          {err: status.Error(codes.FailedPrecondition, "Secret Version [x] is in DISABLED state."), want: gcp.FailedPrecondition},
		"bad request":           {err: status.Error(codes.InvalidArgument, "no"), want: gcp.Invalid},
		"down":                  {err: status.Error(codes.Unavailable, "connection reset"), want: gcp.Transient, ambiguous: true},
		"slow":                  {err: status.Error(codes.DeadlineExceeded, "deadline"), want: gcp.Transient, ambiguous: true},
		"broken answer":         {err: status.Error(codes.Internal, "grpc: failed to unmarshal"), want: gcp.Transient, ambiguous: true},
		"interrupted":           {err: context.Canceled, want: gcp.Canceled, ambiguous: true},
		"interrupted call":      {err: status.FromContextError(context.Canceled).Err(), want: gcp.Canceled, ambiguous: true},
		"operation failed":      {err: &gcp.OperationError{Code: codes.Internal, Message: "x"}, want: gcp.Transient},
		"no credentials":        {err: &gcp.CredentialsError{Err: errors.New("x")}, want: gcp.Unauthenticated},
		"something of our own":  {err: errors.New("x"), want: gcp.Unknown, ambiguous: true},
		"concurrent operations": {err: withReason(codes.PermissionDenied, "CONCURRENT_OPERATIONS_QUOTA_EXCEEDED"), want: gcp.Transient},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := gcp.Classify(test.err); got != test.want {
				t.Errorf("Classify = %s, want %s", got, test.want)
			}
			if got := gcp.Ambiguous(test.err); got != test.ambiguous {
				t.Errorf("Ambiguous = %t, want %t", got, test.ambiguous)
			}
		})
	}
	if gcp.IsNotFound(nil) || gcp.IsAlreadyExists(nil) || gcp.IsTransient(nil) || gcp.Ambiguous(nil) {
		t.Error("nil is no error of any kind")
	}
}

func TestANewAccountMayBeInvisible(t *testing.T) {
	for want, errs := range map[bool][]error{
		true: {
			status.Error(codes.NotFound, "Unknown service account"),
			status.Error(codes.PermissionDenied, "Permission 'iam.serviceAccounts.get' denied on resource (or it may not exist)."),
		},
		false: {nil, status.Error(codes.PermissionDenied, "The caller does not have permission"), status.Error(codes.Unavailable, "(or it may not exist)")},
	} {
		for _, err := range errs {
			if got := gcp.IsNotVisible(err); got != want {
				t.Errorf("%v: %t", err, got)
			}
		}
	}
}

func TestIncompatibleOperation(t *testing.T) {
	const name = "operation-1718024305921-fd4f65ea-7da5-4d36-a166-f619a83fb205"
	for _, text := range []string{
		"Cluster is running incompatible operation " + name + ".",
		"Operation " + name + " is currently creating a node pool for cluster dev. Please wait and try again once it is done.",
	} {
		if got, ok := gcp.IncompatibleOperation(status.Error(codes.FailedPrecondition, text)); !ok || got != name {
			t.Errorf("%q: %q, %t", text, got, ok)
		}
	}
	for _, err := range []error{nil, errors.New(name), status.Error(codes.FailedPrecondition, "Node pool is busy"), status.Error(codes.NotFound, "running incompatible operation "+name+".")} {
		if got, ok := gcp.IncompatibleOperation(err); ok {
			t.Errorf("%v: %q", err, got)
		}
	}
}

func TestMessageIsSafeToShow(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"control and escapes": {"a\x1b[31mred\x00\r\nb\tc", "Unknown: a [31mred b c"},
		"bidirectional":       {"ev\u202eil\u200b", "Unknown: evil"},
		"page":                {"<!DOCTYPE html>\n<html><body>Error 404 (Not Found)!!1</body></html>", "the server answered with an HTML page instead of an API error"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := gcp.Message(status.Error(codes.Unknown, test.in)); got != test.want {
				t.Errorf("Message = %q, want %q", got, test.want)
			}
		})
	}
	long := gcp.Message(errors.New(strings.Repeat("é", 4096)))
	if len(long) > 1024 || !utf8.ValidString(long) || !strings.HasSuffix(long, "…") {
		t.Errorf("a long message has %d bytes", len(long))
	}
	if gcp.Message(nil) != "" {
		t.Error("no error, no message")
	}
}
