package gcp_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// secretPlace is Secret Manager of one location. It notes what it is asked about, and who connects.
type secretPlace struct {
	secretmanagerpb.UnimplementedSecretManagerServiceServer
	address string

	mu          sync.Mutex
	asked       []string
	connections int
	policy      *iampb.Policy
	gone        chan struct{} // one for each connection that has ended
}

func startSecretPlace(t *testing.T) *secretPlace {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &secretPlace{address: listener.Addr().String(), gone: make(chan struct{}, 16), policy: &iampb.Policy{Etag: []byte("0")}}
	g := grpc.NewServer(grpc.StatsHandler(s))
	secretmanagerpb.RegisterSecretManagerServiceServer(g, s)
	go func() { _ = g.Serve(listener) }()
	t.Cleanup(g.Stop)
	return s
}

func (s *secretPlace) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (s *secretPlace) HandleRPC(context.Context, stats.RPCStats)                         {}
func (s *secretPlace) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (s *secretPlace) HandleConn(_ context.Context, what stats.ConnStats) {
	switch what.(type) {
	case *stats.ConnBegin:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.connections++
	case *stats.ConnEnd:
		s.gone <- struct{}{}
	}
}

func (s *secretPlace) note(method, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, method+" "+name)
}

func (s *secretPlace) calls() (asked []string, connections int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked), s.connections
}

func (s *secretPlace) version(method, name string) (*secretmanagerpb.SecretVersion, error) {
	s.note(method, name)
	return &secretmanagerpb.SecretVersion{Name: name}, nil
}

func (s *secretPlace) GetSecret(_ context.Context, r *secretmanagerpb.GetSecretRequest) (*secretmanagerpb.Secret, error) {
	s.note("get", r.GetName())
	return &secretmanagerpb.Secret{Name: r.GetName()}, nil
}

func (s *secretPlace) CreateSecret(_ context.Context, r *secretmanagerpb.CreateSecretRequest) (*secretmanagerpb.Secret, error) {
	s.note("create", r.GetParent()+" "+r.GetSecretId())
	return r.GetSecret(), nil
}

func (s *secretPlace) UpdateSecret(_ context.Context, r *secretmanagerpb.UpdateSecretRequest) (*secretmanagerpb.Secret, error) {
	s.note("update", r.GetSecret().GetName())
	return r.GetSecret(), nil
}

func (s *secretPlace) DeleteSecret(_ context.Context, r *secretmanagerpb.DeleteSecretRequest) (*emptypb.Empty, error) {
	s.note("delete", r.GetName())
	return &emptypb.Empty{}, nil
}

func (s *secretPlace) AddSecretVersion(_ context.Context, r *secretmanagerpb.AddSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	return s.version("add", r.GetParent())
}

func (s *secretPlace) GetSecretVersion(_ context.Context, r *secretmanagerpb.GetSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	return s.version("get version", r.GetName())
}

func (s *secretPlace) ListSecretVersions(
	_ context.Context, r *secretmanagerpb.ListSecretVersionsRequest,
) (*secretmanagerpb.ListSecretVersionsResponse, error) {
	s.note("list", r.GetParent())
	return &secretmanagerpb.ListSecretVersionsResponse{}, nil
}

func (s *secretPlace) AccessSecretVersion(
	_ context.Context, r *secretmanagerpb.AccessSecretVersionRequest,
) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	s.note("access", r.GetName())
	return &secretmanagerpb.AccessSecretVersionResponse{Name: r.GetName(), Payload: &secretmanagerpb.SecretPayload{Data: []byte("v")}}, nil
}

func (s *secretPlace) EnableSecretVersion(_ context.Context, r *secretmanagerpb.EnableSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	return s.version("enable", r.GetName())
}

func (s *secretPlace) DisableSecretVersion(_ context.Context, r *secretmanagerpb.DisableSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	return s.version("disable", r.GetName())
}

func (s *secretPlace) DestroySecretVersion(_ context.Context, r *secretmanagerpb.DestroySecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	return s.version("destroy", r.GetName())
}

