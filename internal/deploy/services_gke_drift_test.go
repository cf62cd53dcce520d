package deploy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
)

// fixedFields are those that the API lets nobody change, and why. Everything else that is rendered is tried.
var fixedFields = []struct{ pattern, why string }{
	{"* apiVersion", "which object it is"}, {"* kind", "which object it is"}, {"* metadata.name", "which object it is"},
	{"* metadata.namespace", "which object it is"},
	{"ConfigMap data", "immutable"}, {"ConfigMap immutable", "immutable"},
	{"Deployment spec.selector", "immutable"},
	{"Deployment spec.template.metadata.labels[twelvefactor.dev/service]", "has to fit the selector"},
	{"Deployment spec.template.metadata.labels[twelvefactor.dev/process]", "has to fit the selector"},
	{"Deployment spec.template.spec.volumes[scratch-0].name", "tied to the mount"},
	{"Deployment spec.template.spec.volumes[scratch-1].name", "tied to the mount"},
	{"Deployment spec.strategy.type", "tied to rollingUpdate beside it"},
	{"HorizontalPodAutoscaler spec.metrics[0].type", "tied to resource beside it"},
	{"HorizontalPodAutoscaler spec.metrics[0].resource.target.type", "tied to averageUtilization beside it"},
	{"Deployment spec.template.spec.containers[*].ports[8080].protocol", "its other values make another port of the same number"},
}

func isFixed(ref kube.Ref, field kube.Field) bool {
	return slices.ContainsFunc(fixedFields, func(f struct{ pattern, why string }) bool {
		object, path, _ := strings.Cut(f.pattern, " ")
		at := field.String()
		i, err := app.ParseIgnore(f.pattern)
		return (object == "*" || object == ref.GVK.Kind) && path == at || err == nil && i.Covers(ref.String(), at)
	})
}

// otherValues are what somebody may write instead of a value.
func otherValues(value any) []any {
	switch v := value.(type) {
	case bool:
		return []any{!v}
	case int64:
		return []any{v + 1, v - 1}
	case string:
		return []any{
			v + "x", v + "1", "7Mi", "7", "77", "8Mi", "Unconfined", "UDP", "Always", "ClientIP", "NodePort", "NET_RAW", "DoNotSchedule", "ScheduleAnyway",
			"IfHealthyBudget", "memory", "30%", "scratch-0", "scratch-1", nil,
		}
	default:
		return []any{nil}
	}
}

// driftRound is one round of changes behind the provider's back.
type driftRound struct {
	serviceWorld
	pending map[kube.Ref][]kube.Field
	refused map[string]error
	stuck   []changedField // that nothing changes
}

// changed is a field that somebody has changed.
type changedField struct {
	ref   kube.Ref
	field kube.Field
}

func (r *driftRound) client(ref kube.Ref) dynamic.ResourceInterface {
	resource, _ := meta.UnsafeGuessKindToResource(ref.GVK)
	return r.others().Resource(resource).Namespace(ref.Namespace)
}

// edit changes as many of the pending fields of an object as the API takes at once.
func (r *driftRound) edit(declared *unstructured.Unstructured) []changedField {
	r.Helper()
	ref := kube.RefOf(declared)
	live := r.live(ref)
	var edited []changedField
	var left []kube.Field
	all := len(slices.DeleteFunc(kube.Fields(declared), func(f kube.Field) bool { return isFixed(ref, f) }))
	plain := slices.ContainsFunc(r.pending[ref], func(f kube.Field) bool { return f.Entry() == "" })
	for _, field := range r.pending[ref] {
		switch {
		case plain && field.Entry() != "": // their turn comes when nothing in the entries is left to change
			left = append(left, field)
		case !plain && slices.ContainsFunc(edited, func(c changedField) bool { return nested(c.field.Entry(), field.Entry()) }):
			left = append(left, field)
		case len(edited) > 0 && len(edited) >= all-1: // an object of which nothing is left would be somebody else's
			left = append(left, field)
		default:
			if next := r.tried(declared, live, field); next != nil {
				live, edited = next, append(edited, changedField{ref, field})
				continue
			}
			left = append(left, field)
		}
	}
	if plain && len(edited) == 0 { // what is left of the plain ones cannot be changed
		for _, field := range r.pending[ref] {
			if field.Entry() == "" {
				r.stuck = append(r.stuck, changedField{ref, field})
			}
		}
		r.pending[ref] = slices.DeleteFunc(r.pending[ref], func(f kube.Field) bool { return f.Entry() == "" })
		if len(r.pending[ref]) > 0 {
			return r.edit(declared)
		}
		return nil
	}
	r.pending[ref] = left
	if len(edited) > 0 {
		if _, err := r.write(ref, live); err != nil {
			r.Fatalf("%s: %v", ref, err)
		}
	}
	return edited
}

