package deploy_test

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// Every refusal of a grant names the object, the cause and the next step, at grants.
func TestRefusedGrantsAreExplained(t *testing.T) {
	t.Parallel()
	const project, nobody = "acme-dev", "projects/acme-dev/serviceAccounts/nobody@acme-dev.iam.gserviceaccount.com"
	night := deploy.IdentityCondition{Title: "at night", Expression: "nonsense("}
	refused := func(message string) *fakegcp.Fault {
		return &fakegcp.Fault{Method: "SetIamPolicy", Code: codes.InvalidArgument, Message: message}
	}
	tests := map[string]struct {
		grant             deploy.IdentityGrant
		fault             *fakegcp.Fault
		summary, why, fix string
	}{
		"permission denied on a project": {
			grant:   deploy.IdentityGrant{Role: "roles/cloudsql.client", Project: project},
			fault:   &fakegcp.Fault{Method: "Projects/SetIamPolicy", Code: codes.PermissionDenied, Message: "The caller does not have permission"},
			summary: "Cannot grant roles on project projects/acme-dev", why: "may not read or change its policy",
			fix: "resourcemanager.projects.getIamPolicy and .setIamPolicy",
		},
		"a project that may not be read": {
			grant:   deploy.IdentityGrant{Role: "roles/cloudsql.client", Project: "another"},
			summary: "project projects/another", why: "or the project does not exist", fix: "correct the name in grants: project =",
		},
		"unknown role": {
			grant:   deploy.IdentityGrant{Role: "roles/cloudsql.klient", Project: project},
			fault:   refused("Role roles/cloudsql.klient is not supported for this resource."),
			summary: "project projects/acme-dev", why: "no role of that name", fix: "projects/acme-dev/roles/shopReader",
		},
		"a role of another kind of object": {
			grant:   deploy.IdentityGrant{Role: "roles/bigtable.user", Secret: identitySecret},
			fault:   refused("Role (roles/bigtable.user) does not exist in the resource's hierarchy."),
			summary: "secret projects/acme-dev/secrets/payments", why: "cannot be granted on a secret: roles/bigtable.user", fix: "Correct role in grants",
		},
		"missing secret": {
			grant:   deploy.IdentityGrant{Role: "roles/secretmanager.secretAccessor", Secret: "projects/acme-dev/secrets/none"},
			summary: "secret projects/acme-dev/secrets/none", why: "The secret does not exist", fix: "secret = twelvefactor_secret.NAME.id",
		},
		"missing account": {
			grant:   deploy.IdentityGrant{Role: "roles/iam.serviceAccountUser", ServiceAccount: nobody},
			summary: "service account " + nobody, why: "The service account does not exist", fix: "twelvefactor_workload_identity.NAME.service_account",
		},
		"condition refused": {
			grant:   deploy.IdentityGrant{Role: "roles/cloudsql.client", Project: project, Condition: night},
			fault:   refused("LintValidationUnits/ConditionCompileCheck Error: Expression compilation failed."),
			summary: "project projects/acme-dev", why: `"at night"`, fix: "Correct expression in the condition",
		},
		"a full policy": {
			grant:   deploy.IdentityGrant{Role: "roles/cloudsql.client", Project: project},
			fault:   refused("The number of members in the policy (1,501) is larger than the maximum allowed size 1,500."),
			summary: "project projects/acme-dev", why: "The policy of the project is full. IAM takes 1,500 members", fix: "those that begin with deleted: first",
		},
		"no reason given": {
			grant:   deploy.IdentityGrant{Role: "roles/cloudsql.client", Project: project, Condition: night},
			fault:   refused("Request contains an invalid argument."),
			summary: "project projects/acme-dev", why: "roles/cloudsql.client; under " + `"at night"`, fix: "role and condition in grants",
		},
		"a role that nobody allowed": {
			grant:   deploy.IdentityGrant{Role: "roles/owner", Project: project},
			summary: "Cannot grant roles/owner", why: `allow_roles = ["roles/owner"]`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newIdentityBench(t)
			if test.fault != nil {
				if err := b.fake.Inject(*test.fault); err != nil {
					t.Fatal(err)
				}
			}
			spec := identitySpec()
			spec.Grants = []deploy.IdentityGrant{test.grant}
			err := b.apply(spec)
			var told *deploy.Error
			if !errors.As(err, &told) {
				t.Fatalf("error %v", err)
			}
			for text, want := range map[string]string{told.Summary: test.summary, told.Why: test.why, told.Fix: test.fix} {
				if !strings.Contains(text, want) {
					t.Errorf("%q does not say %q", text, want)
				}
			}
			if strings.Join(told.Attribute, ".") != "grants" {
				t.Errorf("at %v", told.Attribute)
			}
		})
	}
}

// A caller who may not undelete is told so, and no account is made in the place of the deleted one.
func TestAnAccountThatMayNotBeBroughtBackIsNotShadowed(t *testing.T) {
	t.Parallel()
	b := newIdentityBench(t)
	destroyedIdentity(b)
	fault := fakegcp.Fault{Method: "UndeleteServiceAccount", Code: codes.PermissionDenied, Message: "Permission 'iam.serviceAccounts.undelete' denied."}
	if err := b.fake.Inject(fault); err != nil {
		t.Fatal(err)
	}
	err := b.apply(identitySpec())
	if err == nil || !strings.Contains(err.Error(), "iam.serviceAccounts.undelete, for example with roles/iam.serviceAccountAdmin") {
		t.Errorf("error %v", err)
	}
	if b.account() != nil || b.state != nil {
		t.Error("a new account was made")
	}
}

// An account whose policy may not be changed is not deleted with the grant in it, which would come back with the account.
func TestAnImpersonationThatMayNotBeEndedIsToldBeforeTheAccountIsDeleted(t *testing.T) {
	t.Parallel()
	b := newIdentityBench(t)
	impersonatedIdentity(b)
	fault := fakegcp.Fault{Method: "IAM/SetIamPolicy", Resource: identityEmail, Code: codes.PermissionDenied, Message: "Permission 'iam.serviceAccounts.setIamPolicy' denied."}
	if err := b.fake.Inject(fault); err != nil {
		t.Fatal(err)
	}
	err := b.destroy()
	if err == nil || !strings.Contains(err.Error(), "Give the caller iam.serviceAccounts.getIamPolicy and .setIamPolicy on it") || b.account() == nil {
		t.Errorf("account %v, error %v", b.account(), err)
	}
}

// A caller who may read no policy makes an account all the same: that one was deleted is then not known.
func TestPoliciesThatMayNotBeReadTellNothing(t *testing.T) {
	t.Parallel()
	b := newIdentityBench(t)
	if err := b.fake.Inject(fakegcp.Fault{Method: "Projects/GetIamPolicy", Code: codes.PermissionDenied}); err != nil {
		t.Fatal(err)
	}
	spec := identitySpec()
	spec.Grants = nil
	b.mustApply(spec)
}
