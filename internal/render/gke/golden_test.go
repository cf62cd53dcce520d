package gke_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/golden"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

func TestGoldens(t *testing.T) {
	t.Parallel()
	golden.Compare(t, os.WriteFile, func(t testing.TB, input []byte) []golden.Object { return render(t, decode(t, input)) })
}

func decode(t testing.TB, input []byte) gke.Input {
	t.Helper()
	var d struct {
		App            app.App           `json:"app"`
		Files          map[string]string `json:"files"` // config files with their texts, which the app's JSON does not hold
		Stack          string            `json:"stack"`
		OwnKSA         bool              `json:"own_ksa"`
		KSAAnnotations map[string]string `json:"ksa_annotations"`
		Creating       int64             `json:"creating"` // Unix seconds
	}
	decoder := json.NewDecoder(bytes.NewReader(input))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		t.Fatal(err)
	}
	for file, text := range d.Files {
		if d.App.ConfigFiles == nil {
			d.App.ConfigFiles = map[string]app.FileText{}
		}
		d.App.ConfigFiles[file] = app.NewFileText(text)
	}
	in := gke.Input{App: d.App, Stamp: names.Stamp{Stack: d.Stack}, OwnKSA: d.OwnKSA, KSAAnnotations: d.KSAAnnotations}
	if d.Creating != 0 {
		in.Creating = time.Unix(d.Creating, 0)
	}
	return in
}

// render gives all objects but the record, which repeats the input.
func render(t testing.TB, in gke.Input) []golden.Object {
	t.Helper()
	values := map[string]secret.Bytes{}
	for _, use := range app.SecretUses(in.App) {
		values[use.Key] = secret.FromString("value")
	}
	kubeSecret, err := gke.SecretObject(in, values)
	if err != nil {
		t.Fatal(err)
	}
	all := append([]*unstructured.Unstructured{gke.Namespace(in)}, objects(t, in)...)
	if kubeSecret != nil {
		all = append(all, kubeSecret)
	}
	var out []golden.Object
	for _, o := range all {
		text, err := yaml.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, golden.Object{Name: o.GetKind() + " " + o.GetName(), YAML: string(text)})
	}
	return out
}