func (s *secretPlace) GetIamPolicy(_ context.Context, r *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	s.note("get policy", r.GetResource())
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.policy, nil
}

func (s *secretPlace) SetIamPolicy(_ context.Context, r *iampb.SetIamPolicyRequest) (*iampb.Policy, error) {
	s.note("set policy", r.GetResource())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.policy = &iampb.Policy{Bindings: r.GetPolicy().GetBindings(), Etag: append(r.GetPolicy().GetEtag(), '+')}
	return s.policy, nil
}

// useEverySecretCall makes each call that there is about one secret, and gives what its place should have been asked.
func useEverySecretCall(t *testing.T, c *gcp.Client, parent string) []string {
	t.Helper()
	ctx, name := t.Context(), parent+"/secrets/s"
	version, policy := name+"/versions/1", gcp.PolicyRef{Kind: gcp.SecretPolicy, Name: name}
	secrets, versions := c.Secrets(), c.SecretVersions()
	ignored := func(_ any, err error) error { return err }
	for i, err := range []error{
		ignored(secrets.Create(ctx, name, &secretmanagerpb.Secret{})),
		ignored(secrets.Get(ctx, name)),
		ignored(secrets.Update(ctx, &secretmanagerpb.Secret{Name: name}, "labels")),
		ignored(versions.Add(ctx, name, secret.FromString("v"))),
		ignored(versions.Get(ctx, version)),
		ignored(versions.List(ctx, name, "")),
		ignored(versions.Access(ctx, version)),
		ignored(versions.Disable(ctx, version)),
		ignored(versions.Enable(ctx, version)),
		ignored(versions.Destroy(ctx, version)),
		ignored(c.Policies().Members(ctx, policy, "roles/viewer")),
		c.Policies().Add(ctx, policy, []gcp.Grant{{Role: "roles/viewer", Member: "user:a@example.com"}}),
		secrets.Delete(ctx, name),
	} {
		if err != nil {
			t.Errorf("call %d of %s: %v", i, name, err)
		}
	}
	return []string{
		"create " + parent + " s", "get " + name, "update " + name, "add " + name, "get version " + version, "list " + name, "access " + version,
		"disable " + version, "enable " + version, "destroy " + version, "get policy " + name, "get policy " + name, "set policy " + name,
		"get policy " + name, "delete " + name,
	}
}

