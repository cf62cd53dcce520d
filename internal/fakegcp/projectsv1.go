package fakegcp

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// projectV1Path is a path of the Resource Manager API v1, which gcloud and other providers still use for projects and their
// policies. It has no descriptors here; its policies are v3's, its projects another shape.
var projectV1Path = regexp.MustCompile(`^/v1/projects/([^/:]+)(:getIamPolicy|:setIamPolicy|:testIamPermissions)?$`)

// withProjectsV1 serves the v1 paths by v3's methods.
func (s *Server) withProjectsV1(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := projectV1Path.FindStringSubmatch(r.URL.Path)
		switch {
		case m == nil:
			next.ServeHTTP(w, r)
		case m[2] == "" && r.Method == http.MethodGet:
			s.serveProjectV1(w, r, m[1])
		default:
			v3 := r.Clone(r.Context())
			v3.URL.Path = strings.Replace(r.URL.Path, "/v1/", "/v3/", 1)
			v3.URL.RawPath = ""
			next.ServeHTTP(w, v3)
		}
	})
}

// projectV1 is google.cloud.resourcemanager.v1.Project.
// Source: https://cloud.google.com/resource-manager/reference/rest/v1/projects.
type projectV1 struct {
	ProjectNumber  string            `json:"projectNumber"`
	ProjectID      string            `json:"projectId"`
	LifecycleState string            `json:"lifecycleState"`
	Name           string            `json:"name"`
	CreateTime     string            `json:"createTime"`
	Labels         map[string]string `json:"labels,omitempty"`
	Parent         struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	} `json:"parent"`
}

func (s *Server) serveProjectV1(w http.ResponseWriter, r *http.Request, id string) {
	const method = "/" + projectsServiceName + "GetProject"
	answer, err := s.handlers.invoke(callContext(r), method, &resourcemanagerpb.GetProjectRequest{Name: "projects/" + id})
	if status.Code(err) == codes.PermissionDenied {
		err = status.Error(codes.PermissionDenied, "The caller does not have permission")
	}
	if err != nil {
		writeRESTError(w, method, err)
		return
	}
	p, ok := answer.(*resourcemanagerpb.Project)
	if !ok { // a malformed answer was asked for
		writeREST(w, malformed(), restFormat{})
		return
	}
	body, err := json.Marshal(asProjectV1(p))
	if err != nil {
		writeRESTError(w, method, err)
		return
	}
	writeJSON(w, http.StatusOK, body, restFormat{})
}

func asProjectV1(p *resourcemanagerpb.Project) projectV1 {
	v1 := projectV1{
		ProjectNumber:  strings.TrimPrefix(p.GetName(), "projects/"),
		ProjectID:      p.GetProjectId(),
		LifecycleState: p.GetState().String(),
		Name:           p.GetDisplayName(),
		CreateTime:     p.GetCreateTime().AsTime().Format("2006-01-02T15:04:05.000Z"),
		Labels:         p.GetLabels(),
	}
	kind, id, _ := strings.Cut(p.GetParent(), "/")
	v1.Parent.Type, v1.Parent.ID = strings.TrimSuffix(kind, "s"), id
	return v1
}
