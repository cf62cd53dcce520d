package service_test

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"google.golang.org/grpc/codes"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

const unchecked = "Not everything in the plan was checked by the live APIs"

// reader is the same folder's configuration and state, planned by a caller who may only read.
func reader(t *testing.T, env *acctest.Env, state string) *acctest.CLI {
	t.Helper()
	cli := env.As(t, acctest.WithAccessToken(acctest.ReadOnlyToken)).CLI(t)
	if state != "" {
		cli.Write(t, "terraform.tfstate", state)
	}
	return cli
}

// planned gives what a plan says, in one line, and demands that it says this and not that.
func planned(t *testing.T, cli *acctest.CLI, config string, says, not []string) string {
	t.Helper()
	cli.Write(t, "main.tf", config)
	said := flat(cli.MustRun(t, "plan", "-no-color").Stdout)
	for _, text := range says {
		if strings.Count(said, text) != 1 {
			t.Errorf("the plan says %q %d times, want once:\n%s", text, strings.Count(said, text), said)
		}
	}
	for _, text := range not {
		if strings.Contains(said, text) {
			t.Errorf("the plan says %q:\n%s", text, said)
		}
	}
	return said
}

// flat is what a command says, in one line, without the warning about the tests' own build of the provider.
func flat(stdout string) string {
	said := strings.Join(strings.Fields(strings.NewReplacer("│", " ", "╷", " ", "╵", " ").Replace(stdout)), " ")
	return strings.Replace(said, "Warning: Provider development overrides are in effect", "", 1)
}

// A caller who may only read gets a whole plan, and is told once what was not checked; without a change, nothing.
func TestReadOnlyPlansOnGKE(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	makeNamespace(t, env, cluster)
	config := func(level string) string {
		return env.Config(onGKE(env, cluster, set("config", `{ LEVEL = "`+level+`" }`), process("worker", `{}`)))
	}
	planned(t, reader(t, env, ""), config("info"), []string{unchecked, "1 to add", "create or patch of deployments.apps"}, nil)

	cli := env.CLI(t)
	cli.Write(t, "main.tf", config("info"))
	if said := cli.MustRun(t, "apply", "-auto-approve", "-no-color").Stdout; strings.Contains(flat(said), unchecked) {
		t.Errorf("everything could be checked, but the apply says otherwise:\n%s", said)
	}
	t.Cleanup(func() { cli.MustRun(t, "destroy", "-auto-approve") })
	state := cli.MustRun(t, "state", "pull").Stdout
	planned(t, reader(t, env, state), config("info"), []string{"No changes"}, []string{"Warning"})
	said := planned(t, reader(t, env, state), config("debug"), []string{unchecked, "1 to change"}, nil)
	if strings.Contains(said, "of services") {
		t.Errorf("the Service is as it should be and needs no check:\n%s", said)
	}
	planned(t, cli, config("debug"), []string{"1 to change"}, []string{"Warning"})
}

func TestReadOnlyPlansOnCloudRun(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	config := func(level string) string {
		return env.Config(onRun(set("config", `{ LEVEL = "`+level+`" }`), process("worker", `{}`)))
	}
	planned(t, reader(t, env, ""), config("info"), []string{unchecked, "1 to add"}, nil)

	cli := env.CLI(t)
	planned(t, cli, config("info"), []string{"1 to add"}, []string{"Warning"})
	for _, call := range env.Fake.Journal() {
		if call.Mutating {
			t.Errorf("the plan called %s of %s", call.Method, call.Resource)
		}
	}
	if n := validations(env); n != 2 {
		t.Errorf("the plan asked for %d validations, want one of the service and one of the worker pool", n)
	}
	cli.MustRun(t, "apply", "-auto-approve")
	state := cli.MustRun(t, "state", "pull").Stdout
	before := validations(env)
	planned(t, reader(t, env, state), config("info"), []string{"No changes"}, []string{"Warning"})
	planned(t, cli, config("info"), []string{"No changes"}, []string{"Warning"})
	if n := validations(env); n != before {
		t.Errorf("%d validations of plans that change nothing", n-before)
	}
	planned(t, reader(t, env, state), config("debug"), []string{unchecked, "1 to change", "run.services.update"}, nil)
	planned(t, cli, config("debug"), []string{"1 to change"}, []string{"Warning"})
}

func validations(env *acctest.Env) int {
	n := 0
	for _, call := range env.Fake.Journal() {
		if call.ValidateOnly && call.Principal != "" && call.Code == codes.OK.String() {
			n++
		}
	}
	return n
}