// TestSecretCallsGoToThePlaceOfTheName makes every call about secrets of two locations and about global ones.
func TestSecretCallsGoToThePlaceOfTheName(t *testing.T) {
	places := map[string]*secretPlace{
		"": startSecretPlace(t), "europe-west3": startSecretPlace(t), "us": startSecretPlace(t), "us-east1": startSecretPlace(t),
	}
	c := gcp.New(gcp.Options{Clock: clock.NewInstant(time.Unix(0, 0))})
	c.SetSecretHost(func(location string) gcp.Endpoint { return gcp.Endpoint{Host: places[location].address, Plain: true} })
	for location, parent := range map[string]string{
		"": "projects/acme-dev", "europe-west3": "projects/acme-dev/locations/europe-west3", "us": "projects/123/locations/us",
	} {
		if _, connections := places[location].calls(); connections != 0 {
			t.Errorf("connected to %q before the first call", location)
		}
		want := append(useEverySecretCall(t, c, parent), "get "+parent+"/secrets/another")
		if _, err := c.Secrets().Get(t.Context(), parent+"/secrets/another"); err != nil {
			t.Error(err)
		}
		if got, connections := places[location].calls(); !slices.Equal(got, want) || connections != 1 {
			t.Errorf("%q was asked over %d connections\n%q, want\n%q", location, connections, got, want)
		}
	}
	if asked, connections := places["us-east1"].calls(); len(asked) > 0 || connections > 0 {
		t.Errorf("us-east1 was asked %q over %d connections", asked, connections)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	for _, location := range []string{"", "europe-west3", "us"} {
		select {
		case <-places[location].gone:
		case <-time.After(10 * time.Second):
			t.Errorf("the connection to %q is still open", location)
		}
	}
}

// TestSecretCallsShareOneConnectionOfALocation makes first calls at the same time.
func TestSecretCallsShareOneConnectionOfALocation(t *testing.T) {
	place := startSecretPlace(t)
	c := gcp.New(gcp.Options{Clock: clock.NewInstant(time.Unix(0, 0))})
	t.Cleanup(func() { _ = c.Close() })
	var made sync.Map
	c.SetSecretHost(func(location string) gcp.Endpoint {
		made.Store(location, true)
		return gcp.Endpoint{Host: place.address, Plain: true}
	})
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if _, err := c.Secrets().Get(t.Context(), fmt.Sprintf("projects/acme/locations/europe-west3/secrets/s%d", i)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if _, connections := place.calls(); connections != 1 {
		t.Errorf("%d connections", connections)
	}
}

// TestOneAddressTakesEverySecret covers the emulator and an endpoint that the provider block names.
func TestOneAddressTakesEverySecret(t *testing.T) {
	for name, options := range map[string]func(address string) gcp.Options{
		"emulator": func(address string) gcp.Options { return gcp.Options{EmulatorHost: address} },
		"endpoint": func(address string) gcp.Options {
			return gcp.Options{Endpoints: map[string]string{string(gcp.SecretManager): "http://" + address}}
		},
		"both": func(address string) gcp.Options {
			return gcp.Options{EmulatorHost: address, Endpoints: map[string]string{string(gcp.SecretManager): "http://127.0.0.1:1"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			place := startSecretPlace(t)
			o := options(place.address)
			o.Clock = clock.NewInstant(time.Unix(0, 0))
			c := gcp.New(o)
			c.SetSecretHost(func(location string) gcp.Endpoint {
				t.Errorf("the host of location %q was asked for", location)
				return gcp.Endpoint{Host: "127.0.0.1:1", Plain: true}
			})
			useEverySecretCall(t, c, "projects/acme-dev")
			useEverySecretCall(t, c, "projects/acme-dev/locations/europe-west3")
			if _, connections := place.calls(); connections != 1 {
				t.Errorf("%d connections", connections)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSecretHosts(t *testing.T) {
	for location, want := range map[string]string{
		"": "", "europe-west3": "secretmanager.europe-west3.rep.googleapis.com:443", "eu": "secretmanager.eu.rep.googleapis.com:443",
	} {
		if got := gcp.New(gcp.Options{}).SecretHost(location); got != (gcp.Endpoint{Host: want}) {
			t.Errorf("%q: %v", location, got)
		}
	}
	got := gcp.New(gcp.Options{UniverseDomain: "s3nsapis.fr"}).SecretHost("u-france-east1")
	if want := "secretmanager.u-france-east1.rep.s3nsapis.fr:443"; got.Host != want {
		t.Errorf("in another universe: %v", got)
	}
}

// TestWhatIsNoLocationBecomesNoHost gives names that a broken state or a hostile annotation may hold.
func TestWhatIsNoLocationBecomesNoHost(t *testing.T) {
	c := gcp.New(gcp.Options{AccessToken: secret.FromString("token")})
	t.Cleanup(func() { _ = c.Close() })
	c.SetSecretHost(func(location string) gcp.Endpoint {
		t.Errorf("the host of location %q was asked for", location)
		return gcp.Endpoint{Host: "127.0.0.1:1", Plain: true}
	})
	for _, location := range []string{"", "evil.example.com", "europe-west3.evil.com", "x:443", "a@b", "europe-west3-a", "global", "a%2eb", "A"} {
		name := "projects/acme/locations/" + location + "/secrets/s"
		if _, err := c.Secrets().Get(t.Context(), name); err == nil {
			t.Errorf("%s was asked for", name)
		}
		if _, err := c.SecretVersions().Access(t.Context(), name+"/versions/1"); err == nil {
			t.Errorf("%s was accessed", name)
		}
		if _, err := c.Policies().Members(t.Context(), gcp.PolicyRef{Kind: gcp.SecretPolicy, Name: name}, "roles/viewer"); err == nil {
			t.Errorf("the policy of %s was asked for", name)
		}
	}
}
