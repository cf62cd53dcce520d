package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// serviceAccessor is the one role that a service's identity gets, on exactly the secrets that the service names.
const serviceAccessor = "roles/secretmanager.secretAccessor"

// serviceSecrets lists the secrets that an app reads, by full name, each once.
func serviceSecrets(a app.App) []string {
	found := map[string]bool{}
	var versions []string
	for _, use := range app.SecretUses(a) {
		versions = append(versions, use.Version)
	}
	for _, version := range slices.AppendSeq(versions, maps.Values(a.SecretFiles)) {
		if id, err := names.ParseSecretVersionID(version); err == nil {
			found[id.SecretID().String()] = true
		}
	}
	if files, ok := serviceFilesSecret(a); ok && len(a.ConfigFiles) > 0 {
		found[files.String()] = true
	}
	return slices.Sorted(maps.Keys(found))
}

func serviceSecretPolicy(secret string) (gcp.PolicyRef, func(member string) []gcp.Grant) {
	return gcp.PolicyRef{Kind: gcp.SecretPolicy, Name: secret}, func(member string) []gcp.Grant {
		return []gcp.Grant{{Role: serviceAccessor, Member: member}}
	}
}

// serviceGrant lets member read the secrets, side by side.
func (c *Cloud) serviceGrant(ctx context.Context, member string, secrets []string) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, secret := range secrets {
		policy, to := serviceSecretPolicy(secret)
		group.Go(func() error {
			if err := c.GCP.Policies().Add(ctx, policy, to(member)); err != nil {
				return &Error{
					Summary:   fmt.Sprintf("Cannot grant access to %s", secret),
					Why:       fmt.Sprintf("The service's identity %s needs %s on it.", member, serviceAccessor),
					Attribute: []string{"secrets"}, Err: err,
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// serviceRevoke takes the grants back. It goes on after a failure, so that as little as possible is left.
func (c *Cloud) serviceRevoke(ctx context.Context, member string, secrets []string) error {
	var group errgroup.Group
	for _, secret := range secrets {
		policy, to := serviceSecretPolicy(secret)
		group.Go(func() error {
			if err := c.GCP.Policies().Remove(ctx, policy, to(member)); err != nil {
				return &Error{Summary: fmt.Sprintf("Cannot take back access to %s", secret), Attribute: []string{"secrets"}, Err: err}
			}
			return nil
		})
	}
	return group.Wait()
}

// grantSeen is what one look at a grant found.
type grantSeen int

const (
	// grantHidden is one that the caller may not see, or whose secret is gone.
	grantHidden grantSeen = iota
	grantMissing
	grantThere
)

// serviceGrantsSeen looks at the grants on the secrets, side by side.
func (c *Cloud) serviceGrantsSeen(ctx context.Context, member string, secrets []string) ([]grantSeen, error) {
	seen := make([]grantSeen, len(secrets))
	group, ctx := errgroup.WithContext(ctx)
	for i, secret := range secrets {
		policy, to := serviceSecretPolicy(secret)
		group.Go(func() error {
			has, err := c.GCP.Policies().Has(ctx, policy, to(member))
			switch {
			case serviceHidden(err):
				return nil
			case err != nil:
				return err
			case has[0]:
				seen[i] = grantThere
			default:
				seen[i] = grantMissing
			}
			return nil
		})
	}
	return seen, group.Wait()
}

// serviceHidden recognises answers about what is not there for this caller.
func serviceHidden(err error) bool {
	kind := gcp.Classify(err)
	return err != nil && (kind == gcp.PermissionDenied || kind == gcp.NotFound)
}

// serviceGrantDrift tells which grants are missing. What the caller may not see is not reported, nor is a secret that
// is gone: the version that names it is.
func serviceGrantDrift(member string, secrets []string, seen []grantSeen) []string {
	var drift []string
	for i, secret := range secrets {
		if seen[i] == grantMissing {
			drift = append(drift, fmt.Sprintf("%s %s: %s -> (missing)", secret, serviceAccessor, member))
		}
	}
	return drift
}

// serviceGrantObjects names the grants for the list of what was wired.
func serviceGrantObjects(member string, secrets []string) []string {
	var objects []string
	for _, secret := range secrets {
		objects = append(objects, fmt.Sprintf("%s %s %s", secret, serviceAccessor, member))
	}
	return objects
}
