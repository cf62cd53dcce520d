package fakegcp_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// control sends a request to the control API and decodes what it answers; it must be accepted.
func control[T any](c *cloud, verb, path, body string) T {
	c.t.Helper()
	code, answer := c.curl(verb, "/_fake/"+path, body)
	if code != http.StatusOK {
		c.t.Fatalf("%s %s %s: %d %s", verb, path, body, code, answer)
	}
	var into T
	must(c.t, json.Unmarshal([]byte(answer), &into))
	return into
}

func TestControlListsItsRoutes(t *testing.T) {
	c := start(t)
	index := control[map[string]string](c, "GET", "", "")
	for _, route := range []string{"GET /_fake/objects", "POST /_fake/faults", "POST /_fake/reset", "GET /_fake/latency"} {
		if index[route] == "" {
			t.Errorf("the index does not tell of %s: %v", route, index)
		}
	}
	for _, wrong := range []string{"GET /_fake/nothing", "PUT /_fake/faults"} {
		verb, path, _ := strings.Cut(wrong, " ")
		if code, body := c.curl(verb, path, ""); code != http.StatusNotFound || !strings.Contains(body, "POST /_fake/faults") {
			t.Errorf("%s: %d %s, want 404 with the routes", wrong, code, body)
		}
	}
}

func TestControlSaysWhatItWouldHaveAccepted(t *testing.T) {
	c := start(t)
	for _, test := range []struct{ verb, path, body, want string }{
		{"POST", "faults", `{"metod": "x"}`, `"occurrence"`},
		{"POST", "faults", `{"times": 2}`, "occurrence"},
		{"POST", "latency", `{"duration": "soon"}`, "2m"},
		{"POST", "clock", `{}`, "advance"},
		{"POST", "clock", `{"speed": -1}`, "100000"},
		{"POST", "clock", `{"now": "2020-01-01T00:00:00Z"}`, "does not go back"},
		{"POST", "apis", `{"api": "run"}`, "run.googleapis.com"},
		{"POST", "images", `{"image": "a", "behaviour": "dance"}`, "neverReady"},
		{"POST", "operations", `{"kind": "CREATE_CLUSTER"}`, "hold"},
		{"POST", "operations", `{"code": "INTERNAL", "conditions": ["LUNCH"]}`, "GCE_STOCKOUT"},
		{"POST", "release", `{}`, "no operation is held"},
		{"POST", "projects", `{"id": "x", "number": "1"}`, "6 to 30"},
		{"POST", "projects", `{"id": "acme-prod", "number": "123456789012"}`, "acme-dev"},
		{"GET", "journal?wait=soon", "", "5s"},
		{"GET", "journal?before=3", "", "after"},
		{"GET", "objects?prefix=projects", "", "kind"},
		{"PATCH", "objects?name=" + numbered, `{"colour": "red"}`, "google.cloud.resourcemanager.v3.Project"},
	} {
		code, body := c.curl(test.verb, "/_fake/"+test.path, test.body)
		if code != http.StatusBadRequest || !strings.Contains(body, `"error"`) || !strings.Contains(strings.ReplaceAll(body, `\"`, `"`), test.want) {
			t.Errorf("%s %s %s: %d %s, want 400 naming %s", test.verb, test.path, test.body, code, body, test.want)
		}
	}
}

func TestControlReadsBackWhatIsSet(t *testing.T) {
	c := start(t)
	for _, set := range []struct{ path, body, want string }{
		{"latency", `{"method": "GetSecret", "duration": "90ms"}`, `"90ms"`},
		{"images", `{"image": "a:1", "behaviour": "exit:3"}`, `"exit:3"`},
		{"stockout", `{"zone": "asia-northeast1-a", "on": true}`, `"asia-northeast1-a"`},
		{"permissions", `{"permission": "run.services.get", "denied": true}`, `"run.services.get"`},
		{"apis", `{"api": "run.googleapis.com", "enabled": false}`, `"run.googleapis.com": false`},
		{"propagation", `{"delay": "3m"}`, `"3m0s"`},
		{"faults", `{"method": "GetSecret", "occurrence": 2, "times": 2}`, `"times": 2`},
		{"faults", `{"method": "GetSecret", "code": "ABORTED"}`, `"code": "ABORTED"`},
		{"operations", `{"kind": "DELETE", "duration": "7m"}`, `"7m0s"`},
		{"operations", `{"kind": "DELETE", "code": "DATA_LOSS"}`, `"code": "DATA_LOSS"`},
		{"projects", `{"id": "acme-prod", "number": "210987654321"}`, `"acme-prod"`},
		{"clock", `{"speed": 0}`, `"speed": 0`},
	} {
		control[any](c, "POST", set.path, set.body)
		if _, body := c.curl("GET", "/_fake/"+set.path, ""); !strings.Contains(body, set.want) {
			t.Errorf("GET %s: %s, want %s in it", set.path, body, set.want)
		}
	}
}

