package identity_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

const annotation = "iam.gke.io/gcp-service-account"

// inCluster is an identity in the shared cluster, with a name and a namespace of the test's own.
func inCluster(env *acctest.Env, cluster string, lines ...string) string {
	return identity(slices.Concat([]string{
		`name = "` + env.Name("shop") + `"`, `cluster = "` + cluster + `"`, `namespace = "` + env.Name("web") + `"`,
	}, lines)...)
}

// account reads the Kubernetes service account; nil when it is not there.
func account(t *testing.T, env *acctest.Env, cluster string) *corev1.ServiceAccount {
	t.Helper()
	live, err := env.Kubernetes(t, cluster).CoreV1().ServiceAccounts(env.Name("web")).Get(t.Context(), env.Name("shop"), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return live
}

func TestDirectIdentity(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	principal := "principal://iam.googleapis.com/projects/" + acctest.ProjectNumber + "/locations/global/workloadIdentityPools/acme-dev.svc.id.goog/subject/ns/" +
		env.Name("web") + "/sa/" + env.Name("shop")
	id := cluster + "/namespaces/" + env.Name("web") + "/serviceAccounts/" + env.Name("shop")
	const role = "roles/logging.logWriter"
	config := env.Config(inCluster(env, cluster, grants(role)))
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{
			Config: config,
			ConfigStateChecks: []statecheck.StateCheck{
				at("id", knownvalue.StringExact(id)),
				at("principal", knownvalue.StringExact(principal)),
				at("email", knownvalue.Null()),
				at("service_account_id", knownvalue.Null()),
				at("kubernetes_service_account", knownvalue.StringExact(env.Name("shop"))),
				isStatus("ready"),
			},
			PostApplyFunc: func() {
				live := account(t, env, cluster)
				if live == nil || live.AutomountServiceAccountToken == nil || *live.AutomountServiceAccountToken {
					t.Errorf("service account %+v", live)
				} else if len(live.Annotations) != 0 {
					t.Errorf("annotations %v", live.Annotations)
				}
				if got := membersOf(t, env, "projects/acme-dev", role); !slices.Contains(got, principal) {
					t.Errorf("members %v", got)
				}
			},
		},
		{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: id},
		{
			PreConfig: func() {
				err := env.Kubernetes(t, cluster).CoreV1().ServiceAccounts(env.Name("web")).Delete(t.Context(), env.Name("shop"), metav1.DeleteOptions{})
				if err != nil {
					t.Fatal(err)
				}
			},
			Config:            config,
			ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{isStatus("ready")},
			PostApplyFunc: func() {
				if account(t, env, cluster) == nil {
					t.Error("the service account was not made again")
				}
			},
		},
		{
			PreConfig:         func() { annotate(t, env, cluster, "somebody@else.iam.gserviceaccount.com") },
			Config:            config,
			ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{isStatus("ready")},
			PostApplyFunc: func() {
				if got := account(t, env, cluster).Annotations; len(got) != 0 {
					t.Errorf("annotations %v", got)
				}
			},
		},
	}})
	if account(t, env, cluster) != nil {
		t.Error("the service account is left")
	}
}

func annotate(t *testing.T, env *acctest.Env, cluster, value string) {
	t.Helper()
	live := account(t, env, cluster)
	if live.Annotations == nil {
		live.Annotations = map[string]string{}
	}
	live.Annotations[annotation] = value
	if _, err := env.Kubernetes(t, cluster).CoreV1().ServiceAccounts(live.Namespace).Update(t.Context(), live, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestImpersonatingIdentity(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	email := env.Name("shop") + "@acme-dev.iam.gserviceaccount.com"
	config := env.Config(inCluster(env, cluster, `mode = "service_account"`, grants("roles/logging.logWriter")))
	ksa := "serviceAccount:acme-dev.svc.id.goog[" + env.Name("web") + "/" + env.Name("shop") + "]"
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{
			Config: config,
			ConfigStateChecks: []statecheck.StateCheck{
				at("email", knownvalue.StringExact(email)),
				at("principal", knownvalue.StringExact("serviceAccount:"+email)),
				isStatus("ready"),
			},
			PostApplyFunc: func() {
				if got := account(t, env, cluster).Annotations[annotation]; got != email {
					t.Errorf("annotation %q", got)
				}
				got := membersOf(t, env, "projects/acme-dev/serviceAccounts/"+email, "roles/iam.workloadIdentityUser")
				if strings.Join(got, " ") != ksa {
					t.Errorf("members %v", got)
				}
			},
		},
		{
			PreConfig:         func() { annotate(t, env, cluster, "somebody@else.iam.gserviceaccount.com") },
			Config:            config,
			ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{isStatus("ready")},
		},
		{
			PreConfig: func() {
				dropMember(t, env, "projects/acme-dev/serviceAccounts/"+email, "roles/iam.workloadIdentityUser", ksa)
			},
			Config:            config,
			ConfigPlanChecks:  acctest.PlannedAction(address, plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{isStatus("ready")},
		},
	}})
}
