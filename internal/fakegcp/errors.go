package fakegcp

import (
	"strings"
	"unicode"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
)

// Texts are those of the real services; their sources are in GCP-FACTS.md, section 1. A test holds each of them.

func notFound(format string, args ...any) error {
	return status.Errorf(codes.NotFound, format, args...)
}

func alreadyExists(format string, args ...any) error {
	return status.Errorf(codes.AlreadyExists, format, args...)
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

func precondition(format string, args ...any) error {
	return status.Errorf(codes.FailedPrecondition, format, args...)
}

// unmodelledPrefix begins the texts of refusals that are the fake's own.
const unmodelledPrefix = "fakegcp: "

// unmodelled refuses a request that the real service may take and the fake does not know.
func unmodelled(format string, args ...any) error {
	return status.Errorf(codes.Unimplemented, unmodelledPrefix+format, args...)
}

// withDetails adds details to a status error.
func withDetails(err error, details ...protoadapt.MessageV1) error {
	st, derr := status.Convert(err).WithDetails(details...)
	if derr != nil {
		return err
	}
	return st.Err()
}

func resourceInfo(name string) protoadapt.MessageV1 {
	return &errdetails.ResourceInfo{ResourceName: name}
}

// statusName is a code as Google spells it in JSON: NOT_FOUND.
func statusName(c codes.Code) string {
	switch c {
	case codes.OK:
		return "OK"
	case codes.Canceled:
		return "CANCELLED"
	}
	var b strings.Builder
	for i, r := range c.String() {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}