func TestFaultStrikesARangeOfCallsAndCounts(t *testing.T) {
	c := start(t)
	c.secret("shop-key")
	must(t, c.Inject(fakegcp.Fault{Method: "AddSecretVersion", Occurrence: 2, Times: 2, Code: codes.Aborted}))
	var got []codes.Code
	for range 4 {
		got = append(got, status.Code(c.addVersion(c.ctx())))
	}
	if want := []codes.Code{codes.OK, codes.Aborted, codes.Aborted, codes.OK}; !slices.Equal(got, want) {
		t.Errorf("codes %v, want %v", got, want)
	}
	if f := c.Faults(); len(f) != 1 || f[0].Seen != 4 || f[0].Struck != 2 {
		t.Errorf("faults %+v, want 4 seen and 2 struck", f)
	}
}

func TestLatencyDelaysTheAnswerNotTheEffect(t *testing.T) {
	c := start(t)
	c.secret("shop-key")
	must(t, c.SetLatency(fakegcp.Latency{Method: "AddSecretVersion", Resource: "shop-key", Duration: time.Hour}))
	ctx, cancel := context.WithCancel(c.ctx())
	var late sync.WaitGroup
	var answer error
	late.Go(func() { answer = c.addVersion(ctx) })
	waiting, stop := context.WithTimeout(c.ctx(), 10*time.Second)
	defer stop()
	for c.versions() == 0 { // reads are not held up by the late answer
		if waiting.Err() != nil {
			t.Fatal("the call has had no effect")
		}
	}
	cancel()
	late.Wait()
	if status.Code(answer) != codes.Canceled {
		t.Errorf("late call: %v, want it to end with its caller", answer)
	}
	calls := c.WaitJournal(waiting, fakegcp.JournalFilter{Method: "AddSecretVersion"})
	if len(calls) != 1 || calls[0].Code != "CANCELLED" {
		t.Errorf("journal %+v, want the late call CANCELLED", calls)
	}
	must(t, c.SetLatency(fakegcp.Latency{Method: "AddSecretVersion", Resource: "shop-key"}))
	must(t, c.addVersion(c.ctx()))
}

