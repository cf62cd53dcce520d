package fakegcp

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// projectV1Path is a path of the Resource Manager API v1, which gcloud and other providers still use for projects and their
// policies. It has no descriptors here; its policies are v3's, its projects another shape.
var projectV1Path = regexp.MustCompile(`^/v1/projects(?:/([^/:]+)(:[A-Za-z]+)?)?$`)

// projectsV1Service is how the refusals and the journal name v1.
const projectsV1Service = "google.cloudresourcemanager.v1.Projects/"

// projectV1Methods are v1's methods by verb and by what is behind /v1/projects, the project being ID.
// Source: https://cloud.google.com/resource-manager/reference/rest/v1/projects.
var projectV1Methods = map[string]string{
	"GET ":                       "ListProjects",
	"POST ":                      "CreateProject",
	"GET ID":                     "GetProject",
	"PUT ID":                     "UpdateProject",
	"DELETE ID":                  "DeleteProject",
	"POST ID:undelete":           "UndeleteProject",
	"POST ID:getAncestry":        "GetAncestry",
	"POST ID:getIamPolicy":       "GetIamPolicy",
	"POST ID:setIamPolicy":       "SetIamPolicy",
	"POST ID:testIamPermissions": "TestIamPermissions",
}

// withProjectsV1 serves the v1 paths: policies by v3's methods, projects from what these answer.
func (s *Server) withProjectsV1(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := projectV1Path.FindStringSubmatch(r.URL.Path)
		if m == nil {
			next.ServeHTTP(w, r)
			return
		}
		key := methodOf(r) + " " + m[2]
		if m[1] != "" {
			key = methodOf(r) + " ID" + m[2]
		}
		switch method, ok := projectV1Methods[key]; {
		case !ok:
			next.ServeHTTP(w, r)
		case strings.HasSuffix(method, "IamPolicy"), method == "TestIamPermissions":
			v3 := r.Clone(r.Context())
			v3.URL.Path = strings.Replace(r.URL.Path, "/v1/", "/v3/", 1)
			v3.URL.RawPath = ""
			next.ServeHTTP(w, v3)
		default:
			s.serveProjectV1(w, r, method, m[1])
		}
	})
}

// serveProjectV1 answers in v1's shape.
func (s *Server) serveProjectV1(w http.ResponseWriter, r *http.Request, method, id string) {
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
	var answer any
	switch method {
	case "GetProject":
		answer, err = s.getProjectV1(r, o, id)
	case "ListProjects":
		answer, err = s.listProjectsV1(r, o, query)
	default:
		answer, err = s.handlers.invoke(callContext(r, o), "/"+projectsV1Service+method, &emptypb.Empty{})
	}
	if err != nil {
		writeRESTError(w, "", err, o)
		return
	}
	writeProjectV1(w, answer, o)
}

// writeProjectV1 writes a v1 message, or whatever message a fault put in its place.
func writeProjectV1(w http.ResponseWriter, answer any, o system) {
	if m, ok := answer.(proto.Message); ok {
		writeREST(w, m, answerFormat{system: o})
		return
	}
	selection := &fieldSelection{}
	if o.fields != "" {
		var ok bool
		if selection, ok = parseFields(o.fields); !ok {
			writeRESTError(w, "", badFields(o.fields, malformedFields), o)
			return
		}
	}
	body, err := json.Marshal(answer)
	if err == nil {
		body, err = answerFormat{system: o, selection: selection}.shape(body)
	}
	if err != nil {
		writeRESTError(w, "", status.Errorf(codes.Internal, "encoding the answer: %v", err), o)
		return
	}
	writeJSON(w, http.StatusOK, body, o)
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

// getProjectV1 is a project.
func (s *Server) getProjectV1(r *http.Request, o system, id string) (any, error) {
	answer, err := s.handlers.invoke(callContext(r, o), "/"+projectsServiceName+"GetProject", &resourcemanagerpb.GetProjectRequest{Name: "projects/" + id})
	if status.Code(err) == codes.PermissionDenied {
		err = status.Error(codes.PermissionDenied, "The caller does not have permission")
	}
	if p, ok := answer.(*resourcemanagerpb.Project); ok && err == nil {
		return asProjectV1(p), nil
	}
	return answer, err
}

// projectsV1 is google.cloud.resourcemanager.v1.ListProjectsResponse.
type projectsV1 struct {
	Projects      []projectV1 `json:"projects,omitempty"`
	NextPageToken string      `json:"nextPageToken,omitempty"`
}

// everyProject are filters that leave out no project of the fake, as all are active: gcloud sends them.
var everyProject = []string{"", "lifecycleState:ACTIVE", "lifecycleState=ACTIVE", "lifecycleState:active"}

func (s *Server) listProjectsV1(r *http.Request, o system, query url.Values) (any, error) {
	if filter := query.Get("filter"); !slices.Contains(everyProject, filter) {
		return nil, unmodelled("%sListProjects with the filter %q is not served", projectsV1Service, filter)
	}
	request := &resourcemanagerpb.SearchProjectsRequest{PageToken: query.Get("pageToken")}
	if size := query.Get("pageSize"); size != "" {
		n, err := strconv.ParseInt(size, 10, 32)
		if err != nil {
			return nil, invalid("Invalid value at 'page_size' (TYPE_INT32), %q", size)
		}
		request.PageSize = int32(n)
	}
	answer, err := s.handlers.invoke(callContext(r, o), "/"+projectsServiceName+"SearchProjects", request)
	found, ok := answer.(*resourcemanagerpb.SearchProjectsResponse)
	if err != nil || !ok {
		return answer, err
	}
	list := projectsV1{NextPageToken: found.GetNextPageToken()}
	for _, p := range found.GetProjects() {
		list.Projects = append(list.Projects, asProjectV1(p))
	}
	return list, nil
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
