package fakegcp

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"cloud.google.com/go/run/apiv2/runpb"
)

// runRevisions serves google.cloud.run.v2.Revisions for services. Deletion and export are not modelled.
type runRevisions struct {
	runpb.UnimplementedRevisionsServer
	s *Server
}

// GetRevision is a revision of a service.
func (r *runRevisions) GetRevision(_ context.Context, q *runpb.GetRevisionRequest) (*runpb.Revision, error) {
	name := r.s.identified(q.GetName())
	revision, ok := lookup[*runpb.Revision](r.s.store, name)
	if !ok {
		return nil, notFound("Resource '%s' of kind 'REVISION' in region '%s' in project '%s' does not exist.",
			lastSegment(name), segment(name, 3), segment(name, 1))
	}
	return revision, nil
}

var revisionParentForm = regexp.MustCompile(`^projects/[^/]+/locations/[^/]+/(services|workerPools)/[^/]+$`)

// ListRevisions lists a service's revisions, the newest first.
func (r *runRevisions) ListRevisions(_ context.Context, q *runpb.ListRevisionsRequest) (*runpb.ListRevisionsResponse, error) {
	if !revisionParentForm.MatchString(q.GetParent()) {
		return nil, invalid("Invalid resource parent: %s", q.GetParent())
	}
	all := children[*runpb.Revision](r.s.store, r.s.identified(q.GetParent())+"/revisions")
	slices.SortStableFunc(all, func(a, b *runpb.Revision) int {
		return b.GetCreateTime().AsTime().Compare(a.GetCreateTime().AsTime())
	})
	items, next, err := page(all, q.GetPageSize(), q.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &runpb.ListRevisionsResponse{Revisions: items, NextPageToken: next}, nil
}

// segment is the n-th segment of a name, from 0.
func segment(name string, n int) string {
	parts := strings.Split(name, "/")
	if n >= len(parts) {
		return ""
	}
	return parts[n]
}
