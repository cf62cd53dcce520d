package deploy

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// secretAccessorRole lets a member read versions.
const secretAccessorRole = "roles/secretmanager.secretAccessor"

// secretAccessors gives those of members that have access.
func (c *Cloud) secretAccessors(ctx context.Context, id names.SecretID, members []string) ([]string, error) {
	if len(members) == 0 {
		return nil, nil
	}
	have, err := c.GCP.Policies().Has(ctx, secretPolicy(id), secretGrants(members))
	if err != nil {
		return nil, err
	}
	var present []string
	for i, member := range members {
		if have[i] {
			present = append(present, member)
		}
	}
	slices.Sort(present)
	return present, nil
}

func (c *Cloud) secretGrant(ctx context.Context, id names.SecretID, members []string) error {
	if len(members) == 0 {
		return nil
	}
	return secretAccessorError(id, c.GCP.Policies().AddExisting(ctx, secretPolicy(id), secretGrants(members)))
}

func (c *Cloud) secretRevoke(ctx context.Context, id names.SecretID, members []string) error {
	if len(members) == 0 {
		return nil
	}
	return secretAccessorError(id, c.GCP.Policies().Remove(ctx, secretPolicy(id), secretGrants(members)))
}

func secretPolicy(id names.SecretID) gcp.PolicyRef {
	return gcp.PolicyRef{Kind: gcp.SecretPolicy, Name: id.String()}
}

func secretGrants(members []string) []gcp.Grant {
	grants := make([]gcp.Grant, 0, len(members))
	for _, member := range members {
		grants = append(grants, gcp.Grant{Role: secretAccessorRole, Member: member})
	}
	return grants
}

// accessorForms are the members that may be given access. IAM writes emails and domains in lower case, so others would
// show as changed in every plan.
// Source: https://cloud.google.com/iam/docs/principal-identifiers.
var accessorForms = regexp.MustCompile(`^(?:(?:user|serviceAccount|group):[^\sA-Z@:]+@[^\sA-Z@:]+|domain:[^\sA-Z@:]+` +
	`|serviceAccount:[^\sA-Z@]+\.svc\.id\.goog\[[a-z0-9-]+/[a-z0-9.-]+\]|principal(?:Set)?://[^\s]+)$`)

// CheckAccessor refuses what is not an IAM member, and members that stand for everybody.
func CheckAccessor(member string) error {
	switch {
	case member == "allUsers" || member == "allAuthenticatedUsers":
		return fmt.Errorf("%s would make the secret public", member)
	case accessorForms.MatchString(member):
		return nil
	default:
		return fmt.Errorf("%s is not an IAM member in lower case; for example %q", names.Quote(member),
			"serviceAccount:shop@acme-dev.iam.gserviceaccount.com")
	}
}
