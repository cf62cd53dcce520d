package gke_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/golden"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

func base(t *testing.T) gke.Input {
	t.Helper()
	return golden.GKE(t)[golden.Base]
}

func objects(t testing.TB, in gke.Input) []*unstructured.Unstructured {
	t.Helper()
	all, err := gke.Objects(in)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTheSameAppRendersToTheSameBytes(t *testing.T) {
	t.Parallel()
	for name, in := range golden.GKE(t) {
		var first []byte
		for range 100 {
			record, err := gke.Record(in)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal([]any{objects(t, in), record, gke.Namespace(in)})
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = got
			}
			if string(got) != string(first) {
				t.Fatalf("%s renders differently:\n%s", name, cmp.Diff(string(first), string(got)))
			}
		}
	}
}

func TestDefaultsAreTheSameWhoeverFillsThem(t *testing.T) {
	t.Parallel()
	in := base(t)
	filled := in
	filled.App = app.WithDefaults(in.App)
	if diff := cmp.Diff(objects(t, in), objects(t, filled)); diff != "" {
		t.Errorf("(-declared, +filled)\n%s", diff)
	}
}

// Server-side apply takes every field for declared, so a null or an empty object would be drift or take a field away
// from whoever owns it.
func TestNothingIsRenderedThatNobodyDeclared(t *testing.T) {
	t.Parallel()
	for name, in := range golden.GKE(t) {
		for _, o := range objects(t, in) {
			walk(o.Object, o.GetKind(), func(path string, value any) {
				v := reflect.ValueOf(value)
				if value == nil || (v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.Len() == 0 {
					t.Errorf("%s: %s is %v", name, path, value)
				}
			})
		}
	}
}

func walk(value any, path string, visit func(path string, value any)) {
	visit(path, value)
	switch v := value.(type) {
	case map[string]any:
		for key, field := range v {
			walk(field, path+"."+key, visit)
		}
	case []any:
		for i, item := range v {
			walk(item, fmt.Sprintf("%s[%d]", path, i), visit)
		}
	}
}

// A selector cannot change on a live Deployment: whatever is changed of an app, it has to stay.
func TestSelectorsNeverChange(t *testing.T) {
	t.Parallel()
	for name, in := range golden.GKE(t) {
		for _, o := range objects(t, in) {
			if o.GetKind() != "Deployment" {
				continue
			}
			got, _, _ := unstructured.NestedStringMap(o.Object, "spec", "selector", "matchLabels")
			want := map[string]string{names.KubeService: "shop", names.KubeProcess: o.GetLabels()[names.KubeProcess]}
			if !maps.Equal(got, want) {
				t.Errorf("%s: %s selects %v", name, o.GetName(), got)
			}
			podLabels, _, _ := unstructured.NestedStringMap(o.Object, "spec", "template", "metadata", "labels")
			for key, value := range want {
				if podLabels[key] != value {
					t.Errorf("%s: the pods of %s do not match its selector: %v", name, o.GetName(), podLabels)
				}
			}
		}
	}
}

func TestEverythingCarriesTheStampAndTheNamespace(t *testing.T) {
	t.Parallel()
	in := base(t)
	for _, o := range objects(t, in) {
		if !in.Stamp.OwnsKube(o.GetLabels()) || o.GetLabels()[names.KubeService] != "shop" || o.GetNamespace() != "shop" {
			t.Errorf("%s %s: labels %v, namespace %s", o.GetKind(), o.GetName(), o.GetLabels(), o.GetNamespace())
		}
	}
	if !in.Stamp.OwnsKube(gke.Namespace(in).GetLabels()) {
		t.Error("the namespace is not stamped")
	}
}

func TestTwoServicesInANamespaceShareNoObject(t *testing.T) {
	t.Parallel()
	one, other := base(t), base(t)
	one.App.Name, other.App.Name = "shop", "shop-web"
	seen := map[string]bool{}
	for _, in := range []gke.Input{one, other} {
		record, err := gke.Record(in)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range append(objects(t, in), record) {
			name := o.GetKind() + " " + o.GetName()
			if seen[name] {
				t.Errorf("both have %s", name)
			}
			seen[name] = true
		}
	}
}

func TestObjectsComeBeforeThoseThatNeedThem(t *testing.T) {
	t.Parallel()
	order := []string{"ServiceAccount", "ConfigMap", "Service", "Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget"}
	last := 0
	for _, o := range objects(t, base(t)) {
		at := slices.Index(order, o.GetKind())
		if at < last {
			t.Errorf("%s %s comes after a %s", o.GetKind(), o.GetName(), order[last])
		}
		last = at
	}
	if last != len(order)-1 {
		t.Error("the app of base.txtar does not have an object of every kind")
	}
}

func TestRecordRoundTrips(t *testing.T) {
	t.Parallel()
	for name, in := range golden.GKE(t) {
		record, err := gke.Record(in)
		if err != nil {
			t.Fatal(err)
		}
		back, err := gke.Recorded(record)
		if err != nil {
			t.Fatal(err)
		}
		want := app.WithDefaults(in.App)
		for process, p := range want.Processes {
			p.Scale.MinSet = false // the record has the number itself
			want.Processes[process] = p
		}
		if diff := cmp.Diff(want, back); diff != "" {
			t.Errorf("%s: (-want, +got)\n%s", name, diff)
		}
		inventory, err := gke.Inventory(record)
		if err != nil {
			t.Fatal(err)
		}
		rendered := map[string]bool{}
		for _, o := range objects(t, in) {
			rendered[o.GetKind()+" "+o.GetName()] = true
		}
		values := map[string]secret.Bytes{}
		for _, use := range app.SecretUses(in.App) {
			values[use.Key] = secret.FromString("value")
		}
		if held, err := gke.SecretObject(in, values); err != nil {
			t.Fatal(err)
		} else if held != nil {
			rendered[held.GetKind()+" "+held.GetName()] = true
		}
		if len(inventory) != len(rendered) { // the namespace outlives the app
			t.Errorf("%s: %d objects in the inventory, %d rendered", name, len(inventory), len(rendered))
		}
		for _, o := range inventory {
			if !rendered[o.Kind+" "+o.Name] {
				t.Errorf("%s: %s was not rendered", name, o)
			}
		}
		_, marked := record.GetAnnotations()[names.KubeCreating]
		if marked != !in.Creating.IsZero() {
			t.Errorf("%s: marked as creating: %v", name, marked)
		}
	}
}

func TestForeignRecordsAreRefused(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]map[string]any{
		"empty":         {},
		"no object":     {"data": "x", "metadata": map[string]any{"annotations": map[string]any{names.KubeApp: "["}}},
		"not inventory": {"data": map[string]any{"objects": "{}x"}},
	} {
		record := &unstructured.Unstructured{Object: content}
		if _, err := gke.Inventory(record); err == nil {
			t.Errorf("%s: an inventory was read", name)
		}
		if _, err := gke.Recorded(record); err == nil {
			t.Errorf("%s: an app was read", name)
		}
	}
}

