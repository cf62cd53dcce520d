package fakegcp

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/run/apiv2/runpb"
)

// runRevisions serves google.cloud.run.v2.Revisions for services and worker pools.
type runRevisions struct {
	runpb.UnimplementedRevisionsServer
	s *Server
}

func (r *runRevisions) find(name string) (*runpb.Revision, error) {
	name = r.s.identified(name)
	revision, ok := lookup[*runpb.Revision](r.s.store, name)
	if !ok {
		return nil, runNotFound("REVISION", name)
	}
	return revision, nil
}

// GetRevision is a revision of a service or worker pool.
func (r *runRevisions) GetRevision(_ context.Context, q *runpb.GetRevisionRequest) (*runpb.Revision, error) {
	return r.find(q.GetName())
}

var revisionParentForm = regexp.MustCompile(`^projects/[^/]+/locations/[^/]+/(services|workerPools)/[^/]+$`)

// ListRevisions lists the revisions of a service or worker pool, the newest first; "-" stands for every one.
func (r *runRevisions) ListRevisions(_ context.Context, q *runpb.ListRevisionsRequest) (*runpb.ListRevisionsResponse, error) {
	if !revisionParentForm.MatchString(q.GetParent()) {
		return nil, invalid("Invalid resource parent: %s", q.GetParent())
	}
	all := newestFirst[*runpb.Revision](r.s, r.s.identified(q.GetParent())+"/revisions")
	items, next, err := pageOf(all, runPages, q.GetPageSize(), q.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &runpb.ListRevisionsResponse{Revisions: items, NextPageToken: next}, nil
}

// DeleteRevision takes a revision away that serves nothing and is not the latest.
func (r *runRevisions) DeleteRevision(_ context.Context, q *runpb.DeleteRevisionRequest) (*longrunningpb.Operation, error) {
	m, err := r.find(q.GetName())
	if err != nil {
		return nil, err
	}
	if err := checkRunEtag(m, q.GetEtag()); err != nil {
		return nil, err
	}
	if err := r.s.checkIdle(m.GetName()); err != nil {
		return nil, err
	}
	m.DeleteTime, m.ExpireTime, m.Reconciling = r.s.timestamp(), r.s.runExpiry(), true
	if q.GetValidateOnly() {
		return doneRunOperation(r.s, m)
	}
	r.s.store.put(m.GetName(), m)
	op := r.s.begin(&operation{
		name:   runOperationName(m.GetName()),
		kind:   "DELETE",
		target: m.GetName(),
		detail: &runDetail{last: m},
		finish: func() error {
			if err := r.s.checkIdle(m.GetName()); err != nil {
				r.keep(m.GetName())
				return err
			}
			r.s.forget(m.GetName())
			return nil
		},
		fail: func(error) { r.keep(m.GetName()) },
	})
	return r.s.renderRunOperation(op)
}

// keep takes back a deletion that failed.
func (r *runRevisions) keep(name string) {
	update(r.s.store, name, func(m *runpb.Revision) { m.DeleteTime, m.ExpireTime, m.Reconciling = nil, nil, false })
}

// checkIdle refuses the deletion of a revision that is the latest or gets traffic, by percent or by tag.
// Source: https://cloud.google.com/run/docs/managing/revisions#delete; the first text as users see it, the second is not
// recorded.
func (s *Server) checkIdle(name string) error {
	var latest []string
	var serving []string
	owner := collectionOf(collectionOf(name))
	if m, ok := lookup[*runpb.Service](s.store, owner); ok {
		latest = []string{m.GetLatestCreatedRevision()}
		for _, t := range m.GetTraffic() {
			serving = append(serving, cmp.Or(t.GetRevision(), lastSegment(m.GetLatestReadyRevision())))
		}
	}
	if m, ok := lookup[*runpb.WorkerPool](s.store, owner); ok {
		latest = []string{m.GetLatestCreatedRevision()}
		for _, t := range m.GetInstanceSplits() {
			serving = append(serving, cmp.Or(t.GetRevision(), lastSegment(m.GetLatestReadyRevision())))
		}
	}
	switch {
	case slices.Contains(latest, name):
		return precondition("latest created Revision cannot be directly deleted")
	case slices.Contains(serving, lastSegment(name)):
		return precondition("Revision '%s' receives traffic and cannot be deleted.", lastSegment(name))
	}
	return nil
}

// segment is the n-th segment of a name, from 0.
func segment(name string, n int) string {
	parts := strings.Split(name, "/")
	if n >= len(parts) {
		return ""
	}
	return parts[n]
}
