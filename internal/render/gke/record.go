package gke

import (
	"encoding/json"
	"fmt"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

const (
	// RendererAnnotation says which RendererRevision made the objects.
	RendererAnnotation = "twelvefactor.dev/renderer"
	inventoryKey       = "objects"
)

// Object is one entry of a record's inventory. All are in the app's namespace.
type Object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
}

// String is "apps/v1 Deployment shop-web".
func (o Object) String() string { return o.APIVersion + " " + o.Kind + " " + o.Name }

// Record renders the ConfigMap that says what was applied: the declared app, its release, the renderer's revision, and
// the objects that it made, for who looks with kubectl. Read compares with it and an import is made from it; pruning and
// deletion go by labels, and by the UIDs that are noted in it.
func Record(in Input) (*unstructured.Unstructured, error) {
	in = in.filled()
	encoded, err := app.Encode(in.App)
	if err != nil {
		return nil, err
	}
	inventory, err := inventoryOf(in)
	if err != nil {
		return nil, err
	}
	objects, err := Objects(in)
	if err != nil {
		return nil, err
	}
	rendering, err := EncodeRendering(objects)
	if err != nil {
		return nil, err
	}
	l := labels(in)
	l[names.KubeRelease] = app.ReleaseID(in.App)
	annotations := map[string]string{names.KubeApp: string(encoded), RendererAnnotation: strconv.Itoa(RendererRevision)}
	for key, value := range in.creatingMark() {
		annotations[key] = value
	}
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{inventoryKey: string(inventory), renderingKey: rendering},
	}}
	u.SetName(names.Record(in.App.Name))
	u.SetNamespace(in.App.GKE.Namespace)
	u.SetLabels(l)
	u.SetAnnotations(annotations)
	return u, nil
}

// inventoryOf lists the objects in the order of Objects, the Secret last.
func inventoryOf(in Input) ([]byte, error) {
	objects, err := Objects(in)
	if err != nil {
		return nil, err
	}
	var inventory []Object
	for _, o := range objects {
		inventory = append(inventory, Object{o.GetAPIVersion(), o.GetKind(), o.GetName()})
	}
	if name := SecretName(in.App); name != "" {
		inventory = append(inventory, Object{"v1", "Secret", name})
	}
	return json.Marshal(inventory)
}

// Inventory reads the objects that a record lists.
func Inventory(record *unstructured.Unstructured) ([]Object, error) {
	data, _, err := unstructured.NestedString(record.Object, "data", inventoryKey)
	if err != nil || data == "" {
		return nil, fmt.Errorf("record %s has no inventory", record.GetName())
	}
	var inventory []Object
	if err := json.Unmarshal([]byte(data), &inventory); err != nil {
		return nil, fmt.Errorf("reading the inventory of record %s: %w", record.GetName(), err)
	}
	return inventory, nil
}

// Recorded reads the declared app from a record.
func Recorded(record *unstructured.Unstructured) (app.App, error) {
	encoded, ok := record.GetAnnotations()[names.KubeApp]
	if !ok {
		return app.App{}, fmt.Errorf("record %s has no annotation %s", record.GetName(), names.KubeApp)
	}
	return app.Decode([]byte(encoded))
}
