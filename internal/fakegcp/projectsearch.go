package fakegcp

import (
	"context"
	"slices"

	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/protobuf/proto"
)

// SearchProjects lists the projects that the caller can read, by name. Queries are not modelled.
func (p *projectsService) SearchProjects(ctx context.Context, r *resourcemanagerpb.SearchProjectsRequest) (*resourcemanagerpb.SearchProjectsResponse, error) {
	if r.GetQuery() != "" {
		return nil, unmodelled("%sSearchProjects with a query is not served", projectsServiceName)
	}
	caller := callerOf(ctx)
	all := slices.DeleteFunc(members[*resourcemanagerpb.Project](p.s.store, "projects"), func(m *resourcemanagerpb.Project) bool {
		return !p.s.has(caller, "resourcemanager.projects.get", m.GetName(), false)
	})
	items, next, err := page(all, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	answer := &resourcemanagerpb.SearchProjectsResponse{NextPageToken: next}
	for _, m := range items {
		answer.Projects = append(answer.Projects, proto.CloneOf(m))
	}
	return answer, nil
}
