package fakegcp

import (
	"context"
	"net/http"
	"regexp"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// serviceUsagePath is one service of a project: gcloud asks whether it is enabled before it makes a cluster.
var serviceUsagePath = regexp.MustCompile(`^/v1/projects/([^/:]+)/services/([^/:]+)$`)

// serviceUsageMethod is how the journal, faults and refusals name it.
const serviceUsageMethod = "/google.api.serviceusage.v1.ServiceUsage/GetService"

// usedService is google.api.serviceusage.v1.Service, of which the configuration has the name only.
// Source: https://cloud.google.com/service-usage/docs/reference/rest/v1/services.
type usedService struct {
	Name   string `json:"name"`
	Config struct {
		Name string `json:"name"`
	} `json:"config"`
	State  string `json:"state"`
	Parent string `json:"parent"`
}

// withServiceUsage answers for single services. The rest of the Service Usage API is refused like every unserved path.
func (s *Server) withServiceUsage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := serviceUsagePath.FindStringSubmatch(r.URL.Path)
		if m == nil || methodOf(r) != http.MethodGet {
			next.ServeHTTP(w, r)
			return
		}
		query, _, err := queryOf(r)
		if err != nil {
			writeRESTError(w, "", err, system{})
			return
		}
		o, err := systemOf(r, query)
		if err != nil {
			writeRESTError(w, "", err, o)
			return
		}
		answer, err := s.intercept(callContext(r, o), &emptypb.Empty{}, &grpc.UnaryServerInfo{FullMethod: serviceUsageMethod},
			func(context.Context, any) (any, error) { return s.usedService(m[1], m[2]) })
		if err != nil {
			writeRESTError(w, "", err, o)
			return
		}
		writeProjectV1(w, answer, o)
	})
}

// usedService is a service that the fake serves: enabled, unless the project is denied its API. The caller holds the lock.
func (s *Server) usedService(id, api string) (any, error) {
	p, ok := s.projectOf("projects/" + id)
	if !ok {
		return nil, status.Error(codes.PermissionDenied, "The caller does not have permission")
	}
	if !slices.ContainsFunc(apiHosts, func(h struct{ prefix, api string }) bool { return h.api == api }) {
		return nil, unmodelled("%s of %s is not served; QUIRKS.md lists what is", serviceUsageMethod[1:], api)
	}
	service := usedService{Name: "projects/" + p.Number + "/services/" + api, State: "ENABLED", Parent: "projects/" + p.Number}
	service.Config.Name = api
	if s.denied[denial{permission: api}] {
		service.State = "DISABLED"
	}
	return service, nil
}
