package deploy_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if serviceFake != nil {
		if err := serviceFake.Close(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if cases := sweepCases.Load(); cases > 0 {
		fmt.Printf("services: %d crash cases at %d calls that change something\n", cases, sweepCalls.Load())
	}
	os.Exit(code)
}

// serviceFake has the one cluster with a real Kubernetes that this package's tests share.
var serviceFake *fakegcp.Server

var serviceCluster = names.ClusterID{Project: "acme-dev", Location: "asia-northeast1", Name: "dev"}

var startServiceFake = sync.OnceValue(func() error {
	bin, err := serviceKubernetes()
	if err != nil {
		return err
	}
	if serviceFake, err = fakegcp.Start(fakegcp.Options{OperationTime: 20 * time.Millisecond, KubernetesBin: bin}); err != nil {
		return err
	}
	client := gcp.New(gcp.Options{EmulatorHost: serviceFake.Addr(), PollInterval: 5 * time.Millisecond})
	ctx := context.Background()
	op, err := client.Clusters().Create(ctx, serviceCluster.Parent(), &containerpb.Cluster{
		Name:                   serviceCluster.Name,
		SecretManagerConfig:    &containerpb.SecretManagerConfig{Enabled: new(true)},
		WorkloadIdentityConfig: &containerpb.WorkloadIdentityConfig{WorkloadPool: names.WorkloadPool(serviceCluster.Project)},
		NodePools: []*containerpb.NodePool{{
			Name: "base", InitialNodeCount: 1, Config: &containerpb.NodeConfig{MachineType: "e2-standard-8"},
			Autoscaling: &containerpb.NodePoolAutoscaling{Enabled: true, TotalMinNodeCount: 3, TotalMaxNodeCount: 9},
		}},
	})
	if err == nil {
		err = client.Clusters().WaitOperation(ctx, serviceCluster.Parent(), op)
	}
	return err
})

func serviceKubernetes() (string, error) {
	if bin := os.Getenv("TWELVEFACTOR_KUBERNETES_BIN"); bin != "" {
		return bin, nil
	}
	command := exec.Command("../../tools/build.sh", "kubernetes")
	command.Stderr = os.Stderr
	bin, err := command.Output()
	return strings.TrimSpace(string(bin)), err
}

// serviceWorld is a fake, the use cases that work on it, and a declared app with a name of its own.
type serviceWorld struct {
	*testing.T
	*deploy.Cloud
	fake *fakegcp.Server
	app  app.App
}

func serviceCloud(t *testing.T, fake *fakegcp.Server, stack string) *deploy.Cloud {
	t.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: fake.Addr(), PollInterval: 20 * time.Millisecond})
	t.Cleanup(func() { _ = client.Close() })
	return &deploy.Cloud{GCP: client, Clock: clock.Real{}, Stamp: names.Stamp{Stack: stack}, AdoptInterrupted: true}
}

// newRunWorld declares an app on Cloud Run with a worker and a secret.
func newRunWorld(t *testing.T) serviceWorld {
	t.Helper()
	fake, err := fakegcp.Start(fakegcp.Options{OperationTime: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fake.Close(context.Background()) })
	w := serviceWorld{t, serviceCloud(t, fake, "test"), fake, app.App{
		Name: "api", Image: "asia-docker.pkg.dev/acme/api/server:2.0.0",
		CloudRun: &app.CloudRun{Project: "acme-dev", Location: "asia-northeast1", Public: true},
		Config:   map[string]string{"LEVEL": "info"},
		Processes: map[string]app.Process{
			"web":    {Scale: app.Scale{Max: 10}},
			"worker": {Command: []string{"/app", "work"}, Scale: app.Scale{Min: 2, Max: 2}},
		},
	}}
	w.app.Secrets = map[string]string{"KEY": w.secret("api-key", "first")}
	return w
}

// newGKEWorld declares an app in the shared cluster, in a namespace of its own. Its processes have readiness checks, which
// spares every test the time that what nothing checks has to run.
func newGKEWorld(t *testing.T) serviceWorld {
	t.Helper()
	if err := startServiceFake(); err != nil {
		t.Fatal(err)
	}
	name := "shop-" + randomHex(t)
	w := serviceWorld{t, serviceCloud(t, serviceFake, "test"), serviceFake, app.App{
		Name: name, Image: "asia-docker.pkg.dev/acme/shop/web:1",
		GKE:    &app.GKE{Cluster: serviceCluster.String(), Namespace: name},
		Config: map[string]string{"LEVEL": "info", "EMPTY": ""},
		Processes: map[string]app.Process{
			"web": {Scale: app.Scale{Min: 2, Max: 4}, Readiness: &app.Probe{TCP: true}},
			"worker": {
				Command: []string{"/app", "work"}, Scale: app.Scale{Min: 1, Max: 1}, Port: 9090, Readiness: &app.Probe{TCP: true},
			},
		},
	}}
	w.app.Secrets = map[string]string{"KEY": w.secret(name+"-key", "first")}
	if _, err := w.kube().List(t.Context(), kube.Namespace, "", ""); err != nil { // the first call starts the control plane
		t.Fatal(err)
	}
	return w
}