func TestSpeedSchedulesRight(t *testing.T) {
	base := &stoppedClock{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	began := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	c := start(t, func(o *fakegcp.Options) { o.Clock, o.Now = base, began })
	must(t, c.SetSpeed(60))
	op, err := c.create(service(container()))
	must(t, err)
	base.Advance(999 * time.Millisecond)
	if c.Settle(); !c.get().GetReconciling() {
		t.Error("done after 59.94 virtual seconds of 60")
	}
	base.Advance(time.Millisecond)
	if m := c.get(); m.GetReconciling() || !c.Now().Equal(began.Add(time.Minute)) {
		t.Errorf("at %s the operation %s still runs", c.Now(), op.GetName())
	}
	must(t, c.SetSpeed(0))
	base.Advance(time.Hour)
	c.Advance(time.Second)
	if got := c.Now().Sub(began); got != 61*time.Second {
		t.Errorf("%s have passed, want 61 s: the clock stood still but for one second", got)
	}
}

func TestSpeedMakesThingsHappenByThemselves(t *testing.T) {
	c := start(t, func(o *fakegcp.Options) { o.Clock, o.OperationTime = nil, time.Hour })
	_, err := c.create(service(container()))
	must(t, err)
	must(t, c.SetSpeed(36000)) // an hour in 0.1 s
	deadline := time.Now().Add(10 * time.Second)
	for c.get().GetReconciling() {
		if time.Now().After(deadline) {
			t.Fatal("an hour does not pass in ten seconds")
		}
	}
}

func TestJournalIsFilteredBoundedAndWaitedFor(t *testing.T) {
	c := start(t, func(o *fakegcp.Options) { o.JournalSize = 3 })
	c.secret("shop-key", "a", "b", "c", "d")
	c.versions()
	if got := c.Journal(); len(got) != 3 || got[0].Seq != 4 || got[2].Seq != 6 {
		t.Errorf("journal %+v, want calls 4 to 6", got)
	}
	if got := control[[]fakegcp.Call](c, "GET", "journal?after=4&mutating=true", ""); len(got) != 1 || got[0].Seq != 5 {
		t.Errorf("changes after 4: %+v, want call 5", got)
	}
	if got := control[[]fakegcp.Call](c, "GET", "journal?code=NOT_FOUND&wait=10ms", ""); got == nil || len(got) != 0 {
		t.Errorf("calls not found: %+v, want an empty list", got)
	}
	found := make(chan []fakegcp.Call, 1)
	go func() {
		found <- c.WaitJournal(c.ctx(), fakegcp.JournalFilter{After: 6, Resource: "none"})
	}()
	c.versions()
	_, err := c.secrets.GetSecret(c.ctx(), &secretmanagerpb.GetSecretRequest{Name: project + "/secrets/none"})
	wantError(t, err, codes.NotFound, "none")
	select {
	case got := <-found:
		if len(got) != 1 || got[0].Seq != 8 {
			t.Errorf("waited for %+v, want call 8", got)
		}
	case <-time.After(10 * time.Second):
		t.Error("nobody tells who waits")
	}
}

func TestObjectsAreFiltered(t *testing.T) {
	c := start(t)
	c.secret("shop-key", "one")
	c.secret("till-key", "two")
	got := control[map[string]fakegcp.Object](c, "GET", "objects?name="+project+"/secrets/shop", "")
	if version := got[numbered+"/secrets/shop-key/versions/1"]; len(got) != 2 || len(version.PayloadSHA256) != 64 {
		t.Errorf("objects %v, want the secret and its version with a hash", got)
	}
	if got := control[map[string]fakegcp.Object](c, "GET", "objects?kind=ServiceAccount", ""); len(got) != 1 {
		t.Errorf("accounts %v, want the default one", got)
	}
}

func TestMergeGivesANewEtag(t *testing.T) {
	g := startGKE(t)
	g.create()
	g.done(g.cloud.create(service(container())))
	g.secret("shop-key")
	for name, field := range map[string]string{devCluster: "resourceLabels", api: "labels", numbered + "/secrets/shop-key": "labels"} {
		before := g.etag(name)
		control[any](g.cloud, "PATCH", "objects?name="+name, `{"`+field+`": {"drift": "yes"}}`)
		if after := g.etag(name); after == before || after == "" {
			t.Errorf("%s has etag %s after a merge, %s before", name, after, before)
		}
	}
}

// etag is an object's etag as the dump shows it.
func (c *cloud) etag(name string) string {
	c.t.Helper()
	objects, err := c.Objects()
	must(c.t, err)
	var shown struct {
		Etag string `json:"etag"`
	}
	must(c.t, json.Unmarshal(objects[name].Data, &shown))
	return shown.Etag
}

func TestResetHasEverythingAsAtTheStart(t *testing.T) {
	setting := fakegcp.ControlInput{Name: "images", Input: json.RawMessage(`{"image": "a:1", "behaviour": "crash"}`)}
	began := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	c := start(t, func(o *fakegcp.Options) { o.Control, o.Now = []fakegcp.ControlInput{setting}, began })
	g := &gke{cloud: c, manager: newManager(c)}
	g.create()
	c.secret("shop-key", "one")
	_, err := c.create(service(container()))
	must(t, err)
	must(t, c.Inject(fakegcp.Fault{Method: "GetSecret"}))
	must(t, c.SetImage("b:1", fakegcp.ImageSlow))
	must(t, c.SetLatency(fakegcp.Latency{Duration: time.Millisecond}))
	must(t, c.SetStockout("", true))
	must(t, c.SetOperation(fakegcp.OperationRule{Hold: true}))
	c.Deny("run.services.get", "")
	c.SetPropagationDelay(time.Hour)
	must(t, c.SetSpeed(0))

	control[any](c, "POST", "reset", "")
	left, err := c.Remaining()
	must(t, err)
	operations, rules := c.Operations()
	images := c.Images()
	switch {
	case len(left) > 0, len(operations) > 0, len(rules) > 0, len(c.Faults()) > 0, len(c.Latencies()) > 0, len(c.Stockouts()) > 0,
		len(c.Denied()) > 0, len(c.Journal()) > 0, c.Speed() != 1, c.Now().Sub(began) > time.Minute:
		t.Errorf("left %v, operations %v, rules %v, faults %v, latencies %v, stockouts %v, denied %v, journal %v, speed %v at %s",
			left, operations, rules, c.Faults(), c.Latencies(), c.Stockouts(), c.Denied(), c.Journal(), c.Speed(), c.Now())
	case len(images) != 1 || images["a:1"] != fakegcp.ImageCrashes:
		t.Errorf("images %v, want those of the start", images)
	}
	c.secret("shop-key", "two")
	if c.versions() != 1 {
		t.Error("the new secret has the old versions")
	}
	g.create()
}

func TestExtraProject(t *testing.T) {
	c := start(t)
	control[any](c, "POST", "projects", `{"id": "acme-prod", "number": "210987654321"}`)
	before, err := c.Objects()
	must(t, err)
	control[any](c, "POST", "projects", `{"id": "acme-prod", "number": "210987654321"}`)
	after, err := c.Objects()
	must(t, err)
	const account = "projects/acme-prod/serviceAccounts/210987654321-compute@developer.gserviceaccount.com"
	if string(before[account].Data) == "" || string(before[account].Data) != string(after[account].Data) {
		t.Errorf("default account %s, then %s", before[account].Data, after[account].Data)
	}
}
