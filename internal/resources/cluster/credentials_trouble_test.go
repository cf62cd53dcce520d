package cluster_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

func openTimeout(d string) tftypes.Value {
	object := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"open": tftypes.String}}
	return tftypes.NewValue(object, map[string]tftypes.Value{"open": tftypes.NewValue(tftypes.String, d)})
}

func endpointsOf(c *containerpb.Cluster) *containerpb.ControlPlaneEndpointsConfig {
	return c.ControlPlaneEndpointsConfig
}

// Whatever GKE says of a cluster, credentials have an https address and a certificate, or there are none. The error
// names the cluster, the cause and the next step.
func TestCredentialsOfAClusterThatCannotBeReached(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	makeByHand(t, env, oldCluster())
	status := func(s containerpb.Cluster_Status) func(*containerpb.Cluster) {
		return func(c *containerpb.Cluster) { c.Status = s }
	}
	endpoint := func(address string) func(*containerpb.Cluster) {
		return func(c *containerpb.Cluster) { c.Endpoint = address }
	}
	healthy := liveCluster(t, env)
	for name, c := range map[string]struct {
		config acctest.Attributes
		change func(*containerpb.Cluster)
		want   []string
	}{
		"not there": {
			config: acctest.Attributes{"cluster": parent + "/clusters/prod"},
			want:   []string{`Cluster "prod" does not exist`, `Project "acme-dev" has no cluster "prod" in "asia-northeast1"`, "twelvefactor_cluster.NAME.id"},
		},
		"no id": {config: acctest.Attributes{"cluster": "dev"}, want: []string{"is not the full name of a GKE cluster"}},
		"no kind of endpoint": {
			config: acctest.Attributes{"endpoint_type": "public"}, want: []string{"endpoint_type", `"internal_ip"`},
		},
		"still being created": {
			config: acctest.Attributes{"timeouts": openTimeout("2s")}, change: status(containerpb.Cluster_PROVISIONING),
			want: []string{`Cluster "dev" is still being created`, "PROVISIONING", "timeouts.open", `timeouts = { open = "40m" }`},
		},
		"failed": {
			change: func(c *containerpb.Cluster) {
				c.Status, c.StatusMessage = containerpb.Cluster_ERROR, "no resources" //nolint:staticcheck // what older control planes fill
			},
			want: []string{`Cluster "dev" cannot be used`, "ERROR: no resources", "deleted and made again"},
		},
		"being deleted":           {change: status(containerpb.Cluster_STOPPING), want: []string{`Cluster "dev" is being deleted`, "STOPPING"}},
		"a status of a newer API": {change: status(99), want: []string{`Cluster "dev" cannot be used`, "99"}},
		"certificate hidden": {
			change: func(c *containerpb.Cluster) { c.MasterAuth.ClusterCaCertificate = "" },
			want:   []string{`Cluster "dev" cannot be connected to`, "container.clusters.getCredentials", "--enable-dns-access"},
		},
		"certificate broken": {
			change: func(c *containerpb.Cluster) { c.MasterAuth.ClusterCaCertificate = "!" }, want: []string{"is not base64"},
		},
		"no address":             {change: endpoint(""), want: []string{`Cluster "dev" has no endpoint`, "--enable-dns-access"}},
		"address with a path":    {change: endpoint("198.51.100.1/evil"), want: []string{"is not a host name or address"}},
		"address with a user":    {change: endpoint("198.51.100.1@evil.example"), want: []string{"is not a host name or address"}},
		"address with a scheme":  {change: endpoint("http://198.51.100.1"), want: []string{"is not a host name or address"}},
		"address with a newline": {change: endpoint("198.51.100.1\nx"), want: []string{"is not a host name or address"}},
		"no endpoint at all": {
			change: func(c *containerpb.Cluster) {
				off := false
				endpointsOf(c).IpEndpointsConfig.Enabled, endpointsOf(c).DnsEndpointConfig = &off, nil
			},
			want: []string{`Cluster "dev" has no endpoint`, "--enable-dns-access"},
		},
		"DNS endpoint off": {
			config: acctest.Attributes{"endpoint_type": "dns"},
			want:   []string{"has no DNS-based endpoint that takes traffic from outside", `endpoint_type = "auto"`, "--enable-dns-access"},
		},
		"addresses off": {
			config: acctest.Attributes{"endpoint_type": "ip"},
			change: func(c *containerpb.Cluster) { off := false; endpointsOf(c).IpEndpointsConfig.Enabled = &off },
			want:   []string{`Cluster "dev" has no address`, "--enable-ip-access"},
		},
	} {
		err := env.Fake.UpdateCluster(clusterID, func(live *containerpb.Cluster) {
			restore(live, healthy)
			if c.change != nil {
				c.change(live)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		config := acctest.Attributes{"cluster": clusterID}
		for attribute, value := range c.config {
			config[attribute] = value
		}
		opened, diagnostics := env.Open(t, credentialsNoun, nil, config)
		said := acctest.DiagnosticsText(diagnostics)
		if opened != nil {
			t.Errorf("%s: opened %v", name, opened.Result)
		}
		for _, want := range c.want {
			if !strings.Contains(said, want) {
				t.Errorf("%s: %q is missing in:\n%s", name, want, said)
			}
		}
	}
}

// An interrupted create must not block the next run: the plan waits until GKE has made the cluster.
func TestCredentialsWaitForAClusterThatIsBeingCreated(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	makeByHand(t, env, oldCluster())
	setStatus(t, env, containerpb.Cluster_PROVISIONING)
	go func() {
		env.Fake.WaitJournal(t.Context(), fakegcp.JournalFilter{Method: "GetCluster"})
		setStatus(t, env, containerpb.Cluster_RUNNING)
	}()
	opened, diagnostics := env.Open(t, credentialsNoun, nil, acctest.Attributes{"cluster": clusterID})
	if opened == nil || opened.Get(t, "host") == "https://" {
		t.Error(acctest.DiagnosticsText(diagnostics))
	}
}

func TestCredentialsByKindOfEndpoint(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	makeByHand(t, env, oldCluster())
	on, off := true, false
	var name, address string
	err := env.Fake.UpdateCluster(clusterID, func(c *containerpb.Cluster) {
		endpointsOf(c).DnsEndpointConfig.AllowExternalTraffic = &on
		name, address = endpointsOf(c).GetDnsEndpointConfig().GetEndpoint(), c.GetEndpoint()
	})
	if err != nil {
		t.Fatal(err)
	}
	check := func(kind any, host string, certified bool) {
		t.Helper()
		opened, diagnostics := env.Open(t, credentialsNoun, nil, acctest.Attributes{"cluster": clusterID, "endpoint_type": kind})
		if opened == nil {
			t.Fatal(acctest.DiagnosticsText(diagnostics))
		}
		if opened.Get(t, "host") != "https://"+host || opened.Get(t, "endpoint") != host {
			t.Errorf("%v: host is %q, endpoint %q", kind, opened.Get(t, "host"), opened.Get(t, "endpoint"))
		}
		if got := opened.Get(t, "cluster_ca_certificate") != ""; got != certified {
			t.Errorf("%v: with the cluster's own certificate: %v", kind, got)
		}
		if opened.Get(t, "token") == "" || !opened.RenewAt.Equal(time.Time{}) {
			t.Errorf("%v: a token is missing, or its end is known: %s", kind, opened.RenewAt)
		}
	}
	check("dns", name, false)
	check("ip", address, true)
	check("internal_ip", "10.128.0.2", true)
	check(nil, address, true)
	err = env.Fake.UpdateCluster(clusterID, func(c *containerpb.Cluster) {
		endpointsOf(c).IpEndpointsConfig.EnablePublicEndpoint = &off
	})
	if err != nil {
		t.Fatal(err)
	}
	check("auto", name, false)
}

// A token whose end is known is said to end, once, and as a warning: what it was needed for may be done.
func TestCredentialsSayWhenTheTokenEnds(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	makeByHand(t, env, oldCluster())
	google := env.As(t, acctest.WithoutEmulator())
	endpoints := tftypes.Object{AttributeTypes: map[string]tftypes.Type{}}
	values := map[string]tftypes.Value{}
	for _, api := range gcp.APIs() {
		endpoints.AttributeTypes[string(api)] = tftypes.String
		values[string(api)] = tftypes.NewValue(tftypes.String, nil)
	}
	values[string(gcp.Container)] = tftypes.NewValue(tftypes.String, "http://"+env.Fake.Addr())
	settings := acctest.Attributes{
		"credentials": serviceAccountKey(t, 3600), "endpoints": tftypes.NewValue(endpoints, values),
	}
	opened, diagnostics := google.Open(t, credentialsNoun, settings, acctest.Attributes{"cluster": clusterID})
	if opened == nil {
		t.Fatal(acctest.DiagnosticsText(diagnostics))
	}
	ends, err := time.Parse(time.RFC3339, opened.Get(t, "expires_at"))
	if err != nil || time.Until(ends) < 55*time.Minute || opened.RenewAt.Sub(ends).Abs() > time.Second {
		t.Errorf("the token ends at %q and is renewed at %s: %v", opened.Get(t, "expires_at"), opened.RenewAt, err)
	}
	if opened.Get(t, "token") != issuedToken || strings.Contains(string(opened.Private), issuedToken) {
		t.Errorf("the token is %q, and kept for renewal: %s", opened.Get(t, "token"), opened.Private)
	}
	said := acctest.DiagnosticsText(opened.Renew(t))
	if !strings.HasPrefix(said, "WARNING") || !strings.Contains(said, clusterID) || !strings.Contains(said, opened.Get(t, "expires_at")) {
		t.Error(said)
	}
}

const issuedToken = "issued-by-the-token-server"

// serviceAccountKey is the key of a service account whose tokens come from a server here and live for some seconds.
func serviceAccountKey(t *testing.T, seconds int) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token": %q, "token_type": "Bearer", "expires_in": %d}`, issuedToken, seconds)
	}))
	t.Cleanup(server.Close)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "ci@acme-dev.iam.gserviceaccount.com", "private_key_id": "1", "token_uri": server.URL,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(file)
}