// nested tells whether one entry is in the other.
func nested(one, other string) bool { return within(one, other) || within(other, one) }

// write updates an object as somebody, though a controller may write the status at the same time.
func (r *driftRound) write(ref kube.Ref, o *unstructured.Unstructured, dryRun ...string) (*unstructured.Unstructured, error) {
	for try := 1; ; try++ {
		o.SetResourceVersion("")
		if ref.GVK == kube.PodDisruptionBudget { // the API asks for a version of these
			o.SetResourceVersion(r.live(ref).GetResourceVersion())
		}
		written, err := r.client(ref).Update(r.Context(), o, metav1.UpdateOptions{FieldManager: "somebody", DryRun: dryRun})
		if !apierrors.IsConflict(err) || try == 5 {
			return written, err
		}
	}
}

// tried is the object with another value at a field, nil when the API takes none that makes a difference there.
func (r *driftRound) tried(declared, live *unstructured.Unstructured, field kube.Field) *unstructured.Unstructured {
	value, there := field.Get(live.Object)
	if !there {
		return nil // another change of this round took it away
	}
	ref := kube.RefOf(declared)
	for _, other := range otherValues(value) {
		next := live.DeepCopy()
		if other == nil {
			field.Remove(next.Object)
		} else {
			field.Set(next.Object, other)
		}
		dry, err := r.write(ref, next, metav1.DryRunAll)
		if err != nil {
			r.refused[ref.String()+" "+field.String()] = err
			continue
		}
		if slices.ContainsFunc(kube.Diff(declared, dry), func(c kube.Change) bool { return within(field.String(), c.Path) }) {
			return next
		}
	}
	return nil
}

// within tells whether a path is that of a field or leads to it.
func within(field, path string) bool {
	return field == path || strings.HasPrefix(field, path+".") || strings.HasPrefix(field, path+"[")
}

// entries counts the entries of all lists in a value.
func entries(value any) int {
	n := 0
	switch v := value.(type) {
	case map[string]any:
		for _, inner := range v {
			n += entries(inner)
		}
	case []any:
		for _, inner := range v {
			n += 1 + entries(inner)
		}
	}
	return n
}

func richGKEWorld(t *testing.T) serviceWorld {
	t.Helper()
	w := newGKEWorld(t)
	w.app.Labels = map[string]string{"team": "web"}
	w.app.Processes = map[string]app.Process{
		"web": {
			Command: []string{"/app"}, Args: []string{"serve"}, Scale: app.Scale{Min: 2, Max: 4}, Scratch: map[string]string{"/var/cache": "32Mi"},
			Startup: &app.Probe{Path: "/up"}, Liveness: &app.Probe{TCP: true}, Readiness: &app.Probe{GRPC: true},
		},
		"worker": {Command: []string{"/app", "work"}, Scale: app.Scale{Min: 2, Max: 2}, Scratch: map[string]string{"/work": "32Mi"}},
	}
	return w
}

