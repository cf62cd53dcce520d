package service_test

import (
	"context"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"k8s.io/client-go/kubernetes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

const (
	noun = "twelvefactor_service"
	// early is how long a failure may take to be recognised, of the 20 minutes that an apply has.
	early = 11 * time.Minute
)

// The failure matrix: each row is tried in a create and in an update, on each runtime where it exists. What differs
// between the runtimes is a failureWorld.

// left is what a failed create leaves.
type left string

const (
	leftNothing left = "nothing"               // an error and no state
	leftUseless left = "a tainted service"     // an error: nothing serves
	leftKept    left = "an unfinished service" // a warning: it goes on, or it serves
)

// failure is one row.
type failure struct {
	// change leads from the good configuration to the one that fails, broken makes the world such that it does, and mend
	// mends the world. mended leads to the configuration that works then; nil: the same as failed, and the one before works too.
	change       func(*failureWorld, acctest.Attributes)
	broken, mend func(*failureWorld)
	mended       func(*failureWorld, acctest.Attributes)
	// path is where the diagnostic points to, said are parts of what it says.
	path string
	said []string
	// onCreate is what a create leaves.
	onCreate left
	// updateOnly leaves the create out, where something else of it would fail first.
	updateOnly bool
	// fast is how many times as fast as the real one the provider's clock goes: for failures that take patience.
	fast int
}

// failureWorld is one cell of the matrix.
type failureWorld struct {
	*testing.T
	env   *acctest.Env
	life  *acctest.Life
	clock *fastClock
	// cluster and namespace are those of a service on GKE.
	cluster, namespace string
	// good is a configuration that works, secret the version that it names, and next another one.
	good         acctest.Attributes
	secret, next string
	// identities tells what must stay over failed updates, by object; serving that what served before serves still.
	identities func(w *failureWorld) map[string]string
	serving    func(w *failureWorld) (stop func())
	gone       func(w *failureWorld)
}

// fastClock is a clock on which time goes faster. Waits stay as long as they are.
type fastClock struct {
	clock.Real
	mu    sync.Mutex
	begin time.Time
	times int
	ahead time.Duration // by what it has gained before begin
}

// Now is ahead of the real time.
func (c *fastClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *fastClock) now() time.Time {
	return c.begin.Add(c.ahead + time.Since(c.begin)*time.Duration(max(1, c.times)))
}

// set changes how fast it goes from now on.
func (c *fastClock) set(times int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	c.begin, c.times = time.Now(), times
	c.ahead = now.Sub(c.begin)
}

func (f failure) clock() *fastClock { return &fastClock{begin: time.Now(), times: f.fast} }

func withClock(c *fastClock) acctest.Option {
	return acctest.WithProviderClock(func(*clock.Offset) clock.Clock { return c })
}

// changed is the good configuration with a change of the row.
func (w *failureWorld) changed(change func(*failureWorld, acctest.Attributes)) acctest.Attributes {
	config := maps.Clone(w.good)
	config["processes"] = maps.Clone(w.good["processes"].(map[string]acctest.Attributes))
	if change != nil {
		change(w, config)
	}
	return config
}

// fails applies what must fail, early and with the right words.
func (w *failureWorld) fails(f failure, config acctest.Attributes, warned bool) {
	w.Helper()
	began := w.clock.Now()
	said := w.life.Apply(config)
	if took := w.clock.Now().Sub(began); took > early {
		w.Errorf("it was recognised after %s", took)
	}
	if acctest.Failed(said) == warned {
		w.Fatalf("the apply said:\n%s", said)
	}
	if !warned && !strings.Contains(said, f.path) {
		w.Errorf("it does not point to %s:\n%s", f.path, said)
	}
	for _, part := range f.said {
		if !strings.Contains(said, part) {
			w.Errorf("it does not say %q:\n%s", part, said)
		}
	}
}

// honest demands that the next plan changes something, and replaces nothing.
func (w *failureWorld) honest(config acctest.Attributes) {
	w.Helper()
	if plan := w.life.NextPlan(config); plan != nil && (plan.Empty() || plan.Replaces) {
		w.Errorf("the next plan is empty: %v, a replacement: %v", plan.Empty(), plan.Replaces)
	}
}

// works applies what must work, and demands an empty plan after it.
func (w *failureWorld) works(when string, config acctest.Attributes) {
	w.Helper()
	w.life.Must(w.life.Refresh())
	w.life.Must(w.life.Apply(config))
	if status := w.life.State.Get(w, "status"); status != "ready" {
		w.Errorf("%s the status is %s", when, status)
	}
	w.life.CheckEmptyPlan(when, config)
	w.life.Must(w.life.Refresh())
	w.life.CheckEmptyPlan(when+", refreshed,", config)
}

func (w *failureWorld) create(f failure) {
	config := w.changed(f.change)
	f.begin(w)
	w.fails(f, config, f.onCreate == leftKept)
	switch {
	case f.onCreate == leftNothing:
		if w.life.State != nil {
			w.Error("the refused create left a state")
		}
	case w.life.State == nil:
		w.Fatal("there is no state")
	case w.life.State.Tainted != (f.onCreate == leftUseless):
		w.Errorf("tainted: %v, want %s", w.life.State.Tainted, f.onCreate)
	default:
		if want := map[left]string{leftUseless: "failed", leftKept: "creating"}[f.onCreate]; w.life.State.Get(w, "status") != want {
			w.Errorf("status %s, want %s", w.life.State.Get(w, "status"), want)
		}
		w.life.Must(w.life.Refresh())
		w.honest(config)
	}
	f.end(w)
	w.works("after the mended create", w.changed(f.works()))
	replaced := map[left]int{leftUseless: 1}[f.onCreate]
	if w.life.Replaced != replaced {
		w.Errorf("%d replacements, want %d", w.life.Replaced, replaced)
	}
	w.remove()
}

// works is the change that leads to what works.
func (f failure) works() func(*failureWorld, acctest.Attributes) {
	if f.mended != nil {
		return f.mended
	}
	return f.change
}

func (f failure) begin(w *failureWorld) {
	if f.broken != nil {
		f.broken(w)
	}
}

func (f failure) end(w *failureWorld) {
	if f.mend != nil {
		f.mend(w)
	}
}

func (w *failureWorld) update(f failure) {
	w.works("after the create", w.good)
	before := w.identities(w)
	stop := w.serving(w)
	config := w.changed(f.change)
	f.begin(w)
	w.fails(f, config, false)
	if status := w.life.State.Get(w, "status"); status != "degraded" {
		w.Errorf("after the failed update the status is %s", status)
	}
	w.honest(config)
	w.life.Must(w.life.Refresh())
	w.honest(config)
	if f.mended == nil { // back to what was there before, while the new one would still fail
		w.works("back at the release before", w.good)
		w.fails(f, config, false)
	}
	f.end(w)
	w.works("after the mended update", w.changed(f.works()))
	stop()
	if after := w.identities(w); !maps.Equal(before, after) {
		w.Errorf("something that served was replaced: %v, before %v", after, before)
	}
	if w.life.Replaced > 0 {
		w.Error("the service was replaced")
	}
	w.remove()
}

func (w *failureWorld) remove() {
	w.life.Must(w.life.Destroy())
	if w.life.State != nil {
		w.Error("the state holds what was destroyed")
	}
	w.gone(w)
}

// setImage gives an image a behaviour while the failure lasts.
func setImage(b fakegcp.Behaviour) (broken, mend func(*failureWorld)) {
	behave := func(b fakegcp.Behaviour) func(*failureWorld) {
		return func(w *failureWorld) {
			w.Helper()
			if err := w.env.Fake.SetImage(w.nextImage(), b); err != nil {
				w.Fatal(err)
			}
		}
	}
	return behave(b), behave("")
}

// nextImage is an image of the test's own.
func (w *failureWorld) nextImage() string {
	return "asia-docker.pkg.dev/acme/shop/web:next" + strings.ReplaceAll(w.env.Name(""), "-", "")
}

// version makes a secret with a canary in it and gives the name of its version.
func (w *failureWorld) version(name string) string {
	w.Helper()
	client := gcp.New(gcp.Options{EmulatorHost: w.env.Fake.Addr()})
	defer func() { _ = client.Close() }()
	full := "projects/" + acctest.Project + "/secrets/" + name
	_, err := client.Secrets().Create(w.Context(), full, &secretmanagerpb.Secret{
		Replication: &secretmanagerpb.Replication{Replication: &secretmanagerpb.Replication_Automatic_{}},
	})
	if err == nil {
		_, err = client.SecretVersions().Add(w.Context(), full, secret.FromString(w.life.Canaries.Text(w, name)))
	}
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		client := gcp.New(gcp.Options{EmulatorHost: w.env.Fake.Addr()})
		defer func() { _ = client.Close() }()
		_ = client.Secrets().Delete(context.WithoutCancel(w.Context()), full)
	})
	return full + "/versions/1"
}

