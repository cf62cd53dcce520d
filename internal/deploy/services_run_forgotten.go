package deploy

import (
	"context"
	"slices"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// forgottenAtOnce is how many policies are read at a time.
const forgottenAtOnce = 20

// takeBackForgotten revokes what the service's own account may read and the declaration does not name, when the account is
// there and the service is not: a create that was stopped in between has granted it, for another declaration perhaps, and
// the record of what it granted would have come with the service. Secrets that the caller may not list stay as they are.
func (s *serviceRun) takeBackForgotten(ctx context.Context) error {
	kept := serviceSecrets(s.app)
	projects := []string{s.id.Project}
	for _, secret := range kept {
		if id, err := names.ParseSecretID(secret); err == nil && !slices.Contains(projects, id.Project) {
			projects = append(projects, id.Project)
		}
	}
	member, err := s.member(ctx, serviceIdentity(s.app))
	if err != nil {
		return err
	}
	for _, project := range projects {
		all, err := s.cloud.GCP.Secrets().List(ctx, "projects/"+project)
		if serviceHidden(err) {
			continue
		}
		if err != nil {
			return err
		}
		for some := range slices.Chunk(serviceOtherSecrets(all, kept), forgottenAtOnce) {
			if err := s.cloud.revokeSeen(ctx, member, some); err != nil {
				return err
			}
		}
	}
	return nil
}

// revokeSeen revokes the grants of the secrets that have one.
func (c *Cloud) revokeSeen(ctx context.Context, member string, secrets []string) error {
	seen, err := c.serviceGrantsSeen(ctx, member, secrets)
	if err != nil {
		return err
	}
	var granted []string
	for i, secret := range secrets {
		if seen[i] == grantThere {
			granted = append(granted, secret)
		}
	}
	return c.serviceRevoke(ctx, member, granted)
}
