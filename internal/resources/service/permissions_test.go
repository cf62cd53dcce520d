package service_test

import (
	"strings"
	"testing"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// TestServiceOnCloudRun_leastPrivilege goes through a whole life: processes, secrets and files that come and go, callers,
// a run of another stack, and a version of the files' secret that is there once too often.
func TestServiceOnCloudRun_leastPrivilege(t *testing.T) {
	t.Parallel()
	const key = "projects/" + acctest.Project + "/secrets/key"
	config := func(more acctest.Attributes, processes ...string) acctest.Attributes {
		declared := map[string]acctest.Attributes{"web": {}}
		for _, process := range processes {
			declared[process] = acctest.Attributes{"command": []string{"/app", process}}
		}
		all := acctest.Attributes{
			"name": "shop", "image": image, "processes": declared,
			"cloud_run": acctest.Attributes{"location": acctest.Region, "invokers": []string{"group:callers@example.com"}},
		}
		for name, value := range more {
			all[name] = value
		}
		return all
	}
	files := func(text string) map[string]string {
		return map[string]string{"/etc/app/app.conf": "level = " + text + "\n"}
	}
	full := config(acctest.Attributes{
		"config_files": files("a"), "secrets": map[string]string{"KEY": key + "/versions/1"},
		"secret_files": map[string]string{"/etc/keys/key": key + "/versions/1"},
	}, "worker")
	acctest.Privileges{
		Noun: noun, Row: "`twelvefactor_service` on Cloud Run", Canaries: acctest.NewCanaries,
		Prepare: func(t testing.TB, env *acctest.Env) { makeSecret(t, env, key) },
		Life: func(l *acctest.Life) string {
			apply := func(config acctest.Attributes) func() string {
				return func() string {
					said := l.Apply(config)
					if strings.Contains(said, unchecked) {
						l.Errorf("the plan could not be checked by who may apply it:\n%s", said)
					}
					return said
				}
			}
			return acctest.Steps(
				apply(full), l.Refresh,
				apply(config(acctest.Attributes{"config_files": files("b"), "secrets": map[string]string{"KEY": key + "/versions/1"}}, "worker", "mailer")), l.Refresh,
				func() string {
					done(l, l.Env.Fake.Inject(fakegcp.Fault{Method: "AddSecretVersion", Occurrence: 1, When: fakegcp.After, Code: codes.Unavailable}))
					return apply(config(acctest.Attributes{"config_files": files("c")}, "mailer"))()
				}, l.Refresh,
				func() string { // as a run of another stack has left them
					done(l, l.Env.Fake.UpdateSecret("projects/"+acctest.Project+"/secrets/shop-"+acctest.Region+"-files", func(s *secretmanagerpb.Secret) {
						s.Labels["twelvefactor-stack"] = "other"
					}))
					done(l, l.Env.Fake.UpdateServiceAccount(accountName, func(a *adminpb.ServiceAccount) {
						a.Description = strings.Replace(a.GetDescription(), "stack=", "stack=other", 1)
					}))
					return apply(config(acctest.Attributes{"config_files": files("d")}))()
				}, l.Refresh,
				func() string { return l.Import(runID) },
				l.Destroy,
			)
		},
		// Without the first, grants of a create that was killed halfway stay; without the other, a version that cannot be
		// mounted is told by the rollout. Neither lack is told.
		Elsewhere: []string{"secretmanager.secrets.list", "secretmanager.versions.get"},
	}.Check(t)
}

// accountName is the account that the service makes for itself.
const accountName = "projects/" + acctest.Project + "/serviceAccounts/shop-" + acctest.Region + "@" + acctest.Project + ".iam.gserviceaccount.com"

// done ends a step that could not be prepared.
func done(l *acctest.Life, err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// makeSecret makes a secret of somebody else.
func makeSecret(t testing.TB, env *acctest.Env, name string) {
	t.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	defer func() { _ = client.Close() }()
	_, err := client.Secrets().Create(t.Context(), name, &secretmanagerpb.Secret{
		Replication: &secretmanagerpb.Replication{Replication: &secretmanagerpb.Replication_Automatic_{}},
	})
	if err == nil {
		_, err = client.SecretVersions().Add(t.Context(), name, secret.FromString("value"))
	}
	if err != nil {
		t.Fatal(err)
	}
}
