package kube_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

func parse(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	obj := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &obj); err != nil {
		t.Fatal(err)
	}
	return &unstructured.Unstructured{Object: obj}
}

const declaredDeployment = `
metadata: {labels: {app.kubernetes.io/name: shop}, annotations: {}}
spec:
  replicas: 2
  template:
    spec:
      automountServiceAccountToken: false
      containers:
      - name: web
        image: web:1
        command: [/app, serve]
        env: [{name: LEVEL, value: info}, {name: EMPTY, value: ""}]
        ports: [{containerPort: 8080}]
        resources: {requests: {cpu: 1000m, memory: 1Gi}}
      tolerations: [{key: spot, operator: Exists}]
      volumes: [{name: tmp, emptyDir: {sizeLimit: 64Mi}}]
`

const liveDeployment = `
metadata: {labels: {app.kubernetes.io/name: shop, added: by-somebody}, uid: "1"}
spec:
  replicas: 2.0
  strategy: {type: RollingUpdate}
  template:
    spec:
      automountServiceAccountToken: false
      containers:
      - {name: injected, image: proxy:1}
      - name: web
        image: web:1
        imagePullPolicy: IfNotPresent
        command: [/app, serve]
        env: [{name: ADDED, value: x}, {name: EMPTY}, {name: LEVEL, value: info}]
        ports: [{containerPort: 8080, protocol: TCP}]
        resources: {requests: {cpu: 1, memory: 1024Mi}}
      tolerations: [{key: spot, operator: Exists}]
      volumes: [{name: other}, {name: tmp, emptyDir: {sizeLimit: 65536Ki}}]
status: {replicas: 2}
`

func TestWhatTheServerAddsIsNoDifference(t *testing.T) {
	t.Parallel()
	if got := kube.Diff(parse(t, declaredDeployment), parse(t, liveDeployment)); len(got) > 0 {
		t.Errorf("differences: %v", got)
	}
}

func TestDifferencesNamePathAndValues(t *testing.T) {
	t.Parallel()
	container := func(o *unstructured.Unstructured) map[string]any {
		list, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
		return list[1].(map[string]any)
	}
	put := func(value any, fields ...string) func(*unstructured.Unstructured) {
		return func(o *unstructured.Unstructured) { _ = unstructured.SetNestedField(o.Object, value, fields...) }
	}
	inContainer := func(value any, fields ...string) func(*unstructured.Unstructured) {
		return func(o *unstructured.Unstructured) {
			c := container(o)
			_ = unstructured.SetNestedField(c, value, fields...)
			_ = unstructured.SetNestedSlice(o.Object, []any{c}, "spec", "template", "spec", "containers")
		}
	}
	const pod = "spec.template.spec"
	tests := map[string]struct {
		edit func(*unstructured.Unstructured)
		want kube.Change
	}{
		"scalar":        {put(int64(5), "spec", "replicas"), kube.Change{Path: "spec.replicas", Declared: "2", Actual: "5"}},
		"label":         {put("x", "metadata", "labels", "app.kubernetes.io/name"), kube.Change{Path: "metadata.labels[app.kubernetes.io/name]", Declared: "shop", Actual: "x"}},
		"image":         {inContainer("web:2", "image"), kube.Change{Path: pod + ".containers[web].image", Declared: "web:1", Actual: "web:2"}},
		"quantity":      {inContainer("2Gi", "resources", "requests", "memory"), kube.Change{Path: pod + ".containers[web].resources.requests.memory", Declared: "1Gi", Actual: "2Gi"}},
		"shorter list":  {inContainer([]any{"/app"}, "command"), kube.Change{Path: pod + ".containers[web].command", Declared: `["/app","serve"]`, Actual: `["/app"]`}},
		"list entry":    {inContainer([]any{"/app", "x"}, "command"), kube.Change{Path: pod + ".containers[web].command[1]", Declared: "serve", Actual: "x"}},
		"keyed entry":   {inContainer([]any{map[string]any{"containerPort": int64(9090)}}, "ports"), kube.Change{Path: pod + ".containers[web].ports[8080]", Declared: `{"containerPort":8080}`, Actual: kube.Missing}},
		"removed field": {put(nil, "spec", "template", "spec", "automountServiceAccountToken"), kube.Change{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live := parse(t, liveDeployment)
			test.edit(live)
			got := kube.Diff(parse(t, declaredDeployment), live)
			want := []kube.Change{test.want}
			if test.want.Path == "" {
				want = nil // false and absent are the same to the server's JSON
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(kube.Change{}, "Field")); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
		})
	}
}