// unchanged is the good configuration itself.
func unchanged(*failureWorld, acctest.Attributes) {}

// nextRelease changes the image.
func nextRelease(w *failureWorld, config acctest.Attributes) { config["image"] = w.nextImage() }

// nextSecret refers to the other version.
func nextSecret(w *failureWorld, config acctest.Attributes) {
	config["secrets"] = map[string]string{"KEY": w.next}
}

// resized changes one process.
func resized(process string, sizes acctest.Attributes) func(*failureWorld, acctest.Attributes) {
	return func(_ *failureWorld, config acctest.Attributes) {
		processes := config["processes"].(map[string]acctest.Attributes)
		changed := maps.Clone(processes[process])
		maps.Copy(changed, sizes)
		processes[process] = changed
	}
}

// versionIs puts the other version into a state.
func versionIs(state secretmanagerpb.SecretVersion_State) func(*failureWorld) {
	return func(w *failureWorld) {
		w.Helper()
		err := w.env.Fake.UpdateSecretVersion(w.next, func(v *secretmanagerpb.SecretVersion) { v.State = state })
		if err != nil {
			w.Fatal(err)
		}
	}
}

// checkPolicies demands that no grant is left on the secrets.
func (w *failureWorld) checkPolicies() {
	w.Helper()
	for _, version := range []string{w.secret, w.next} {
		resource, _, _ := strings.Cut(version, "/versions/")
		if members := membersOf(w.T, w.env, resource, "roles/secretmanager.secretAccessor"); len(members) > 0 {
			w.Errorf("%v may still read %s", members, resource)
		}
	}
}

func (w *failureWorld) kubernetes() *kubernetes.Clientset {
	w.Helper()
	return w.env.Kubernetes(w, w.cluster)
}
