package fakegcp

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The constraints that an organization policy can enforce here, in every project.
const (
	// AllowedPolicyMemberDomains is domain restricted sharing: no policy may be given allUsers or allAuthenticatedUsers.
	AllowedPolicyMemberDomains = "iam.allowedPolicyMemberDomains"
	// RequireInvokerIAM refuses Cloud Run services whose invoker check is switched off.
	RequireInvokerIAM = "run.managed.requireInvokerIam"
)

var constraintNames = []string{AllowedPolicyMemberDomains, RequireInvokerIAM}

// constraints are those that are enforced, by name.
type constraints map[string]bool

// SetConstraint has an organization policy enforce a constraint, with or without "constraints/" before its name, or no
// longer. It is about changes made from now on: what is there stays. The error names the constraints that there are.
func (s *Server) SetConstraint(name string, enforced bool) error {
	name = strings.TrimPrefix(name, "constraints/")
	if !slices.Contains(constraintNames, name) {
		return fmt.Errorf("constraint %q: want one of %q", name, constraintNames)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	if s.constraints == nil {
		s.constraints = constraints{}
	}
	s.constraints[name] = enforced
	return nil
}

// Constraints lists the constraints that are enforced.
func (s *Server) Constraints() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(constraintNames), func(name string) bool { return !s.constraints[name] })
}

// checkMember refuses to give a policy a new member.
// Source of the text, double space included, and of the code: googlemaps/js-route-optimization-app#198,
// GoogleCloudPlatform/genai-for-marketing#153, LayerZero-Labs/gasolina-gcp#15 (REST shows 400 failedPrecondition).
func (c constraints) checkMember(member string) error {
	if !c[AllowedPolicyMemberDomains] || member != "allUsers" && member != "allAuthenticatedUsers" {
		return nil
	}
	return precondition("One or more users named in the policy do not belong to a permitted customer,  perhaps due to an organization policy.")
}

// checkInvokerIAM refuses a service without invoker check. Neither text nor code is recorded; both are after those of
// other managed constraints.
func (c constraints) checkInvokerIAM(name string, disabled bool) error {
	if !disabled || !c[RequireInvokerIAM] {
		return nil
	}
	st := status.New(codes.FailedPrecondition, fmt.Sprintf("Operation denied by org policy on resource '%s': "+
		"[\"constraints/%s\": \"Services must require the Invoker IAM check.\"].", name, RequireInvokerIAM))
	detailed, err := st.WithDetails(&errdetails.ErrorInfo{
		Reason: "CUSTOM_ORG_POLICY_VIOLATION", Domain: "googleapis.com", Metadata: map[string]string{"customConstraints": "constraints/" + RequireInvokerIAM},
	})
	if err != nil {
		return st.Err()
	}
	return detailed.Err()
}

func (s *Server) controlConstraints(*http.Request) (any, error) { return s.Constraints(), nil }

func (s *Server) controlSetConstraint(r *http.Request) (any, error) {
	in, err := controlInput[struct {
		Constraint string `json:"constraint"`
		Enforced   *bool  `json:"enforced"`
	}](r)
	if err != nil {
		return nil, err
	}
	if in.Enforced == nil {
		return nil, errors.New("enforced is missing: want true or false")
	}
	return nil, s.SetConstraint(in.Constraint, *in.Enforced)
}
