package deploy

import (
	"errors"
	"fmt"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// The modes of an identity.
const (
	// IdentityDirect grants to the Kubernetes service account's own principal, without a Google service account.
	IdentityDirect = "direct"
	// IdentityServiceAccount grants to a Google service account, which the Kubernetes one impersonates.
	IdentityServiceAccount = "service_account"
)

// IdentityModes lists the modes.
func IdentityModes() []string { return []string{IdentityDirect, IdentityServiceAccount} }

// The statuses of an identity.
const (
	IdentityReady    = "ready"
	IdentityCreating = "creating"
	IdentityDegraded = "degraded"
)

// identityAnnotation connects a Kubernetes service account with the Google service account that it impersonates.
// Source: https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity.
const identityAnnotation = "iam.gke.io/gcp-service-account"

// workloadIdentityUser lets a Kubernetes service account impersonate the account whose policy it is in.
const workloadIdentityUser = "roles/iam.workloadIdentityUser"

// IdentitySpec is who an app is.
type IdentitySpec struct {
	// Name is the name of the Kubernetes service account, and the display name of the Google one.
	Name string
	// Project is where the Google service account is.
	Project string
	// Cluster and Namespace place the Kubernetes service account. Without a cluster (nil) there is only the Google one.
	Cluster   *names.ClusterID
	Namespace string
	// Mode is IdentityDirect or IdentityServiceAccount.
	Mode string
	// AccountID is the part of the Google service account's email before the @.
	AccountID string
	// UniqueID is the number of the Google service account, as far as the state knows it. It outlives the deletion of the
	// account, which can be brought back by it.
	UniqueID string
	// Grants are the roles that the identity has, and AllowRoles those of IdentityOwnerRoles that may be among them.
	Grants     []IdentityGrant
	AllowRoles []string
}

// IdentityGrant is one role on one target, perhaps under a condition: on a project (its id), a secret (its full name, of
// a global or a regional one) or another service account (projects/P/serviceAccounts/EMAIL).
type IdentityGrant struct {
	Role, Project, Secret, ServiceAccount string
	// Condition is the zero value for none.
	Condition IdentityCondition
}

// IdentityCondition is an IAM condition. Grants of one role on one target under different conditions are different grants.
type IdentityCondition struct{ Title, Description, Expression string }

// IdentityState is what is live of an identity.
type IdentityState struct {
	// Principal is the IAM member to grant to.
	Principal string
	// Email is the Google service account's, empty in direct mode, as are its full name and its number.
	Email, ServiceAccount, UniqueID string
	// KubeServiceAccount is the name of the Kubernetes service account, empty without a cluster.
	KubeServiceAccount string
	// Grants are those of the declared grants that are in the policies; of an account that was deleted, those that would
	// count again if it came back.
	Grants []IdentityGrant
	Status string
	// Drift says what is not as declared, grants excepted: "object: declared -> actual".
	Drift []string
	// Unreachable says that the cluster could not be asked: Status and Drift do not cover what is in it.
	Unreachable bool
}

// ID is the full name of the Kubernetes service account, or of the Google one without a cluster.
func (s IdentitySpec) ID() string {
	if s.Cluster != nil {
		return s.kubeAccount().String()
	}
	return s.account().String()
}

func (s IdentitySpec) kubeAccount() names.KubeServiceAccountID {
	return names.KubeServiceAccountID{Cluster: *s.Cluster, Namespace: s.Namespace, Name: s.Name}
}

func (s IdentitySpec) hasAccount() bool { return s.Mode == IdentityServiceAccount }

func (s IdentitySpec) account() names.ServiceAccountName {
	return names.ServiceAccountName{Project: s.Project, Email: s.email()}
}

// serviceAccount is the full name of the Google service account, empty in direct mode.
func (s IdentitySpec) serviceAccount() string {
	if !s.hasAccount() {
		return ""
	}
	return s.account().String()
}

// email is empty in direct mode.
func (s IdentitySpec) email() string {
	if !s.hasAccount() {
		return ""
	}
	return names.ServiceAccountEmail(s.Project, s.AccountID)
}

// impersonation is the grant that lets the Kubernetes service account be the Google one; none without both.
func (s IdentitySpec) impersonation() (gcp.PolicyRef, []gcp.Grant) {
	ref := gcp.PolicyRef{Kind: gcp.ServiceAccountPolicy, Name: s.account().String()}
	if !s.hasAccount() || s.Cluster == nil {
		return ref, nil
	}
	member := names.WorkloadIdentityMember(s.Cluster.Project, s.Namespace, s.Name)
	return ref, []gcp.Grant{{Role: workloadIdentityUser, Member: member}}
}

// identityError puts a failure into the user's words; one that already is in them stays.
func identityError(what string, err error, attribute ...string) error {
	var told *Error
	if err == nil || errors.As(err, &told) {
		return err
	}
	return &Error{Summary: what, Attribute: attribute, Err: err}
}

// identityExists refuses to take over an account that is there and finished, or somebody else's.
func identityExists(spec IdentitySpec, noun, name string) error {
	return &Error{
		Summary: fmt.Sprintf("%s %s already exists", noun, names.Quote(name)),
		Why: "It was there before, and it is not the rest of an interrupted create of this stack. Another state, or a person, " +
			"may own it, so it is not taken over silently",
		Fix: fmt.Sprintf("Choose another name, or import it:\n\nimport {\n  to = twelvefactor_workload_identity.NAME\n  id = %q\n}",
			spec.ID()),
		Attribute: []string{"name"},
	}
}
