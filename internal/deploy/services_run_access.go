package deploy

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// invokerRole lets its members call a service.
const invokerRole = "roles/run.invoker"

func (s *serviceRun) invokers(members []string) (gcp.PolicyRef, []gcp.Grant) {
	var grants []gcp.Grant
	for _, member := range members {
		grants = append(grants, gcp.Grant{Role: invokerRole, Member: member})
	}
	return gcp.PolicyRef{Kind: gcp.RunServicePolicy, Name: s.id.String()}, grants
}

// grantInvokers lets those call the service who are declared. Members that others granted stay.
func (s *serviceRun) grantInvokers(ctx context.Context) error {
	members := serviceInvokers(s.app)
	if len(members) == 0 {
		return nil
	}
	policy, grants := s.invokers(members)
	if err := s.cloud.GCP.Policies().AddExisting(ctx, policy, grants); err != nil {
		return s.invokerError(err)
	}
	return nil
}

func (s *serviceRun) revokeInvokers(ctx context.Context, members []string) error {
	if len(members) == 0 {
		return nil
	}
	policy, grants := s.invokers(members)
	if err := s.cloud.GCP.Policies().Remove(ctx, policy, grants); err != nil {
		return s.invokerError(err)
	}
	return nil
}

// serviceAccessRefused is a refusal of who may call a service. It says nothing against the service itself, which a create
// must not give up for it.
type serviceAccessRefused struct{ error }

// Unwrap gives the refusal.
func (e serviceAccessRefused) Unwrap() error { return e.error }

func isAccessRefused(err error) bool {
	var refused serviceAccessRefused
	return errors.As(err, &refused)
}

func (s *serviceRun) invokerError(err error) error {
	if missing := missingMember(err, "cloud_run", "invokers"); missing != nil {
		return serviceAccessRefused{missing}
	}
	told := &Error{
		Summary:   fmt.Sprintf("Cannot change who may call service %q", s.app.Name),
		Why:       "It needs " + invokerRole + " for the members in its policy.",
		Fix:       "Give the account that Terraform runs as run.services.setIamPolicy (roles/run.admin).",
		Attribute: []string{"cloud_run", "invokers"}, Err: err,
	}
	if s.app.CloudRun.Public {
		told.Why, told.Attribute = "It needs "+invokerRole+" for allUsers in its policy.", []string{"cloud_run", "public"}
	}
	if memberRefused(err) {
		s.tellRefusedMember(told)
	}
	if gcp.IsTransient(err) || gcp.Classify(err) == gcp.Canceled {
		return told
	}
	return serviceAccessRefused{told}
}

// refusedMember is what setIamPolicy answers under the constraint iam.allowedPolicyMemberDomains; the managed
// constraint iam.managed.allowedPolicyMembers names itself.
// Source: hundreds of public reports, such as googlemaps/js-route-optimization-app#198.
var refusedMember = regexp.MustCompile(`do not belong to a permitted customer|allowedPolicyMember`)

func memberRefused(err error) bool {
	return status.Code(err) == codes.FailedPrecondition && refusedMember.MatchString(err.Error())
}

func (s *serviceRun) tellRefusedMember(told *Error) {
	if !s.app.CloudRun.Public {
		told.Summary = fmt.Sprintf("The organization refuses a caller of service %q", s.app.Name)
		told.Why = "An organization policy (constraints/iam.allowedPolicyMemberDomains, domain restricted sharing) allows members of some domains only, " +
			"and one of cloud_run.invokers is none."
		told.Fix = "Name callers of those domains, or have the policy changed."
		return
	}
	told.Summary = fmt.Sprintf("The organization refuses that everybody may call service %q", s.app.Name)
	told.Why = "cloud_run.public grants allUsers " + invokerRole + ", and an organization policy (constraints/iam.allowedPolicyMemberDomains, domain " +
		"restricted sharing) refuses allUsers in any policy. Nobody can be asked about that before: setIamPolicy has no dry run."
	told.Fix = "Let Cloud Run leave the policy out of account: cloud_run = { public = false, invoker_iam_disabled = true }, which lets everybody call too. " +
		"Or name callers that the policy allows: cloud_run = { public = false, invokers = [\"serviceAccount:NAME@PROJECT.iam.gserviceaccount.com\"] }."
}

// invokerCheckRequired is how a change that switches the check off is refused where the organization requires it.
var invokerCheckRequired = regexp.MustCompile(`(?i)requireInvokerIam`)

// instanceQuota is how more instances are refused than the quota of a project's region allows.
// Source: public reports ("Max instances must be set to 10 or fewer in order to set the requested total CPU.").
var instanceQuota = regexp.MustCompile(`(?i)max instances must be set to|MaxInstancesLimit`)

// writeError puts the refusals of a write into words that know an attribute.
func (s *serviceRun) writeError(err error) error {
	switch {
	case err == nil:
		return nil
	case s.app.CloudRun.InvokerIAMDisabled && invokerCheckRequired.MatchString(err.Error()):
		return s.checkRequiredError(err)
	case instanceQuota.MatchString(err.Error()):
		return &Error{
			Summary: fmt.Sprintf("The quota does not allow as many instances as service %q may have", s.app.Name),
			Why:     "A project has a quota of instances in each region. The limit of a revision counts too, which is 100 unless it is declared.",
			Fix: "Set both to what the message allows, for example processes = { web = { scale = { max = 10 } } } and cloud_run = { revision_scale = " +
				"{ max = 10 } }; or ask for more of the quota.",
			Attribute: []string{"cloud_run", "revision_scale"}, Err: err,
		}
	default:
		return err
	}
}

func (s *serviceRun) checkRequiredError(err error) error {
	return &Error{
		Summary: fmt.Sprintf("The organization requires the invoker check of service %q", s.app.Name),
		Why: "cloud_run.invoker_iam_disabled switches it off, and an organization policy (constraints/run.managed.requireInvokerIam) refuses that. " +
			"Nothing was changed.",
		Fix: "Name the callers: cloud_run = { invokers = [\"serviceAccount:NAME@PROJECT.iam.gserviceaccount.com\"] }; or public = true where allUsers is " +
			"allowed; or have the policy changed for this project.",
		Attribute: []string{"cloud_run", "invoker_iam_disabled"}, Err: err,
	}
}
