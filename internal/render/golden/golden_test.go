package golden

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/cloudrun"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

var update = flag.Bool("update", false, "write what is rendered into testdata")

// An app that both runtimes are tested with is one description: no file of it may say where it runs.
func TestOneDescriptionRendersToBothRuntimes(t *testing.T) {
	t.Parallel()
	all := archives(t, both)
	if len(all) < 25 {
		t.Errorf("%d apps, want 25 at least", len(all))
	}
	for _, a := range all {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			for _, runtime := range []string{`"gke"`, `"cloud_run"`} {
				if change, _ := a.section(changeSection); strings.Contains(string(change), runtime) {
					t.Errorf("the change is about %s: its place is in that directory", runtime)
				}
			}
			check(t, a, app.GKERuntime, app.CloudRunRuntime)
		})
	}
}

func TestWhatOneRuntimeHas(t *testing.T) {
	t.Parallel()
	for _, runtime := range []app.Runtime{app.GKERuntime, app.CloudRunRuntime} {
		for _, a := range archives(t, string(runtime)) {
			t.Run(string(runtime)+"/"+a.name, func(t *testing.T) {
				t.Parallel()
				check(t, a, runtime)
			})
		}
	}
}

// check compares what an app becomes with its file, or writes it there.
func check(t *testing.T, a archive, runtimes ...app.Runtime) {
	t.Helper()
	if len(a.txtar.Comment) == 0 {
		t.Error("the file does not say what it shows")
	}
	for _, runtime := range runtimes {
		section := string(runtime) + yamlSuffix
		got := outcome(t, a, runtime)
		if *update {
			a.set(section, []byte(got))
			continue
		}
		want, _ := a.section(section)
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want, +got); go test -update if it is meant\n%s", section, diff)
		}
	}
	if *update {
		if err := os.WriteFile(a.path, txtar.Format(a.txtar), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// outcome is what the runtime makes of an app: the objects that are not those of the base, or why it does not take it.
func outcome(t *testing.T, a archive, runtime app.Runtime) string {
	t.Helper()
	in := decode(t, a.input(t, runtime))
	if refused := in.refusals(); len(refused) > 0 {
		var b strings.Builder
		for _, f := range refused {
			fmt.Fprintf(&b, "# refused at %s: %s\n# %s\n", strings.Join(f.Path, "."), f.Summary, strings.ReplaceAll(f.Detail, "\n", "\n# "))
		}
		return b.String()
	}
	rendered := render(t, in)
	if a.name == Base {
		return difference(nil, rendered)
	}
	return difference(render(t, decode(t, archive{name: Base, txtar: &txtar.Archive{}}.input(t, runtime))), rendered)
}

// object is one rendered object.
type object struct{ name, yaml string }

// difference shows the objects that are not the same as before, in their order, and names those that are gone.
func difference(before, after []object) string {
	var b strings.Builder
	for _, o := range after {
		if !slices.Contains(before, o) {
			b.WriteString("---\n" + o.yaml)
		}
	}
	for _, o := range before {
		if !slices.ContainsFunc(after, func(a object) bool { return a.name == o.name }) {
			b.WriteString("--- # gone: " + o.name + "\n")
		}
	}
	return b.String()
}

func render(t *testing.T, in input) []object {
	t.Helper()
	if in.App.GKE != nil {
		return renderGKE(t, in.gke())
	}
	return renderCloudRun(t, in.cloudRun())
}

// renderGKE gives all objects but the record, which repeats the input.
func renderGKE(t *testing.T, in gke.Input) []object {
	t.Helper()
	values := map[string]secret.Bytes{}
	for _, use := range app.SecretUses(in.App) {
		values[use.Key] = secret.FromString("value")
	}
	kubeSecret, err := gke.SecretObject(in, values)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := gke.Objects(in)
	if err != nil {
		t.Fatal(err)
	}
	all := append([]*unstructured.Unstructured{gke.Namespace(in)}, objects...)
	if kubeSecret != nil {
		all = append(all, kubeSecret)
	}
	var out []object
	for _, o := range all {
		text, err := yaml.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, object{o.GetKind() + " " + o.GetName(), string(text)})
	}
	return out
}

// renderCloudRun gives all messages as YAML, whose spaces, unlike those of protojson, are stable. The annotation with the
// app repeats the input.
func renderCloudRun(t *testing.T, in cloudrun.Input) []object {
	t.Helper()
	all := []proto.Message{cloudrun.Service(in)}
	for _, pool := range cloudrun.WorkerPools(in) {
		all = append(all, pool)
	}
	var out []object
	for _, m := range all {
		annotated := m.(interface {
			GetName() string
			GetAnnotations() map[string]string
		})
		delete(annotated.GetAnnotations(), names.KubeApp)
		encoded, err := protojson.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		text, err := yaml.JSONToYAML(encoded)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, object{annotated.GetName(), string(text)})
	}
	return out
}