// Every field of every object that is rendered is changed behind the provider's back: what the renderer says, now and
// later, is shown and put back.
func TestGKEEveryRenderedFieldIsOwned(t *testing.T) {
	t.Parallel()
	w := richGKEWorld(t)
	w.create()
	declared, err := gke.Objects(gke.Input{App: w.app, Stamp: names.Stamp{Stack: "test"}, OwnKSA: true})
	if err != nil {
		t.Fatal(err)
	}
	r := &driftRound{serviceWorld: w, pending: map[kube.Ref][]kube.Field{}, refused: map[string]error{}}
	lists, total := map[kube.Ref]int{}, 0
	for _, o := range declared {
		ref := kube.RefOf(o)
		for _, field := range kube.Fields(o) {
			if !isFixed(ref, field) {
				r.pending[ref], total = append(r.pending[ref], field), total+1
			}
		}
		lists[ref] = entries(w.live(ref).Object["spec"])
	}
	for round := 1; ; round++ {
		var edited []changedField
		for _, o := range declared {
			edited = append(edited, r.edit(o)...)
		}
		if len(edited) == 0 {
			break
		}
		t.Logf("round %d changes %d fields", round, len(edited))
		r.checkShown(edited)
		w.update(w.app)
		for _, o := range declared {
			ref := kube.RefOf(o)
			if n := entries(w.live(ref).Object["spec"]); n != lists[ref] {
				t.Errorf("round %d: %s has %d entries in its lists, before it had %d", round, ref, n, lists[ref])
			}
		}
	}
	for ref, fields := range r.pending {
		for _, field := range fields {
			r.stuck = append(r.stuck, changedField{ref, field})
		}
	}
	for _, c := range r.stuck {
		t.Errorf("%s %s cannot be changed and is not among the fixed fields: %v", c.ref, c.field, r.refused[c.ref.String()+" "+c.field.String()])
	}
	if total < 100 {
		t.Errorf("only %d fields are tried", total)
	}
	w.remove()
}

func (r *driftRound) checkShown(edited []changedField) {
	r.Helper()
	drift := r.read().Drift
	for _, c := range edited {
		shown := slices.ContainsFunc(drift, func(line string) bool {
			at, values, _ := strings.Cut(line, ": ")
			before, after, _ := strings.Cut(values, " -> ")
			path, ours := strings.CutPrefix(at, c.ref.String()+" ")
			return ours && within(c.field.String(), path) && before != after && before != "" && after != ""
		})
		if !shown {
			r.Errorf("%s %s was changed, and drift does not show it", c.ref, c.field)
		}
	}
}

// What others add, and what belongs to controllers, is neither shown nor taken away.
func TestGKEFieldsOfOthersAreNoDrift(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.create()
	web := w.app.Name + "-web"
	others := w.others().Resource(deploymentsResource).Namespace(w.app.GKE.Namespace)
	patch := `{"metadata":{"annotations":{"theirs":"1"},"labels":{"theirs":"1"}},"spec":{"template":{"metadata":{"annotations":{"mesh":"on"}},"spec":{
		"containers":[{"name":"web","env":[{"name":"ADDED","value":"x"}]},{"name":"proxy","image":"asia-docker.pkg.dev/acme/mesh/proxy:1",
		"securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}}}]}}}}`
	if _, err := others.Patch(t.Context(), web, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "mesh"}); err != nil {
		t.Fatal(err)
	}
	if _, err := others.Patch(t.Context(), web, types.MergePatchType, []byte(`{"spec":{"replicas":4}}`), metav1.PatchOptions{FieldManager: "keda"}, "scale"); err != nil {
		t.Fatal(err)
	}
	if state := w.read(); len(state.Drift) > 0 {
		t.Errorf("drift %q", state.Drift)
	}
	w.app.Config = map[string]string{"LEVEL": "debug"}
	w.update(w.app)
	live := fmt.Sprint(w.live(w.ref(kube.Deployment, web)).Object["spec"])
	for _, theirs := range []string{"ADDED", "mesh/proxy:1", "mesh:on"} {
		if !strings.Contains(live, theirs) {
			t.Errorf("the update took %s away", theirs)
		}
	}
	w.remove()
}

