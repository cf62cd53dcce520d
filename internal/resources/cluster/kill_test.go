package cluster_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// patience is how long a test waits for something to be called.
const patience = 2 * time.Minute

// moment is where a run is killed: before or after the effect of a call, or in the wait for an operation, counted from 1.
type moment struct {
	method     string
	occurrence int
	when       fakegcp.When
	wait       int
}

func (m moment) String() string {
	if m.wait > 0 {
		return fmt.Sprintf("in wait %d", m.wait)
	}
	return fmt.Sprintf("%s %s %d", m.when, m.method, m.occurrence)
}

// stage is a run of the life of a cluster, with the moments at which it is killed and the changes that it makes.
type stage struct {
	name    string
	config  string // "" destroys
	moments []moment
	changes []string
}

func (s stage) args() []string {
	if s.config == "" {
		return []string{"destroy", "-auto-approve", "-no-color"}
	}
	return []string{"apply", "-auto-approve", "-no-color"}
}

// life is the world of one test, and the folder that its runs share.
type life struct {
	*testing.T
	env *acctest.Env
	cli *acctest.CLI
}

func newLife(t *testing.T, env *acctest.Env) life { return life{t, env, env.CLI(t)} }

func stages(env *acctest.Env) []stage {
	return []stage{
		{name: "create", config: env.Config(cluster())},
		{name: "roll", config: env.Config(cluster(pool("base", `machine_type = "e2-standard-2", capacity = "preemptible", min_nodes = 1, max_nodes = 2`)))},
		{name: "delete"},
	}
}

// lived records what the stages do when nothing happens.
func (l life) lived() []stage {
	all := stages(l.env)
	for i, s := range all {
		from := len(l.env.Fake.Journal())
		operations, _ := l.env.Fake.Operations()
		l.write(s)
		l.cli.MustRun(l.T, s.args()...)
		l.settle()
		after, _ := l.env.Fake.Operations()
		all[i].changes = l.accepted(from)
		all[i].moments = moments(s.name, l.accepted(from), len(after)-len(operations))
	}
	return all
}

func moments(stage string, changes []string, operations int) []moment {
	var all []moment
	counts := map[string]int{}
	for _, method := range changes {
		counts[method]++
		for _, when := range []fakegcp.When{fakegcp.Before, fakegcp.After} {
			all = append(all, moment{method: method, occurrence: counts[method], when: when})
		}
	}
	if stage == "create" {
		// Nobody waits for the operation that ends a create, and a kill right after its effect can be told from a finished
		// cluster by the saved state only (DESIGN.md, "Marks go when the provider ends").
		all, operations = all[:len(all)-1], operations-1
	}
	for n := range operations {
		all = append(all, moment{wait: n + 1})
	}
	return all
}

func (l life) write(s stage) {
	l.Helper()
	if s.config != "" {
		l.cli.Write(l.T, "main.tf", s.config)
	}
}

// accepted lists the changes after a position in the journal that took place.
func (l life) accepted(from int) []string {
	var methods []string
	for _, call := range l.env.Fake.Journal()[from:] {
		if call.Mutating && (call.Code == "OK" || strings.Contains(call.Fault, string(fakegcp.After))) {
			methods = append(methods, call.Method[strings.LastIndex(call.Method, "/")+1:])
		}
	}
	return methods
}

// settle waits until nothing runs any more.
func (l life) settle() {
	l.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		operations, _ := l.env.Fake.Operations()
		if !slices.ContainsFunc(operations, func(op fakegcp.Operation) bool { return !op.Done }) {
			return
		}
		_ = l.env.Clock.Sleep(l.Context(), 10*time.Millisecond)
	}
	l.Fatal("an operation does not end")
}

