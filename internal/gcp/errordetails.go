package gcp

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// errorInfo finds a metadata value in the google.rpc.ErrorInfo of an error.
func errorInfo(err error, key string) string {
	st, _ := status.FromError(err)
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetMetadata()[key] != "" {
			return info.GetMetadata()[key]
		}
	}
	return ""
}

// The texts are those of errors that came without details, in public reports.
var (
	disabledAPI       = regexp.MustCompile(`apis/api/([a-z]+\.googleapis\.com)/`)
	missingPermission = regexp.MustCompile(`(?:Required|Permission) ["']([a-zA-Z]+\.[a-zA-Z]+\.[a-zA-Z]+)["']`)
	insufficientQuota = regexp.MustCompile(`resource "([A-Z0-9_]+)"|Quota '([A-Z0-9_]+)' exceeded`)
	outOfMachines     = regexp.MustCompile(`GCE_STOCKOUT|ZONE_RESOURCE_POOL_EXHAUSTED|does not have enough resources available`)
)

// DisabledAPI is the API that an error of kind APIDisabled asks for, such as container.googleapis.com, or nothing.
func DisabledAPI(err error) string {
	if api := errorInfo(err, "service"); api != "" {
		return api
	}
	return firstGroup(disabledAPI, err)
}

// MissingPermission is the permission that an error of kind PermissionDenied names, such as container.clusters.create,
// or nothing.
func MissingPermission(err error) string {
	if permission := errorInfo(err, "permission"); permission != "" {
		return permission
	}
	return firstGroup(missingPermission, err)
}

// ExceededQuota is the metric that an error of kind QuotaExceeded names, such as CPUS, or nothing.
func ExceededQuota(err error) string { return firstGroup(insufficientQuota, err) }

func firstGroup(pattern *regexp.Regexp, err error) string {
	if err == nil {
		return ""
	}
	groups := pattern.FindStringSubmatch(err.Error())
	if len(groups) == 0 {
		return ""
	}
	return strings.Join(groups[1:], "") // one of the alternatives matched
}

// operationKind is what the conditions and the text of a failed operation mean: the codes that come with it do not tell
// a lack of machines from a lack of quota.
func operationKind(err error) (Kind, bool) {
	var failed *OperationError
	if !errors.As(err, &failed) {
		return "", false
	}
	switch {
	case slices.Contains(failed.Conditions, "GCE_STOCKOUT"), outOfMachines.MatchString(failed.Message):
		return Stockout, true
	case slices.Contains(failed.Conditions, "GCE_QUOTA_EXCEEDED"), strings.Contains(failed.Message, "GCE_QUOTA_EXCEEDED"):
		return QuotaExceeded, true
	}
	return "", false
}
