package gcp_test

import (
	"errors"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

func withMetadata(key, value string) error {
	st, err := status.New(codes.PermissionDenied, "text").WithDetails(&errdetails.ErrorInfo{Metadata: map[string]string{key: value}})
	if err != nil {
		panic(err)
	}
	return st.Err()
}

func TestErrorsNameWhatIsMissing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		of   func(error) string
		err  error
		want string
	}{
		"API by details":  {gcp.DisabledAPI, withMetadata("service", "container.googleapis.com"), "container.googleapis.com"},
		"API by its page": {gcp.DisabledAPI, errors.New("visiting https://console.developers.google.com/apis/api/container.googleapis.com/overview?project=1 then"), "container.googleapis.com"},
		"no API":          {gcp.DisabledAPI, errors.New("x"), ""},

		"permission by details": {gcp.MissingPermission, withMetadata("permission", "container.clusters.get"), "container.clusters.get"},
		"GKE's permission":      {gcp.MissingPermission, errors.New(`Required "container.clusters.create" permission(s) for "projects/p".`), "container.clusters.create"},
		"IAM's permission":      {gcp.MissingPermission, errors.New("Permission 'iam.serviceAccounts.actAs' denied on resource"), "iam.serviceAccounts.actAs"},
		"no permission":         {gcp.MissingPermission, errors.New("The caller does not have permission"), ""},

		"quota of a request":   {gcp.ExceededQuota, errors.New(`Insufficient regional quota to satisfy request: resource "CPUS": request`), "CPUS"},
		"quota of an instance": {gcp.ExceededQuota, errors.New("creation failed: Quota 'C2_CPUS' exceeded.  Limit: 0.0"), "C2_CPUS"},
		"no quota":             {gcp.ExceededQuota, nil, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.of(test.err); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// The code of a failed operation does not tell a lack of machines from a lack of quota.
func TestFailedOperationsAreToldApart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  *gcp.OperationError
		want gcp.Kind
	}{
		"by condition":         {&gcp.OperationError{Code: codes.ResourceExhausted, Conditions: []string{"GCE_STOCKOUT"}}, gcp.Stockout},
		"by the older text":    {&gcp.OperationError{Code: codes.Unknown, Message: "[ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS]: Instance"}, gcp.Stockout},
		"quota by condition":   {&gcp.OperationError{Code: codes.Internal, Conditions: []string{"GCE_QUOTA_EXCEEDED"}}, gcp.QuotaExceeded},
		"quota by text":        {&gcp.OperationError{Code: codes.Unknown, Message: "errors: [GCE_QUOTA_EXCEEDED]: Instance"}, gcp.QuotaExceeded},
		"anything by its code": {&gcp.OperationError{Code: codes.PermissionDenied, Message: "no"}, gcp.PermissionDenied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := gcp.Classify(test.err); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
