package gcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"

	"cloud.google.com/go/auth"
	"golang.org/x/oauth2"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Kind is what an error means to a caller, whatever API it came from.
type Kind string

// The kinds of errors.
const (
	NotFound            Kind = "not found"
	AlreadyExists       Kind = "already exists"
	PermissionDenied    Kind = "permission denied"
	Unauthenticated     Kind = "unauthenticated"
	APIDisabled         Kind = "API disabled"
	QuotaExceeded       Kind = "quota exceeded"
	Stockout            Kind = "out of machines"       // the zone has none of the type, whatever the quota
	Conflict            Kind = "conflict"              // ABORTED: an etag or a concurrent change
	OperationInProgress Kind = "operation in progress" // GKE takes one operation at a time
	Invalid             Kind = "invalid"
	FailedPrecondition  Kind = "failed precondition"
	Transient           Kind = "transient" // worth another try
	Canceled            Kind = "canceled"  // our own context ended
	Unknown             Kind = "unknown"
)

var kindByCode = map[codes.Code]Kind{
	codes.NotFound: NotFound, codes.AlreadyExists: AlreadyExists,
	codes.PermissionDenied: PermissionDenied, codes.Unauthenticated: Unauthenticated,
	codes.ResourceExhausted: QuotaExceeded, codes.Aborted: Conflict,
	codes.InvalidArgument: Invalid, codes.OutOfRange: Invalid,
	codes.FailedPrecondition: FailedPrecondition, codes.Canceled: Canceled,
	codes.Unavailable: Transient, codes.DeadlineExceeded: Transient, codes.Internal: Transient,
}

// kindByReason goes before the code. Reasons are those of google.rpc.ErrorInfo with domain googleapis.com.
var kindByReason = map[string]Kind{
	"SERVICE_DISABLED":                     APIDisabled,
	"RATE_LIMIT_EXCEEDED":                  Transient,
	"CONCURRENT_OPERATIONS_QUOTA_EXCEEDED": Transient,
}

// kindByText serves the errors that carry no reason: each text was seen in public reports of the API.
var kindByText = []struct {
	code codes.Code
	text *regexp.Regexp
	kind Kind
}{
	{codes.FailedPrecondition, incompatible, OperationInProgress},
	// https://cloud.google.com/kubernetes-engine/docs/troubleshooting/concurrent-operations
	{codes.FailedPrecondition, regexp.MustCompile(`is currently being created, deleted, updated or repaired`), OperationInProgress},
	{codes.PermissionDenied, regexp.MustCompile(`has not been used in project .* before or it is disabled`), APIDisabled},
	{codes.PermissionDenied, regexp.MustCompile(`^Insufficient \w+ quota to satisfy request`), QuotaExceeded},
	{codes.PermissionDenied, regexp.MustCompile(`Quota exceeded for quota metric .* per minute`), Transient},
	{codes.ResourceExhausted, regexp.MustCompile(`Quota exceeded for quota metric .* per minute`), Transient},
}

// incompatible finds the operation that GKE is busy with, in the current and in the older wording.
var incompatible = regexp.MustCompile(`(?:running incompatible operation|Operation) (operation-[0-9a-z-]*[0-9a-z])(?: is currently|\.|$|\s)`)

// Classify tells the kind of an error by its gRPC code and reason.
func Classify(err error) Kind {
	var credentials *CredentialsError
	var token *oauth2.RetrieveError
	var authErr *auth.Error
	switch {
	case errors.As(err, &credentials), errors.As(err, &token), errors.As(err, &authErr):
		return Unauthenticated
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Canceled
	}
	if kind, told := operationKind(err); told {
		return kind
	}
	st, ok := status.FromError(err)
	if !ok {
		var network net.Error
		if errors.As(err, &network) {
			return Transient
		}
		return Unknown
	}
	return classifyStatus(st)
}

// IsRateLimited tells whether there were too many requests in this minute, which the next one allows again.
func IsRateLimited(err error) bool {
	code := status.Code(err)
	return (code == codes.ResourceExhausted || code == codes.PermissionDenied) && IsTransient(err)
}

func classifyStatus(st *status.Status) Kind {
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			if kind, known := kindByReason[info.GetReason()]; known {
				return kind
			}
		}
	}
	for _, row := range kindByText {
		if row.code == st.Code() && row.text.MatchString(st.Message()) {
			return row.kind
		}
	}
	if kind, known := kindByCode[st.Code()]; known {
		return kind
	}
	return Unknown
}

// IsNotFound tells whether the object is not there.
func IsNotFound(err error) bool { return err != nil && Classify(err) == NotFound }

// IsNotVisible tells that a service account is not there, or not there yet: right after its creation IAM answers 404, or
// 403 with a text that leaves it open (google provider, error_retry_predicates.go).
func IsNotVisible(err error) bool {
	return IsNotFound(err) ||
		err != nil && Classify(err) == PermissionDenied && strings.Contains(status.Convert(err).Message(), "(or it may not exist)")
}

// IsAlreadyExists tells whether an object of that name is there.
func IsAlreadyExists(err error) bool { return err != nil && Classify(err) == AlreadyExists }

// IsTransient tells whether the same call may succeed a little later.
func IsTransient(err error) bool { return err != nil && Classify(err) == Transient }

// Ambiguous tells whether the effect of the failed write may have taken place: the answer was lost, or the server
// gave up on its own side. Such a write is settled by reading, never by sending it again.
func Ambiguous(err error) bool {
	var op *OperationError
	var credentials *CredentialsError
	if err == nil || errors.As(err, &op) || errors.As(err, &credentials) {
		return false
	}
	st, ok := status.FromError(err)
	if !ok {
		return true
	}
	switch st.Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Internal, codes.Unknown, codes.DataLoss:
		return true
	default:
		return false
	}
}

// IncompatibleOperation gives the name of the operation that GKE refused a call for. The name is short
// (operation-…), without project and location.
func IncompatibleOperation(err error) (operation string, ok bool) {
	st, _ := status.FromError(err)
	if err == nil || st.Code() != codes.FailedPrecondition {
		return "", false
	}
	m := incompatible.FindStringSubmatch(st.Message())
	if m == nil {
		return "", false
	}
	return m[1], true
}

// OperationError is an operation that ended with an error. The operation's effect is whatever the object shows.
type OperationError struct {
	// Operation is the operation's name as the API gave it.
	Operation string
	Code      codes.Code
	Message   string
	// Conditions are the condition codes that GKE adds, such as GCE_STOCKOUT.
	Conditions []string
}

// Error joins message and conditions.
func (e *OperationError) Error() string {
	if len(e.Conditions) == 0 {
		return fmt.Sprintf("operation %s failed: %s", e.Operation, e.Message)
	}
	return fmt.Sprintf("operation %s failed: %s [%s]", e.Operation, e.Message, strings.Join(e.Conditions, ", "))
}

// GRPCStatus lets Classify treat a failed operation like a failed call.
func (e *OperationError) GRPCStatus() *status.Status { return status.New(e.Code, e.Message) }