// killAt kills a run of the stage at the moment, and lets the next one go on.
func (l life) killAt(s stage, at moment) {
	l.Helper()
	from := len(l.env.Fake.Journal())
	l.write(s)
	l.arm(at)
	run := l.cli.Start(l.T, s.args()...)
	l.reach(from)
	run.Kill(l.T)
	l.env.Fake.ClearFaults()
	l.env.Fake.ClearOperations()
	l.goOn(s)
	l.settle()
	got, want := l.accepted(from), slices.Clone(s.changes)
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		l.Errorf("%s, killed %s: changes (-without the kill +with it):\n%s", s.name, at, diff)
	}
	operations, _ := l.env.Fake.Operations()
	for i, op := range operations[1:] {
		if ended := operations[i].Ends; ended == nil || op.Accepted.Before(*ended) {
			l.Errorf("%s, killed %s: %s began while %s still ran", s.name, at, op.Kind, operations[i].Kind)
		}
	}
}

func (l life) arm(at moment) {
	l.Helper()
	var err error
	if at.wait > 0 {
		err = l.env.Fake.SetOperation(fakegcp.OperationRule{Occurrence: at.wait, Hold: true})
	} else {
		err = l.env.Fake.Inject(fakegcp.Fault{Method: "/" + at.method, Occurrence: at.occurrence, When: at.when, Kind: fakegcp.FaultHang})
	}
	if err != nil {
		l.Fatal(err)
	}
}

// held is the short name of the operation that runs until it is released, or nothing.
func (l life) held() string {
	operations, _ := l.env.Fake.Operations()
	for _, op := range operations {
		if op.Held {
			return op.Name[strings.LastIndex(op.Name, "/")+1:]
		}
	}
	return ""
}

// reach waits until a call hangs or an operation that is held is waited for.
func (l life) reach(from int) {
	l.Helper()
	ctx, cancel := context.WithTimeout(l.Context(), patience)
	defer cancel()
	for seq := from; ctx.Err() == nil; {
		for _, call := range l.env.Fake.WaitJournal(ctx, fakegcp.JournalFilter{After: seq}) {
			seq = call.Seq
			if call.Fault != "" || l.held() != "" && strings.HasSuffix(call.Resource, l.held()) {
				return
			}
		}
	}
	l.Fatalf("nothing happened in %s", patience)
}

// goOn runs the stage again. An operation that is held ends when the run waits for it; until then nothing may begin.
func (l life) goOn(s stage) {
	l.Helper()
	from := len(l.env.Fake.Journal())
	run := l.cli.Start(l.T, s.args()...)
	if held := l.held(); held != "" {
		ctx, cancel := context.WithTimeout(l.Context(), patience)
		defer cancel()
		l.env.Fake.WaitJournal(ctx, fakegcp.JournalFilter{After: from, Method: "GetOperation", Resource: held})
		if began := l.accepted(from); len(began) > 0 {
			l.Errorf("%v began while an operation ran", began)
		}
		if _, err := l.env.Fake.ReleaseOperations(""); err != nil {
			l.Fatal(err)
		}
	}
	if r := run.Wait(l.T); r.Code != 0 {
		l.Fatalf("the run after the kill:\n%s", r.Output())
	}
}

// TestClusterLifeWithKills kills the command and the provider before and after every change and in every wait of a
// create, a roll and a delete. A life is killed once in each of its stages; there are as many as the longest stage has
// moments. OpenTofu lives all of them, Terraform two.
func TestClusterLifeWithKills(t *testing.T) {
	t.Parallel()
	env := acctest.New(t)
	recorded := newLife(t, env).lived()
	lives := 0
	for _, s := range recorded {
		if len(s.moments) == 0 {
			t.Fatalf("%s changes nothing", s.name)
		}
		lives = max(lives, len(s.moments))
	}
	for n := range lives {
		run := func(t *testing.T, env *acctest.Env) {
			l := newLife(t, env)
			for i, s := range stages(env) {
				s.moments, s.changes = recorded[i].moments, recorded[i].changes
				l.killAt(s, s.moments[n%len(s.moments)])
				if s.config != "" {
					l.cli.MustRun(t, "plan", "-detailed-exitcode", "-no-color")
				}
			}
			if err := env.CheckNothingLeft(); err != nil {
				t.Error(err)
			}
		}
		name := fmt.Sprintf("life %d", n+1)
		if n < 2 {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				acctest.Core(t, run)
			})
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, acctest.New(t))
		})
	}
}