func randomHex(t *testing.T) string {
	t.Helper()
	var b [4]byte
	if _, err := rand.Read(b[:]); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(b[:])
}

// secret makes a secret unless it is there, adds a version, and gives the version's full name.
func (w serviceWorld) secret(name, value string) string {
	w.Helper()
	_, err := w.GCP.Secrets().Create(w.Context(), "projects/acme-dev/secrets/"+name, &secretmanagerpb.Secret{
		Replication: &secretmanagerpb.Replication{Replication: &secretmanagerpb.Replication_Automatic_{}},
	})
	if err != nil && !gcp.IsAlreadyExists(err) {
		w.Fatal(err)
	}
	version, err := w.GCP.SecretVersions().Add(w.Context(), "projects/acme-dev/secrets/"+name, secret.FromString(value))
	if err != nil {
		w.Fatal(err)
	}
	return "projects/acme-dev/secrets/" + name + "/versions/" + version.GetName()[strings.LastIndex(version.GetName(), "/")+1:]
}

func (w serviceWorld) spec(a app.App) deploy.ServiceSpec {
	return deploy.ServiceSpec{App: a, Timeout: time.Minute}
}

// shown is what a failing test shows of a state.
func shown(state *deploy.ServiceState) string {
	if state == nil {
		return "no state"
	}
	return fmt.Sprintf("status %s, drift %q", state.Status, state.Drift)
}

// create creates the declared app, which must succeed.
func (w serviceWorld) create() *deploy.ServiceState {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	state, notices, err := w.CreateService(ctx, w.spec(w.app))
	if err != nil || len(notices) > 0 || state.Status != deploy.ServiceReady || len(state.Drift) > 0 {
		w.Fatalf("create: %s, notices %v, error %v", shown(state), notices, err)
	}
	return state
}

// update brings the service to a changed declaration, which must succeed.
func (w serviceWorld) update(a app.App) *deploy.ServiceState {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	state, notices, err := w.UpdateService(ctx, w.spec(a))
	if err != nil || len(notices) > 0 || state.Status != deploy.ServiceReady || len(state.Drift) > 0 {
		w.Fatalf("update: %s, notices %v, error %v", shown(state), notices, err)
	}
	return state
}

// read reads the service, knowing its name and place only.
func (w serviceWorld) read() *deploy.ServiceState {
	w.Helper()
	id, err := deploy.ServiceID(w.app)
	if err != nil {
		w.Fatal(err)
	}
	known, err := deploy.ParseServiceID(id)
	if err != nil {
		w.Fatal(err)
	}
	state, notices, err := w.ReadService(w.Context(), known)
	if err != nil || len(notices) > 0 {
		w.Fatalf("read: notices %v, error %v", notices, err)
	}
	return state
}

// remove deletes the service and demands that of it and its namespace nothing is left.
func (w serviceWorld) remove() {
	w.Helper()
	if notices, err := w.DeleteService(w.Context(), w.app); err != nil || len(notices) > 0 {
		w.Fatalf("delete: notices %v, error %v", notices, err)
	}
	if left := w.left(); len(left) > 0 {
		w.Errorf("left after the deletion: %q", left)
	}
}

// left lists what there is besides the secrets.
func (w serviceWorld) left() []string {
	w.Helper()
	all, err := w.fake.Remaining()
	if err != nil {
		w.Fatal(err)
	}
	return slices.DeleteFunc(all, func(name string) bool {
		isSecret := strings.Contains(name, "/secrets/") && !strings.HasSuffix(name, ":iamPolicy")
		return isSecret || w.app.GKE != nil && !strings.Contains(name, w.app.Name)
	})
}

// kube is a client of the shared cluster.
func (w serviceWorld) kube() *kube.Client {
	w.Helper()
	k, err := w.Kube(w.Context(), serviceCluster)
	if err != nil {
		w.Fatal(err)
	}
	return k
}

func (w serviceWorld) ref(gvk schema.GroupVersionKind, name string) kube.Ref {
	return kube.Ref{GVK: gvk, Namespace: w.app.GKE.Namespace, Name: name}
}
