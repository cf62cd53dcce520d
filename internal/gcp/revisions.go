package gcp

import (
	"context"
	"errors"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/api/iterator"
)

// maxRevisions bounds a listing: Cloud Run keeps a thousand of a service. Source: cloud.google.com/run/quotas.
const maxRevisions = 10_000

var errManyRevisions = errors.New("there are more revisions than Cloud Run keeps")

// Revisions lists the revisions of a service or worker pool by its full name.
func (c *Client) Revisions(ctx context.Context, parent string) ([]*runpb.Revision, error) {
	api, err := c.revisionsAPI(ctx)
	if err != nil {
		return nil, err
	}
	var all []*runpb.Revision
	pages := api.ListRevisions(ctx, &runpb.ListRevisionsRequest{Parent: parent})
	for {
		revision, err := pages.Next()
		switch {
		case errors.Is(err, iterator.Done):
			return all, nil
		case err != nil:
			return nil, err
		case len(all) == maxRevisions:
			return nil, errManyRevisions
		}
		all = append(all, revision)
	}
}
