package gcp

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
)

// Projects is Resource Manager's project collection.
type Projects struct{ c *Client }

// Projects gives the project collection.
func (c *Client) Projects() Projects { return Projects{c} }

// Get reads a project by its id or number. A project that does not exist is permission denied.
func (s Projects) Get(ctx context.Context, project string) (*resourcemanagerpb.Project, error) {
	api, err := s.c.projectsAPI(ctx)
	if err != nil {
		return nil, err
	}
	return api.GetProject(ctx, &resourcemanagerpb.GetProjectRequest{Name: "projects/" + project})
}

// Number gives the number of a project. It never changes, so it is asked for once per client.
func (s Projects) Number(ctx context.Context, project string) (string, error) {
	s.c.numbersMu.Lock()
	known, ok := s.c.numbers[project]
	s.c.numbersMu.Unlock()
	if ok {
		return known, nil
	}
	found, err := s.Get(ctx, project)
	if err != nil {
		return "", err
	}
	number, ok := strings.CutPrefix(found.GetName(), "projects/")
	if !ok || number == "" || strings.Trim(number, "0123456789") != "" {
		return "", fmt.Errorf("project %s: the server answered with the name %q, which holds no number", project, clean(found.GetName()))
	}
	s.c.numbersMu.Lock()
	defer s.c.numbersMu.Unlock()
	s.c.numbers[project] = number
	return number, nil
}
