package fakegcp_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"
)

const regionalKey = location + "/secrets/shop-key"

// regional makes a regional secret with one version per payload.
func (c *cloud) regional(payloads ...string) {
	c.t.Helper()
	_, err := c.createSecret(location, "shop-key", &secretmanagerpb.Secret{Labels: map[string]string{"team": "shop"}})
	must(c.t, err)
	for _, p := range payloads {
		_, err := c.add(regionalKey, []byte(p))
		must(c.t, err)
	}
}

func TestConformanceRegionalSecrets(t *testing.T) {
	fact(t, "1.3", "versions of regional secrets have their states, aliases and filters", "service.proto, additional bindings", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key", "global")
		c.regional("one", "two")
		_, err := c.updateSecret(&secretmanagerpb.Secret{Name: regionalKey, VersionAliases: map[string]int64{"live": 1}}, "version_aliases")
		must(t, err)
		for version, want := range map[string]string{"1": "one", "live": "one", "latest": "two"} {
			r, err := c.secrets.AccessSecretVersion(c.ctx(), &secretmanagerpb.AccessSecretVersionRequest{Name: regionalKey + "/versions/" + version})
			if string(r.GetPayload().GetData()) != want || err != nil {
				t.Errorf("version %s is %q, %v", version, r.GetPayload().GetData(), err)
			}
		}
		name := regionalKey + "/versions/2"
		v, err := c.secrets.DisableSecretVersion(c.ctx(), &secretmanagerpb.DisableSecretVersionRequest{Name: name})
		must(t, err)
		if want := numbered + "/locations/asia-northeast1/secrets/shop-key/versions/2"; v.GetName() != want {
			t.Errorf("name %s, want %s", v.GetName(), want)
		}
		_, err = c.secrets.AccessSecretVersion(c.ctx(), &secretmanagerpb.AccessSecretVersionRequest{Name: name})
		wantError(t, err, codes.FailedPrecondition, "["+numbered+"/locations/asia-northeast1/secrets/shop-key/versions/2] is in DISABLED state.")
		list, err := c.secrets.ListSecretVersions(c.ctx(), &secretmanagerpb.ListSecretVersionsRequest{Parent: regionalKey, Filter: "state:ENABLED"})
		must(t, err)
		if len(list.GetVersions()) != 1 || !strings.HasSuffix(list.GetVersions()[0].GetName(), "/versions/1") {
			t.Errorf("enabled versions: %v", list.GetVersions())
		}
		_, err = c.secrets.EnableSecretVersion(c.ctx(), &secretmanagerpb.EnableSecretVersionRequest{Name: name})
		must(t, err)
		v, err = c.secrets.DestroySecretVersion(c.ctx(), &secretmanagerpb.DestroySecretVersionRequest{Name: name})
		must(t, err)
		if v.GetState() != secretmanagerpb.SecretVersion_DESTROYED {
			t.Errorf("destroyed: %v", v)
		}
		if got, err := c.access("1"); got != "global" || err != nil {
			t.Errorf("the global secret of the same name is %q, %v", got, err)
		}
	})
	fact(t, "1.3", "regional secrets are filtered, expire, delay destructions and are deleted with their versions", "service.proto, resources.proto", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key", "global")
		c.regional("one")
		for filter, want := range map[string]int{"labels.team=shop": 1, "name:shop": 1, "labels.team=pay": 0} {
			r, err := c.secrets.ListSecrets(c.ctx(), &secretmanagerpb.ListSecretsRequest{Parent: location, Filter: filter})
			must(t, err)
			if len(r.GetSecrets()) != want {
				t.Errorf("%s: %v", filter, r.GetSecrets())
			}
		}
		_, err := c.updateSecret(&secretmanagerpb.Secret{
			Name: regionalKey, VersionDestroyTtl: durationpb.New(24 * time.Hour),
			Expiration: &secretmanagerpb.Secret_Ttl{Ttl: durationpb.New(48 * time.Hour)},
		}, "version_destroy_ttl", "ttl")
		must(t, err)
		v, err := c.secrets.DestroySecretVersion(c.ctx(), &secretmanagerpb.DestroySecretVersionRequest{Name: regionalKey + "/versions/1"})
		must(t, err)
		if v.GetState() != secretmanagerpb.SecretVersion_DISABLED || v.GetScheduledDestroyTime() == nil {
			t.Errorf("with a delay: %v", v)
		}
		c.Advance(24 * time.Hour)
		v, err = c.secrets.GetSecretVersion(c.ctx(), &secretmanagerpb.GetSecretVersionRequest{Name: regionalKey + "/versions/1"})
		must(t, err)
		if v.GetState() != secretmanagerpb.SecretVersion_DESTROYED {
			t.Errorf("after the delay: %v", v)
		}
		c.Advance(24 * time.Hour)
		_, err = c.secrets.GetSecret(c.ctx(), &secretmanagerpb.GetSecretRequest{Name: regionalKey})
		wantError(t, err, codes.NotFound, "Secret ["+numbered+"/locations/asia-northeast1/secrets/shop-key] not found.")
		c.regional("anew")
		_, err = c.secrets.DeleteSecret(c.ctx(), &secretmanagerpb.DeleteSecretRequest{Name: regionalKey})
		must(t, err)
		_, err = c.secrets.GetSecretVersion(c.ctx(), &secretmanagerpb.GetSecretVersionRequest{Name: regionalKey + "/versions/1"})
		wantError(t, err, codes.NotFound, "not found")
		if got, err := c.access("1"); got != "global" || err != nil {
			t.Errorf("the global secret of the same name is %q, %v", got, err)
		}
	})
	fact(t, "1.3", "regional secrets have policies of their own and inherit the project's", "service.proto, SetIamPolicy", func(t *testing.T) {
		c := start(t)
		c.secret("shop-key", "global")
		c.regional("one")
		c.account("api-runner")
		const member = "serviceAccount:api-runner@acme-dev.iam.gserviceaccount.com"
		_, err := c.secrets.SetIamPolicy(c.ctx(), &iampb.SetIamPolicyRequest{
			Resource: regionalKey, Policy: &iampb.Policy{Bindings: []*iampb.Binding{{Role: "roles/secretmanager.secretAccessor", Members: []string{member}}}},
		})
		must(t, err)
		for _, name := range []string{regionalKey, numbered + "/locations/asia-northeast1/secrets/shop-key"} {
			policy, err := c.secrets.GetIamPolicy(c.ctx(), &iampb.GetIamPolicyRequest{Resource: name})
			must(t, err)
			if len(policy.GetBindings()) != 1 {
				t.Errorf("%s: %v", name, policy)
			}
		}
		policy, err := c.secrets.GetIamPolicy(c.ctx(), &iampb.GetIamPolicyRequest{Resource: shopKey})
		must(t, err)
		if len(policy.GetBindings()) != 0 {
			t.Errorf("the policy of the global secret: %v", policy)
		}
		must(t, c.AddToken("runner", member))
		runner := metadata.AppendToOutgoingContext(c.ctx(), "authorization", "Bearer runner")
		access := func(secret string) error {
			_, err := c.secrets.AccessSecretVersion(runner, &secretmanagerpb.AccessSecretVersionRequest{Name: secret + "/versions/1"})
			return err
		}
		must(t, access(regionalKey))
		wantError(t, access(shopKey), codes.PermissionDenied, "secretmanager.versions.access")
		_, err = c.secrets.SetIamPolicy(c.ctx(), &iampb.SetIamPolicyRequest{Resource: regionalKey, Policy: &iampb.Policy{}})
		must(t, err)
		must(t, c.UpdatePolicy(project, func(p *iampb.Policy) {
			p.Bindings = []*iampb.Binding{{Role: "roles/secretmanager.secretAccessor", Members: []string{member}}}
		}))
		must(t, access(regionalKey))
	})
	fact(t, "1.3", "every method has a path for regional secrets", "service.proto, google.api.http additional_bindings", func(t *testing.T) {
		c := start(t)
		const secret = "/v1/" + regionalKey
		c.steps([]exchanged{
			{"POST", "/v1/" + location + "/secrets?secretId=shop-key", `{"customerManagedEncryption":{"kmsKeyName":"` + location + `/keyRings/r/cryptoKeys/k"}}`, []string{`/locations/asia-northeast1/secrets/shop-key"`, `"kmsKeyName"`}},
			{"PATCH", secret + "?updateMask=labels", `{"labels":{"team":"pay"}}`, []string{`"team": "pay"`}},
			{"GET", secret, "", []string{`"team": "pay"`}},
			{"GET", "/v1/" + location + "/secrets?filter=labels.team%3Dpay", "", []string{`/secrets/shop-key"`}},
			{"POST", secret + ":addVersion", `{"payload":{"data":"aHVudGVyMg=="}}`, []string{`/locations/asia-northeast1/secrets/shop-key/versions/1"`, `"kmsKeyVersionName"`}},
			{"GET", secret + "/versions", "", []string{`/versions/1"`}},
			{"GET", secret + "/versions/1", "", []string{`"state": "ENABLED"`}},
			{"GET", secret + "/versions/latest:access", "", []string{`"data": "aHVudGVyMg=="`}},
			{"POST", secret + "/versions/1:disable", "", []string{`"state": "DISABLED"`}},
			{"POST", secret + "/versions/1:enable", "", []string{`"state": "ENABLED"`}},
			{"POST", secret + "/versions/1:destroy", "", []string{`"state": "DESTROYED"`}},
			{"POST", secret + ":setIamPolicy", `{"policy":{"bindings":[{"role":"roles/viewer","members":["user:a@example.com"]}]}}`, []string{"roles/viewer"}},
			{"GET", secret + ":getIamPolicy", "", []string{"roles/viewer"}},
			{"POST", secret + ":testIamPermissions", `{"permissions":["secretmanager.versions.access"]}`, []string{"secretmanager.versions.access"}},
			{"DELETE", secret, "", []string{"{}"}},
		})
		if code, body := c.curl(http.MethodGet, secret, ""); code != 404 {
			t.Errorf("after the deletion: %d %s", code, body)
		}
	})
}

