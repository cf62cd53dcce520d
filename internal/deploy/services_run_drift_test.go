package deploy_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/protobuf/proto"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/cloudrun"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/golden"
)

// driftCase is a change of one golden app behind our back.
type driftCase struct {
	deploy.RunChange
	object string   // full name of the service or worker pool
	paths  []string // what drift shows, up to the values; nothing for what is left to others
}

// driftCases are the changes by golden app: each place and each way once, in the first app that has it.
func driftCases(t *testing.T) map[string][]driftCase {
	t.Helper()
	inputs, tried, cases := golden.CloudRun(t), map[string]bool{}, map[string][]driftCase{}
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		in := inputs[name]
		in.Stamp, in.Creating, in.Attempt, in.DefaultLabels = names.Stamp{Stack: "test"}, time.Time{}, 0, nil // as the world declares it
		messages := []proto.Message{cloudrun.Service(in)}
		for _, pool := range cloudrun.WorkerPools(in) {
			messages = append(messages, pool)
		}
		for _, m := range messages {
			object := m.(interface{ GetName() string }).GetName()
			for _, change := range deploy.RunChangesOf(m) {
				key := string(m.ProtoReflect().Descriptor().Name()) + " " + change.Place + " " + change.What
				if tried[key] {
					continue
				}
				tried[key] = true
				changed := proto.Clone(m)
				change.Apply(changed)
				var paths []string
				for _, d := range deploy.RunDiff(m, changed) {
					path, _, _ := strings.Cut(d, ": ")
					paths = append(paths, object+" "+path)
				}
				cases[name] = append(cases[name], driftCase{change, object, paths})
			}
		}
	}
	return cases
}

func (w serviceWorld) behind(c driftCase) {
	w.Helper()
	var err error
	if strings.Contains(c.object, "/services/") {
		err = w.fake.UpdateRunService(c.object, func(s *runpb.Service) { c.Apply(s) })
	} else {
		err = w.fake.UpdateWorkerPool(c.object, func(p *runpb.WorkerPool) { c.Apply(p) })
	}
	if err != nil {
		w.Fatal(err)
	}
}

// Every field that is declared or owned, at every place, changed behind our back: told with its object and path, and put
// back by the next update in place. What is left to others is not told.
func TestEveryChangeBehindOurBackIsToldAndPutBack(t *testing.T) {
	t.Parallel()
	for name, cases := range driftCases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newRunWorld(t)
			w.app = golden.CloudRun(t)[name].App
			w.furnish(w.app)
			w.allow(w.app.CloudRun.Invokers)
			w.create()
			for _, c := range cases {
				w.behind(c)
				var told []string
				for _, d := range w.read().Drift {
					path, _, _ := strings.Cut(d, ": ")
					told = append(told, path)
				}
				if !slices.Equal(told, c.paths) {
					t.Errorf("%s %s of %s: told %q, want %q", c.Place, c.What, c.object, told, c.paths)
				}
				w.update(w.app)
			}
			if made, deleted := w.effects("CreateService"), w.effects("DeleteService"); made > 1 || deleted > 0 {
				t.Errorf("%d services were made and %d deleted", made, deleted)
			}
		})
	}
}
