package acctest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// TestTwelveFactorAppExample runs the checks of examples/twelve-factor-app, which start its processes.
func TestTwelveFactorAppExample(t *testing.T) {
	t.Parallel()
	checkExampleModule(t, "twelve-factor-app")
}

// TestTwelveFactorAppRunsAsDeployed applies the example's main.tf and starts the program as a plain process with the
// arguments and the environment that the runtime's container has got: they have to be enough.
func TestTwelveFactorAppRunsAsDeployed(t *testing.T) {
	for _, runtime := range []string{"gke", "cloud_run"} {
		t.Run(runtime, func(t *testing.T) {
			t.Parallel()
			canaries := NewCanaries()
			password := canaries.Text(t, "store password")
			app := ExampleProgram(t, "twelve-factor-app")
			store := StartProcess(t, app, []string{"store"}, "STORE_PASSWORD="+password)
			attached := url.URL{Scheme: "http", User: url.UserPassword("app", password), Host: store.Address}
			env := New(t, WithKubernetes(t))
			cli := env.CLI(t, "TF_VAR_runtime="+runtime, "TF_VAR_store_url="+attached.String())
			root, err := moduleRoot()
			if err != nil {
				t.Fatal(err)
			}
			copyProject(t, root, cli.Dir)
			cli.Dir = filepath.Join(cli.Dir, "examples", "twelve-factor-app")
			cli.MustRun(t, "apply", "-auto-approve", "-input=false")

			deployed := map[string]deployedContainer{}
			for _, process := range []string{"web", "worker"} {
				if runtime == "gke" {
					deployed[process] = containerOnGKE(t, env, process)
				} else {
					deployed[process] = containerOnRun(t, env, process)
				}
			}
			RunProcess(t, app, []string{"migrate"}, deployed["worker"].environment...)
			web := deployed["web"].start(t, app)
			for _, path := range []string{"/healthz", "/readyz"} {
				if !slices.Contains(deployed["web"].probes, path) {
					t.Errorf("no probe of the container asks for %s: %q", path, deployed["web"].probes)
				}
			}
			for _, path := range deployed["web"].probes {
				resp, err := http.Get("http://" + web.Address + path)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					t.Errorf("%s: %s", path, resp.Status)
				}
			}
			web.Stop(t)
			canaries.CheckText(t, "log of web", web.Output())
			canaries.CheckDir(t, cli.Dir)
			cli.MustRun(t, "destroy", "-auto-approve", "-input=false")
			if err := env.CheckNothingLeft(); err != nil {
				t.Error(err)
			}
		})
	}
}

// deployedContainer is what a runtime starts a container with.
type deployedContainer struct {
	arguments   []string
	environment []string // KEY=VALUE, those of secrets included
	probes      []string // paths
}

// start starts the process as it is deployed, on a port of this machine.
func (c deployedContainer) start(t *testing.T, app string) *Program {
	t.Helper()
	return StartProcess(t, app, c.arguments, append(slices.Clone(c.environment), "HOST=127.0.0.1", "PORT=0", "DRAIN_DELAY=0s")...)
}

func containerOnGKE(t *testing.T, env *Env, process string) deployedContainer {
	t.Helper()
	const namespace = "twelve-factor-app"
	k := env.Kubernetes(t, "projects/"+Project+"/locations/"+Region+"/clusters/twelve-factor")
	deployment, err := k.AppsV1().Deployments(namespace).Get(t.Context(), "twelve-factor-app-"+process, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	container := deployment.Spec.Template.Spec.Containers[0]
	found := deployedContainer{arguments: container.Args}
	add := func(key, value string) { found.environment = append(found.environment, key+"="+value) }
	for _, from := range container.EnvFrom {
		switch {
		case from.ConfigMapRef != nil:
			object, err := k.CoreV1().ConfigMaps(namespace).Get(t.Context(), from.ConfigMapRef.Name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for key, value := range object.Data {
				add(key, value)
			}
		case from.SecretRef != nil:
			object, err := k.CoreV1().Secrets(namespace).Get(t.Context(), from.SecretRef.Name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for key, value := range object.Data {
				add(key, string(value))
			}
		}
	}
	for _, variable := range container.Env {
		if from := variable.ValueFrom; from != nil && from.SecretKeyRef != nil {
			object, err := k.CoreV1().Secrets(namespace).Get(t.Context(), from.SecretKeyRef.Name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			variable.Value = string(object.Data[from.SecretKeyRef.Key])
		} else if from != nil && from.ConfigMapKeyRef != nil {
			object, err := k.CoreV1().ConfigMaps(namespace).Get(t.Context(), from.ConfigMapKeyRef.Name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			variable.Value = object.Data[from.ConfigMapKeyRef.Key]
		}
		add(variable.Name, variable.Value)
	}
	for _, probe := range []*corev1.Probe{container.StartupProbe, container.LivenessProbe, container.ReadinessProbe} {
		if probe != nil && probe.HTTPGet != nil {
			found.probes = append(found.probes, probe.HTTPGet.Path)
		}
	}
	return found
}

func containerOnRun(t *testing.T, env *Env, process string) deployedContainer {
	t.Helper()
	objects, err := env.Fake.Objects()
	if err != nil {
		t.Fatal(err)
	}
	name := "services/twelve-factor-app"
	if process != "web" {
		name = "workerPools/twelve-factor-app-" + process
	}
	type probe struct {
		HTTPGet struct{ Path string }
	}
	var object struct {
		Template struct {
			Containers []struct {
				Args []string
				Env  []struct {
					Name, Value string
					ValueSource struct {
						SecretKeyRef struct{ Secret, Version string }
					}
				}
				StartupProbe, LivenessProbe, ReadinessProbe probe
			}
		}
	}
	data := objects["projects/"+Project+"/locations/"+Region+"/"+name].Data
	if err := json.Unmarshal(data, &object); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	client := gcp.New(gcp.Options{EmulatorHost: env.Fake.Addr()})
	defer func() { _ = client.Close() }()
	container := object.Template.Containers[0]
	found := deployedContainer{arguments: container.Args}
	for _, variable := range container.Env {
		if ref := variable.ValueSource.SecretKeyRef; ref.Secret != "" {
			secret := ref.Secret
			if !strings.Contains(secret, "/") {
				secret = "projects/" + Project + "/secrets/" + secret
			}
			value, err := client.SecretVersions().Access(t.Context(), fmt.Sprintf("%s/versions/%s", secret, ref.Version))
			if err != nil {
				t.Fatal(err)
			}
			variable.Value = string(value.Reveal())
		}
		found.environment = append(found.environment, variable.Name+"="+variable.Value)
	}
	for _, p := range []probe{container.StartupProbe, container.LivenessProbe, container.ReadinessProbe} {
		if p.HTTPGet.Path != "" {
			found.probes = append(found.probes, p.HTTPGet.Path)
		}
	}
	return found
}
