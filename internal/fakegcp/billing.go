package fakegcp

import (
	"net/http"
	"net/url"
	"regexp"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
)

// hashicorp/google reads a project's billing account with the project, and fails the read when that fails. Its source:
// google/services/resourcemanager/resource_google_project.go.

// billingService is Cloud Billing, of which a project's billing information can be read, over REST only.
const billingService = "google.cloud.billing.v1.CloudBilling/"

var billingPath = regexp.MustCompile(`^/v1/projects/([^/]+)/billingInfo$`)

// withBilling serves the billing information of projects: none of them has a billing account.
func (s *Server) withBilling(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := billingPath.FindStringSubmatch(r.URL.Path)
		if m == nil {
			next.ServeHTTP(w, r)
			return
		}
		method := billingService + "GetProjectBillingInfo"
		if methodOf(r) != http.MethodGet {
			method = billingService + "UpdateProjectBillingInfo"
		}
		s.serveStruct(w, r, method, "projects/"+m[1], func(query url.Values) (*structpb.Struct, error) {
			if mutating(method) {
				return nil, unmodelled("%s is not served; QUIRKS.md lists what is", method)
			}
			return s.readBilling(m[1], query)
		})
	})
}

// readBilling leaves out billingAccountName and billingEnabled, as "" and false are.
// Source: https://cloud.google.com/billing/docs/reference/rest/v1/ProjectBillingInfo.
func (s *Server) readBilling(id string, query url.Values) (*structpb.Struct, error) {
	for name := range query {
		if !isSystemParameter(name) {
			return nil, invalid("Invalid JSON payload received. Unknown name \"%s\": Cannot bind query parameter.", name)
		}
	}
	p, ok := s.projectOf("projects/" + id)
	if !ok {
		return nil, status.Error(codes.PermissionDenied, "The caller does not have permission")
	}
	return structpb.NewStruct(map[string]any{"name": "projects/" + p.ID + "/billingInfo", "projectId": p.ID})
}
