package fakegcp

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// project is a project's two names.
type project struct {
	ID, Number string
}

// projects are looked up by id and by number.
type projects map[string]project

// AddProject makes another project exist; one that is there stays as it is. The error says what is wrong with the id or the
// number, or that either is another project's.
func (s *Server) AddProject(id, number string) error {
	if err := checkProject(id, number); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	for _, name := range []string{id, number} {
		if p, ok := s.projects[name]; ok && p != (project{id, number}) {
			return fmt.Errorf("project %s=%s: there is %s=%s already", id, number, p.ID, p.Number)
		}
	}
	if _, ok := s.projects[id]; !ok {
		s.addProject(id, number)
	}
	return nil
}

func (s *Server) addProject(id, number string) {
	if s.projects == nil {
		s.projects = projects{}
	}
	p := project{ID: id, Number: number}
	s.projects[id], s.projects[number] = p, p
	s.store.put("projects/"+number, &resourcemanagerpb.Project{
		Name:        "projects/" + number,
		Parent:      "organizations/1",
		ProjectId:   id,
		State:       resourcemanagerpb.Project_ACTIVE,
		DisplayName: id,
		CreateTime:  s.timestamp(),
		UpdateTime:  s.timestamp(),
		Etag:        fmt.Sprintf(`W/"%s"`, randomHex(8)),
	})
	s.addDefaultAccount(p)
}

// projectOf is the project that a name "projects/ID_OR_NUMBER/..." is in.
func (s *Server) projectOf(name string) (project, bool) {
	rest, ok := strings.CutPrefix(name, "projects/")
	if !ok {
		return project{}, false
	}
	id, _, _ := strings.Cut(rest, "/")
	p, ok := s.projects[id]
	return p, ok
}

// numbered is the name with its project's number, as Secret Manager returns names.
func (s *Server) numbered(name string) string {
	return s.withProject(name, func(p project) string { return p.Number })
}

// identified is the name with its project's id, as the other APIs return names.
func (s *Server) identified(name string) string {
	return s.withProject(name, func(p project) string { return p.ID })
}

func (s *Server) withProject(name string, which func(project) string) string {
	p, ok := s.projectOf(name)
	if !ok {
		return name
	}
	_, rest, more := strings.Cut(strings.TrimPrefix(name, "projects/"), "/")
	if !more {
		return "projects/" + which(p)
	}
	return "projects/" + which(p) + "/" + rest
}

// projectsService serves google.cloud.resourcemanager.v3.Projects.
type projectsService struct {
	resourcemanagerpb.UnimplementedProjectsServer
	s *Server
}

func (p *projectsService) find(name, permission string) (project, error) {
	found, ok := p.s.projectOf(name)
	if !ok || strings.Count(name, "/") != 1 {
		return project{}, status.Errorf(codes.PermissionDenied,
			"Permission '%s' denied on resource '//cloudresourcemanager.googleapis.com/%s' (or it may not exist).", permission, name)
	}
	return found, nil
}

// GetProject takes the project's id or number.
func (p *projectsService) GetProject(_ context.Context, r *resourcemanagerpb.GetProjectRequest) (*resourcemanagerpb.Project, error) {
	found, err := p.find(r.GetName(), "resourcemanager.projects.get")
	if err != nil {
		return nil, err
	}
	m, _ := lookup[*resourcemanagerpb.Project](p.s.store, "projects/"+found.Number)
	return m, nil
}

// GetIamPolicy is the project's policy.
func (p *projectsService) GetIamPolicy(_ context.Context, r *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := p.find(r.GetResource(), "resourcemanager.projects.getIamPolicy"); err != nil {
		return nil, err
	}
	return p.s.readPolicy(r)
}

// SetIamPolicy replaces the project's policy; allUsers and external owners are refused on projects.
func (p *projectsService) SetIamPolicy(_ context.Context, r *iampb.SetIamPolicyRequest) (*iampb.Policy, error) {
	if _, err := p.find(r.GetResource(), "resourcemanager.projects.setIamPolicy"); err != nil {
		return nil, err
	}
	if err := checkOwners(r.GetPolicy(), p.s.policies.get(p.s.policyKey(r.GetResource()))); err != nil {
		return nil, err
	}
	return p.s.setIamPolicy(r, refusePublic)
}

// TestIamPermissions says which of the permissions the caller has.
func (p *projectsService) TestIamPermissions(ctx context.Context, r *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	if _, err := p.find(r.GetResource(), "resourcemanager.projects.get"); err != nil {
		return nil, err
	}
	return p.s.testPermissions(ctx, r)
}