// What Cloud Run refuses fails the plan at its attribute, and every release that serves keeps serving.
func TestPlanRefusesWhatCloudRunRefuses(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	fault := func(code codes.Code, message string) func() {
		return func() {
			err := env.Fake.Inject(fakegcp.Fault{Method: "UpdateService", Occurrence: 1, Code: code, Message: message})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	changed := env.Config(onRun(set("image", `"`+nextImage+`"`)))
	refused := func(code codes.Code, message, says string) resource.TestStep {
		return resource.TestStep{PreConfig: fault(code, message), Config: changed, PlanOnly: true, ExpectError: wrapped(says)}
	}
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{
		{Config: env.Config(onRun()), ConfigStateChecks: ready()},
		refused(codes.FailedPrecondition, "Constraint constraints/run.allowedIngress violated: ingress all is not allowed", "Change cloud_run.ingress"),
		refused(codes.InvalidArgument, "spec.template.spec.containers[0].image: Expected an Artifact Registry image.", "Change image so"),
		{PreConfig: fault(codes.Unavailable, "try later"), Config: changed, PlanOnly: true, ExpectNonEmptyPlan: true},
		{
			PreConfig: fault(codes.InvalidArgument, "spec.template.spec.containers[0].image: Expected an Artifact Registry image."),
			Config:    env.Provider(`factors = { live-check = "warn" }`) + onRun(set("image", `"`+nextImage+`"`)), ConfigStateChecks: ready(),
		},
	}})
}

// An object that the cluster's admission refuses fails the plan, not the apply, which changes nothing.
func TestPlanRefusesWhatTheClusterRefuses(t *testing.T) {
	t.Parallel()
	env, cluster := acctest.SharedCluster(t)
	makeNamespace(t, env, cluster)
	client := env.Kubernetes(t, cluster)
	small := &corev1.LimitRange{
		ObjectMeta: metav1.ObjectMeta{Name: "house"},
		Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
			Type: corev1.LimitTypeContainer, Max: corev1.ResourceList{corev1.ResourceMemory: apiresource.MustParse("1Gi")},
		}}},
	}
	if _, err := client.CoreV1().LimitRanges(env.Name("web")).Create(t.Context(), small, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	large := env.Config(onGKE(env, cluster, process("web", `{ memory = "2Gi" }`)))
	var before string
	env.Test(t, resource.TestCase{
		Steps: []resource.TestStep{
			{Config: large, ExpectError: wrapped("maximum memory usage per Container is 1Gi")},
			{
				Config: env.Config(onGKE(env, cluster)), ConfigStateChecks: ready(),
				PostApplyFunc: func() { before = liveDeployments(t, env, cluster)[0].ResourceVersion },
			},
			{Config: large, ExpectError: wrapped(`would refuse the pods of process "web"`)},
			{
				PreConfig: func() {
					if after := liveDeployments(t, env, cluster)[0]; after.Generation != 1 {
						t.Errorf("the refused plan changed the Deployment: %s, before %s", after.ResourceVersion, before)
					}
				},
				Config: env.Config(onGKE(env, cluster)), ConfigPlanChecks: acctest.NoChanges(),
			},
		},
	})
}

func makeNamespace(t *testing.T, env *acctest.Env, cluster string) {
	t.Helper()
	namespaces := env.Kubernetes(t, cluster).CoreV1().Namespaces()
	made := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: env.Name("web")}}
	if _, err := namespaces.Create(t.Context(), made, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := namespaces.Delete(context.Background(), made.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// stuckCluster makes a cluster whose Kubernetes API is this handler.
func stuckCluster(t *testing.T, env *acctest.Env, handler http.HandlerFunc) (cluster string) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	cli := env.CLI(t)
	cli.Write(t, "main.tf", env.Config(`resource "twelvefactor_cluster" "stuck" {
  name       = "stuck"
  node_pools = { base = { machine_type = "e2-standard-2", max_nodes = 1 } }
}
`))
	cli.MustRun(t, "apply", "-auto-approve")
	cluster = "projects/acme-dev/locations/asia-northeast1/clusters/stuck"
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	err := env.Fake.UpdateCluster(cluster, func(c *containerpb.Cluster) {
		c.Endpoint = strings.TrimPrefix(server.URL, "https://")
		c.MasterAuth = &containerpb.MasterAuth{ClusterCaCertificate: base64.StdEncoding.EncodeToString(authority)}
	})
	if err != nil {
		t.Fatal(err)
	}
	return cluster
}

// An API server that takes calls and never answers does not hang a plan: what it would have said was not checked.
func TestPlanDoesNotHangWithTheCluster(t *testing.T) {
	t.Parallel()
	env := acctest.New(t, acctest.WithRequestTimeout(200*time.Millisecond))
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	cluster := stuckCluster(t, env, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	began := time.Now()
	env.Test(t, resource.TestCase{Steps: []resource.TestStep{{
		Config: env.Config(onGKE(env, cluster)), PlanOnly: true, ExpectNonEmptyPlan: true,
	}}, CheckDestroy: nil})
	if took := time.Since(began); took > 25*time.Second {
		t.Errorf("the plan took %s", took)
	}
}