func TestConformanceRunHasNoNameForRegionalSecrets(t *testing.T) {
	fact(t, "1.4", "a secret is named by itself or with its project", "google/cloud/run/v2/k8s.min.proto, SecretKeySelector and SecretVolumeSource", func(t *testing.T) {
		c := start(t)
		c.regional("one")
		c.secret("shop-key", "one")
		c.grantSecret("shop-key", "roles/secretmanager.secretAccessor", "serviceAccount:"+defaultCaller)
		for name, ok := range map[string]bool{
			"shop-key": true, shopKey: true, numbered + "/secrets/shop-key": true, regionalKey: false, "a/b": false, "": false,
			shopKey + "/versions/1": false,
		} {
			m := container()
			m.Env = []*runpb.EnvVar{fromSecret("KEY", name, "1")}
			_, err := c.services.CreateService(c.ctx(), &runpb.CreateServiceRequest{Parent: location, ServiceId: "api", Service: service(m), ValidateOnly: true})
			checkSecretName(t, "service", name, ok, err)
			volume := service(container())
			volume.Template.Volumes = []*runpb.Volume{{Name: "v", VolumeType: &runpb.Volume_Secret{Secret: &runpb.SecretVolumeSource{Secret: name}}}}
			_, err = c.services.CreateService(c.ctx(), &runpb.CreateServiceRequest{Parent: location, ServiceId: "api", Service: volume, ValidateOnly: true})
			checkSecretName(t, "volume", name, ok, err)
			jobs := runpb.NewJobsClient(c.conn)
			_, err = jobs.CreateJob(c.ctx(), &runpb.CreateJobRequest{Parent: location, JobId: "migrate", Job: job(m), ValidateOnly: true})
			checkSecretName(t, "job", name, ok, err)
		}
	})
}

func checkSecretName(t *testing.T, kind, name string, ok bool, err error) {
	t.Helper()
	if ok {
		if err != nil {
			t.Errorf("%s with %q: %v", kind, name, err)
		}
		return
	}
	wantError(t, err, codes.InvalidArgument, "Invalid secret name")
}
