package names_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

func TestShortenKeepsLongNamesApart(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 45)
	one, two := names.Shorten(long+"1", 40), names.Shorten(long+"2", 40)
	if one == two || len(one) > 40 || len(two) > 40 {
		t.Errorf("got %q and %q, want two different names of at most 40 characters", one, two)
	}
	if got := names.Shorten("short", 40); got != "short" {
		t.Errorf("a short name became %q", got)
	}
}

func TestGeneratedNamesAreValid(t *testing.T) {
	t.Parallel()
	for _, service := range []string{"a", "shop", "a-b-c", strings.Repeat("s", 49), strings.Repeat("s-", 24) + "s"} {
		for _, process := range []string{"web", "w", "mail-worker", strings.Repeat("p", 40)} {
			if n := names.Deployment(service, process); names.CheckNamespace(n) != nil {
				t.Errorf("Deployment(%q, %q) = %q", service, process, n)
			}
			if n := names.WorkerPool(service, process); names.CheckRunService(n) != nil {
				t.Errorf("WorkerPool(%q, %q) = %q", service, process, n)
			}
		}
		for what, n := range map[string]string{
			"Service": names.KubeServiceName(service), "account": names.KubeServiceAccount(service), "record": names.Record(service),
			"config": names.ConfigMap(service, "0123456789ab"), "secret": names.Secret(service, "0123456789ab"),
		} {
			if names.CheckNamespace(n) != nil {
				t.Errorf("%s of %q is %q", what, service, n)
			}
		}
		if n := names.ServiceAccountID(service); names.CheckServiceAccountID(n) != nil {
			t.Errorf("ServiceAccountID(%q) = %q", service, n)
		}
	}
	for _, key := range []string{"a", "spot", strings.Repeat("k", 31)} {
		if n := names.NodePool(key, "0123456789abcdef"); names.CheckNodePool(n) != nil || !strings.HasPrefix(n, key+"-01234567") {
			t.Errorf("NodePool(%q) = %q", key, n)
		}
	}
}

// Two services in one namespace, or two worker pools in one location, must never share an object.
func TestProcessNamesNeverCollide(t *testing.T) {
	t.Parallel()
	words := []string{"a", "b", "web", "a-b", "b-c", "a-b-c", "worker", "mail-worker", "shop", "shop-mail", "web-worker"}
	for kind, name := range map[string]func(a, b string) string{"Deployment": names.Deployment, "WorkerPool": names.WorkerPool} {
		seen := map[string]string{}
		for _, service := range words {
			for _, process := range words {
				pair := fmt.Sprintf("%s + %s", service, process)
				n := name(service, process)
				if other, ok := seen[n]; ok {
					t.Errorf("%s: %s and %s are both %q", kind, pair, other, n)
				}
				seen[n] = pair
			}
		}
	}
	if got := names.Deployment("shop", "web"); got != "shop-web" {
		t.Errorf("the usual name is %q, want shop-web", got)
	}
}

func TestFullNamesRoundTrip(t *testing.T) {
	t.Parallel()
	cluster := names.ClusterID{Project: "acme-dev", Location: "asia-northeast1", Name: "dev"}
	check := func(full string, parse func(string) (fmt.Stringer, error)) {
		t.Helper()
		got, err := parse(full)
		if err != nil || got.String() != full {
			t.Errorf("%s became %v, %v", full, got, err)
		}
		for _, bad := range []string{full + "/", "/" + full, full + "/x/y", "//" + full, strings.Replace(full, "projects", "project", 1), ""} {
			if _, err := parse(bad); err == nil {
				t.Errorf("%q was parsed", bad)
			}
		}
	}
	check(cluster.String(), func(s string) (fmt.Stringer, error) { return names.ParseClusterID(s) })
	check(names.SecretID{Project: "acme-dev", Name: "K"}.String(), func(s string) (fmt.Stringer, error) { return names.ParseSecretID(s) })
	check(names.SecretVersionID{Project: "123456789012", Secret: "K", Version: "7"}.String(),
		func(s string) (fmt.Stringer, error) { return names.ParseSecretVersionID(s) })
	check(names.SecretID{Project: "acme-dev", Location: "europe-west3", Name: "K"}.String(),
		func(s string) (fmt.Stringer, error) { return names.ParseSecretID(s) })
	check(names.SecretID{Project: "acme-dev", Location: "eu", Name: "K"}.Version("7").String(),
		func(s string) (fmt.Stringer, error) { return names.ParseSecretVersionID(s) })
	check(names.RunServiceID{Project: "acme-dev", Location: "asia-northeast1", Name: "api"}.String(),
		func(s string) (fmt.Stringer, error) { return names.ParseRunServiceID(s) })
	check(names.KubeServiceID{Cluster: cluster, Namespace: "shop", Name: "web"}.String(),
		func(s string) (fmt.Stringer, error) { return names.ParseKubeServiceID(s) })
	check(names.KubeServiceAccountID{Cluster: cluster, Namespace: "shop", Name: "web"}.String(),
		func(s string) (fmt.Stringer, error) { return names.ParseKubeServiceAccountID(s) })
	check(names.ServiceAccountName{Project: "acme-dev", Email: names.ServiceAccountEmail("acme-dev", "shop-web")}.String(),
		func(s string) (fmt.Stringer, error) { return names.ParseServiceAccountName(s) })
}

func TestLatestIsNotAVersion(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"latest", "0", "01", "-1", "1 ", "v1", ""} {
		if _, err := names.ParseSecretVersionID("projects/acme-dev/secrets/k/versions/" + version); err == nil {
			t.Errorf("version %q was parsed", version)
		}
	}
}

func TestPrincipals(t *testing.T) {
	t.Parallel()
	got := []string{
		names.PrincipalDirect("123456789012", "acme-dev", "shop", "web"),
		names.WorkloadIdentityMember("acme-dev", "shop", "web"),
		names.ServiceAccountEmail("example.com:web-app", "shop-web"),
	}
	want := []string{
		"principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/acme-dev.svc.id.goog/subject/ns/shop/sa/web",
		"serviceAccount:acme-dev.svc.id.goog[shop/web]",
		"shop-web@web-app.example.com.iam.gserviceaccount.com",
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %q, want %q", got[i], want[i])
		}
	}
}
