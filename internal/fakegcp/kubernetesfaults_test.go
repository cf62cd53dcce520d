package fakegcp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// kubernetesAPI is a client of a cluster's endpoint. No Kubernetes is behind it: what is forwarded is answered with 501.
type kubernetesAPI struct {
	*gke
	http     http.Client
	endpoint string
}

func startKubernetesAPI(t *testing.T) *kubernetesAPI {
	t.Helper()
	g := startGKE(t)
	g.create()
	cluster, err := g.manager.GetCluster(g.ctx(), &containerpb.GetClusterRequest{Name: devCluster})
	must(t, err)
	authority, err := base64.StdEncoding.DecodeString(cluster.GetMasterAuth().GetClusterCaCertificate())
	must(t, err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &kubernetesAPI{gke: g, http: http.Client{Transport: transport}, endpoint: "https://" + cluster.GetEndpoint()}
}

func (k *kubernetesAPI) ask(ctx context.Context, method, path string) (int, string, error) {
	k.t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, k.endpoint+path, nil)
	must(k.t, err)
	request.Header.Set("Authorization", "Bearer t")
	resp, err := k.http.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

const deployment = "/apis/apps/v1/namespaces/shop/deployments/web"

func TestKubernetesRequestsTakeFaults(t *testing.T) {
	for name, test := range map[string]struct {
		fault  fakegcp.Fault
		status int // 0 for no answer
		reason metav1.StatusReason
	}{
		"refused":                     {fakegcp.Fault{Code: codes.PermissionDenied}, 403, metav1.StatusReasonForbidden},
		"unavailable":                 {fakegcp.Fault{}, 503, metav1.StatusReasonServiceUnavailable},
		"conflict":                    {fakegcp.Fault{Code: codes.Aborted}, 409, metav1.StatusReasonConflict},
		"a code without a status":     {fakegcp.Fault{Code: codes.DataLoss}, 500, metav1.StatusReasonInternalError},
		"a refusal is not masked":     {fakegcp.Fault{When: fakegcp.After}, 501, metav1.StatusReasonUnknown},
		"reset":                       {fakegcp.Fault{Kind: fakegcp.FaultReset}, 0, ""},
		"truncated":                   {fakegcp.Fault{Kind: fakegcp.FaultTruncated, When: fakegcp.After}, 0, ""},
		"hang, until the caller ends": {fakegcp.Fault{Kind: fakegcp.FaultHang}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := startKubernetesAPI(t)
			test.fault.Method, test.fault.Resource, test.fault.Occurrence = "kubernetes/patch deployments", "/namespaces/shop/", 2
			must(t, k.Inject(test.fault))
			ctx := k.ctx()
			if test.fault.Kind == fakegcp.FaultHang {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 200*time.Millisecond)
				defer cancel()
			}
			for _, passes := range []string{deployment, strings.Replace(deployment, "shop", "other", 1)} {
				if status, _, err := k.ask(k.ctx(), http.MethodPatch, passes); status != http.StatusNotImplemented || err != nil {
					t.Fatalf("a request that is not meant: %d, %v", status, err)
				}
			}
			status, text, err := k.ask(ctx, http.MethodPatch, deployment)
			if test.status == 0 {
				if err == nil {
					t.Errorf("an answer: %d %s", status, text)
				}
			} else {
				var said metav1.Status
				must(t, err)
				must(t, json.Unmarshal([]byte(text), &said))
				if status != test.status || said.Reason != test.reason {
					t.Errorf("%d %s, want %d %s", status, said.Reason, test.status, test.reason)
				}
			}
			if struck := k.Faults()[0].Struck; struck != 1 {
				t.Errorf("%d requests were struck", struck)
			}
			if status, _, err := k.ask(k.ctx(), http.MethodPatch, deployment); status != http.StatusNotImplemented || err != nil {
				t.Errorf("the request after it: %d, %v", status, err)
			}
		})
	}
}

// Faults of Google Cloud's methods, an empty one included, strike no request of a cluster, and the journals are two.
func TestKubernetesRequestsHaveAJournalOfTheirOwn(t *testing.T) {
	t.Parallel()
	k := startKubernetesAPI(t)
	must(t, k.Inject(fakegcp.Fault{Message: "every method"}))
	calls := len(k.Journal())
	for _, method := range []string{http.MethodGet, http.MethodPatch, http.MethodDelete} {
		if status, _, err := k.ask(k.ctx(), method, deployment); status != http.StatusNotImplemented || err != nil {
			t.Errorf("%s: %d, %v", method, status, err)
		}
	}
	_, _, err := k.ask(k.ctx(), http.MethodPatch, deployment+"?dryRun=All")
	must(t, err)
	if now := len(k.Journal()); now != calls {
		t.Errorf("%d calls in Google Cloud's journal, %d before", now, calls)
	}
	var mutating []string
	for _, call := range control[[]fakegcp.Call](k.cloud, "GET", "kubernetes?mutating=true", "") {
		mutating = append(mutating, call.Method+" "+call.Resource)
	}
	want := []string{
		"kubernetes/patch deployments " + devCluster + "/namespaces/shop/deployments/web",
		"kubernetes/delete deployments " + devCluster + "/namespaces/shop/deployments/web",
	}
	if !slices.Equal(mutating, want) {
		t.Errorf("the journal of requests that change something is %q, want %q", mutating, want)
	}
	if all := k.KubernetesRequests(); len(all) != 4 {
		t.Errorf("%d requests in the journal, want 4", len(all))
	}
}