func TestSecretObjectNeedsEveryValue(t *testing.T) {
	t.Parallel()
	in := base(t)
	_, err := gke.SecretObject(in, map[string]secret.Bytes{"SESSION_KEYS": secret.FromString("c4n4ry")})
	if err == nil || !strings.Contains(err.Error(), "PAYMENTS_API_KEY") || strings.Contains(err.Error(), "c4n4ry") {
		t.Errorf("error %v, want one that names the missing secret and shows no value", err)
	}
	values := map[string]secret.Bytes{"SESSION_KEYS": secret.FromString("a"), "PAYMENTS_API_KEY": secret.FromString("b"), "OTHER": secret.FromString("c")}
	object, err := gke.SecretObject(in, values)
	if err != nil {
		t.Fatal(err)
	}
	data, _, _ := unstructured.NestedStringMap(object.Object, "data")
	if diff := cmp.Diff(map[string]string{"SESSION_KEYS": "YQ==", "PAYMENTS_API_KEY": "Yg=="}, data); diff != "" {
		t.Errorf("(-want, +got)\n%s", diff)
	}
}

func TestAnotherVersionIsAnotherSecret(t *testing.T) {
	t.Parallel()
	one, other := base(t), base(t)
	other.App.Secrets["SESSION_KEYS"] = "projects/acme-dev/secrets/shop-session-key/versions/4"
	if gke.SecretName(one.App) == gke.SecretName(other.App) {
		t.Error("two sets of versions have one name")
	}
}

func TestWhatCannotBeRenderedIsAnError(t *testing.T) {
	t.Parallel()
	run := base(t)
	run.App.GKE, run.App.CloudRun = nil, &app.CloudRun{}
	quantity := base(t)
	quantity.App.Processes["web"] = app.Process{Memory: "much"}
	for name, in := range map[string]gke.Input{"an app on Cloud Run": run, "a quantity": quantity} {
		if got, err := gke.Objects(in); err == nil {
			t.Errorf("%s: rendered %v", name, got)
		}
	}
}
