package fakegcp_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// The size of the cloud that the benchmark measures.
const (
	largeServices = 2000
	largeSecrets  = 4000
)

// largeCloud is a fake with clients for it.
type largeCloud struct {
	*fakegcp.Server
	secrets  secretmanagerpb.SecretManagerServiceClient
	services runpb.ServicesClient
}

func newLargeCloud(b *testing.B) *largeCloud {
	b.Helper()
	s, err := fakegcp.Start(fakegcp.Options{
		Clock:         &stoppedClock{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)},
		OperationTime: time.Minute,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close(context.Background()) })
	conn, err := grpc.NewClient(s.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return &largeCloud{s, secretmanagerpb.NewSecretManagerServiceClient(conn), runpb.NewServicesClient(conn)}
}

func (c *largeCloud) fill(b *testing.B) {
	b.Helper()
	for i := range largeSecrets {
		id := fmt.Sprintf("secret-%04d", i)
		_, err := c.secrets.CreateSecret(b.Context(), &secretmanagerpb.CreateSecretRequest{
			Parent: project, SecretId: id, Secret: &secretmanagerpb.Secret{Replication: automatic(), Labels: map[string]string{"app": id}},
		})
		if err != nil {
			b.Fatal(err)
		}
		_, err = c.secrets.AddSecretVersion(b.Context(), &secretmanagerpb.AddSecretVersionRequest{
			Parent: project + "/secrets/" + id, Payload: &secretmanagerpb.SecretPayload{Data: []byte("value of " + id)},
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for i := range largeServices {
		_, err := c.services.CreateService(b.Context(), &runpb.CreateServiceRequest{
			Parent: location, ServiceId: fmt.Sprintf("service-%04d", i), Service: &runpb.Service{
				Template: &runpb.RevisionTemplate{Containers: []*runpb.Container{{Image: "gcr.io/acme-dev/shop@sha256:" + digest}}},
			},
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	c.Advance(time.Hour) // every service is ready
}

const digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// largeCall is one kind of request over either transport; i varies what is asked for.
type largeCall struct {
	name string
	do   func(ctx context.Context, i int) error
}

func (c *largeCloud) calls() []largeCall {
	return []largeCall{
		{"grpc/GetSecret", func(ctx context.Context, i int) error {
			_, err := c.secrets.GetSecret(ctx, &secretmanagerpb.GetSecretRequest{Name: fmt.Sprintf("%s/secrets/secret-%04d", project, i%largeSecrets)})
			return err
		}},
		{"grpc/AccessSecretVersion", func(ctx context.Context, i int) error {
			_, err := c.secrets.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{
				Name: fmt.Sprintf("%s/secrets/secret-%04d/versions/latest", project, i%largeSecrets)})
			return err
		}},
		{"grpc/ListSecrets100", func(ctx context.Context, i int) error {
			_, err := c.secrets.ListSecrets(ctx, &secretmanagerpb.ListSecretsRequest{Parent: project, PageSize: 100, PageToken: fmt.Sprint(i % 30 * 100)})
			return err
		}},
		{"grpc/ListSecretsDefault", func(ctx context.Context, _ int) error {
			_, err := c.secrets.ListSecrets(ctx, &secretmanagerpb.ListSecretsRequest{Parent: project})
			return err
		}},
		{"grpc/ListSecretsFiltered", func(ctx context.Context, i int) error {
			_, err := c.secrets.ListSecrets(ctx, &secretmanagerpb.ListSecretsRequest{Parent: project, Filter: fmt.Sprintf("labels.app=secret-%04d", i%largeSecrets)})
			return err
		}},
		{"grpc/GetService", func(ctx context.Context, i int) error {
			_, err := c.services.GetService(ctx, &runpb.GetServiceRequest{Name: fmt.Sprintf("%s/services/service-%04d", location, i%largeServices)})
			return err
		}},
		{"grpc/ListServices100", func(ctx context.Context, _ int) error {
			_, err := c.services.ListServices(ctx, &runpb.ListServicesRequest{Parent: location, PageSize: 100})
			return err
		}},
		{"grpc/ListServicesDefault", func(ctx context.Context, _ int) error {
			_, err := c.services.ListServices(ctx, &runpb.ListServicesRequest{Parent: location})
			return err
		}},
		c.rest("GetSecret", func(i int) string { return fmt.Sprintf("/v1/%s/secrets/secret-%04d", project, i%largeSecrets) }),
		c.rest("ListSecrets100", func(int) string { return "/v1/" + project + "/secrets?pageSize=100" }),
		c.rest("ListSecretsDefault", func(int) string { return "/v1/" + project + "/secrets" }),
		c.rest("GetService", func(i int) string { return fmt.Sprintf("/v2/%s/services/service-%04d", location, i%largeServices) }),
		c.rest("ListServices100", func(int) string { return "/v2/" + location + "/services?pageSize=100" }),
		c.rest("ListServicesDefault", func(int) string { return "/v2/" + location + "/services" }),
	}
}

func (c *largeCloud) rest(name string, path func(i int) string) largeCall {
	return largeCall{"rest/" + name, func(ctx context.Context, i int) error {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Addr()+path(i), nil)
		if err != nil {
			return err
		}
		r, err := http.DefaultClient.Do(q)
		if err != nil {
			return err
		}
		defer func() { _ = r.Body.Close() }()
		if r.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", path(i), r.Status)
		}
		_, err = io.Copy(io.Discard, r.Body)
		return err
	}}
}

// BenchmarkLargeCloud measures reads in a project with 2,000 Cloud Run services and 4,000 secrets with a version each: the
// server's own time, from the request to the encoded answer, and for comparison what a client in the same process sees over
// a connection. It reports milliseconds at the 50th and 99th percentile, and the heap that the fake needs for them.
func BenchmarkLargeCloud(b *testing.B) {
	c := newLargeCloud(b)
	defer debug.SetGCPercent(debug.SetGCPercent(fakegcp.GCPercent)) // as the command has it
	before := heapMB()
	c.fill(b)
	used := heapMB() - before
	for _, call := range slices.Concat(c.served(), c.calls()) {
		b.Run(call.name, func(b *testing.B) {
			took := make([]time.Duration, 0, b.N)
			for i := 0; b.Loop(); i++ {
				begin := time.Now()
				if err := call.do(b.Context(), i); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(begin))
			}
			slices.Sort(took)
			b.ReportMetric(percentile(took, 50), "p50-ms")
			b.ReportMetric(percentile(took, 99), "p99-ms")
			b.ReportMetric(used, "heap-MB")
		})
	}
}

// served are the same reads without a connection and without the client's decoding.
func (c *largeCloud) served() []largeCall {
	invoke := func(name, method string, request func(i int) proto.Message) largeCall {
		return largeCall{"served/grpc/" + name, func(ctx context.Context, i int) error {
			_, err := c.InvokeForTest(ctx, method, request(i))
			return err
		}}
	}
	const secretManager, runServices = "/google.cloud.secretmanager.v1.SecretManagerService/", "/google.cloud.run.v2.Services/"
	calls := []largeCall{
		invoke("GetSecret", secretManager+"GetSecret", func(i int) proto.Message {
			return &secretmanagerpb.GetSecretRequest{Name: fmt.Sprintf("%s/secrets/secret-%04d", project, i%largeSecrets)}
		}),
		invoke("ListSecrets", secretManager+"ListSecrets", func(i int) proto.Message {
			return &secretmanagerpb.ListSecretsRequest{Parent: project, PageToken: fmt.Sprint(i % 30 * 100)}
		}),
		invoke("GetService", runServices+"GetService", func(i int) proto.Message {
			return &runpb.GetServiceRequest{Name: fmt.Sprintf("%s/services/service-%04d", location, i%largeServices)}
		}),
		invoke("ListServices", runServices+"ListServices", func(i int) proto.Message {
			return &runpb.ListServicesRequest{Parent: location, PageToken: fmt.Sprint(i % 19 * 100)}
		}),
	}
	for _, get := range []struct{ name, path string }{
		{"GetSecret", "/v1/" + project + "/secrets/secret-0042"},
		{"ListSecrets", "/v1/" + project + "/secrets"},
		{"GetService", "/v2/" + location + "/services/service-0042"},
		{"ListServices", "/v2/" + location + "/services"},
	} {
		path := get.path
		calls = append(calls, largeCall{"served/rest/" + get.name, func(ctx context.Context, _ int) error {
			w := httptest.NewRecorder()
			c.RESTHandlerForTest().ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil))
			if w.Code != http.StatusOK {
				return fmt.Errorf("%s: status %d", path, w.Code)
			}
			return nil
		}})
	}
	return calls
}

// BenchmarkChurn measures what making and deleting a secret costs beside 4,000 others.
func BenchmarkChurn(b *testing.B) {
	c := newLargeCloud(b)
	c.fill(b)
	for b.Loop() {
		_, err := c.secrets.CreateSecret(b.Context(), &secretmanagerpb.CreateSecretRequest{
			Parent: project, SecretId: "another", Secret: &secretmanagerpb.Secret{Replication: automatic()},
		})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.secrets.DeleteSecret(b.Context(), &secretmanagerpb.DeleteSecretRequest{Name: project + "/secrets/another"}); err != nil {
			b.Fatal(err)
		}
	}
}

// heapMB is the memory in use after a collection, in MB.
func heapMB() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// percentile of sorted durations, in milliseconds.
func percentile(sorted []time.Duration, p int) float64 {
	return float64(sorted[(len(sorted)-1)*p/100]) / float64(time.Millisecond)
}