// A field that is left to others stays as they made it, until the configuration changes it.
func TestGKEIgnoredFieldStaysUntilItIsDeclaredAnew(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.app.DriftIgnore = []string{"Deployment spec.template.spec.containers[*].resources.requests.memory"}
	w.create()
	web := w.app.Name + "-web"
	memory := func() string {
		return fmt.Sprint(w.live(w.ref(kube.Deployment, web)).Object["spec"])
	}
	patch := `{"spec":{"template":{"spec":{"containers":[{"name":"web","resources":{"requests":{"memory":"100Mi"}}}]}}}}`
	_, err := w.others().Resource(deploymentsResource).Namespace(w.app.GKE.Namespace).Patch(t.Context(), web, types.StrategicMergePatchType, []byte(patch),
		metav1.PatchOptions{FieldManager: "vpa"})
	if err != nil {
		t.Fatal(err)
	}
	if state := w.read(); len(state.Drift) > 0 {
		t.Errorf("drift %q", state.Drift)
	}
	w.app.Config = map[string]string{"LEVEL": "debug"}
	w.update(w.app)
	if got := memory(); !strings.Contains(got, "memory:100Mi") {
		t.Errorf("the change of something else took the ignored field back: %s", got)
	}
	process := w.app.Processes["web"]
	process.Memory = "320Mi"
	w.app.Processes = map[string]app.Process{"web": process}
	w.update(w.app)
	if got := memory(); strings.Contains(got, "memory:100Mi") {
		t.Errorf("the declared change of the field did not arrive: %s", got)
	}
	w.remove()
}

// An older renderer is told, is no drift, and hides none; with rerender it is a difference.
func TestGKEOtherRendererIsNoDrift(t *testing.T) {
	t.Parallel()
	w := newGKEWorld(t)
	w.create()
	web := w.ref(kube.Deployment, w.app.Name+"-web")
	w.renderedBefore(web, 3)
	state, notices, err := w.ReadService(t.Context(), w.app)
	if err != nil || len(state.Drift) > 0 || state.Status != deploy.ServiceReady || len(notices) != 1 || !strings.Contains(notices[0].Detail, "rerender") {
		t.Fatalf("%s, notices %v, error %v", shown(state), notices, err)
	}
	patch := `{"spec":{"revisionHistoryLimit":7}}`
	if _, err := w.others().Resource(deploymentsResource).Namespace(web.Namespace).Patch(t.Context(), web.Name, types.MergePatchType, []byte(patch),
		metav1.PatchOptions{FieldManager: "somebody"}); err != nil {
		t.Fatal(err)
	}
	if state, _, err := w.ReadService(t.Context(), w.app); err != nil || !slices.Contains(state.Drift, web.String()+" spec.revisionHistoryLimit: 3 -> 7") {
		t.Errorf("%s, error %v", shown(state), err)
	}
	w.app.Rerender = true
	w.update(w.app)
	w.renderedBefore(web, 3)
	if state := w.read(); !slices.Contains(state.Drift, web.String()+" spec.revisionHistoryLimit: 5 -> 3") {
		t.Errorf("with rerender: %s", shown(state))
	}
	w.update(w.app)
	w.remove()
}

// renderedBefore makes it look as if an older renderer had written the service, which declared another limit of
// revisions.
func (w serviceWorld) renderedBefore(deployment kube.Ref, limit int64) {
	w.Helper()
	record := w.live(w.ref(kube.ConfigMap, names.Record(w.app.Name)))
	objects, _ := gke.RecordedRendering(record)
	for _, o := range objects {
		if kube.RefOf(o) == deployment {
			_ = unstructured.SetNestedField(o.Object, limit, "spec", "revisionHistoryLimit")
			if _, _, err := w.kube().Apply(w.Context(), o, kube.ApplyOptions{Force: true}); err != nil {
				w.Fatal(err)
			}
		}
	}
	rendering, err := gke.EncodeRendering(objects)
	if err != nil {
		w.Fatal(err)
	}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:"0"}},"data":{"rendering":%q}}`, gke.RendererAnnotation, rendering)
	configMaps, _ := meta.UnsafeGuessKindToResource(kube.ConfigMap)
	if _, err := w.others().Resource(configMaps).Namespace(deployment.Namespace).Patch(w.Context(), record.GetName(), types.MergePatchType, []byte(patch),
		metav1.PatchOptions{FieldManager: "somebody"}); err != nil {
		w.Fatal(err)
	}
}
