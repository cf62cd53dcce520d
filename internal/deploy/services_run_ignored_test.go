package deploy_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/protobuf/proto"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/cloudrun"
)

func (w serviceWorld) livePool() *runpb.WorkerPool {
	w.Helper()
	live, err := w.GCP.WorkerPools().Get(w.Context(), runWorker)
	if err != nil {
		w.Fatal(err)
	}
	return live
}

// othersChange changes service and worker pool behind our back.
func (w serviceWorld) othersChange(service func(*runpb.Service), pool func(*runpb.WorkerPool)) {
	w.Helper()
	var err error
	if service != nil {
		err = w.fake.UpdateRunService(runService, service)
	}
	if pool != nil && err == nil {
		err = w.fake.UpdateWorkerPool(runWorker, pool)
	}
	if err != nil {
		w.Fatal(err)
	}
}

func setEnv(c *runpb.Container, name, value string) {
	c.Env = slices.DeleteFunc(c.Env, func(e *runpb.EnvVar) bool { return e.GetName() == name })
	c.Env = append(c.Env, &runpb.EnvVar{Name: name, Values: &runpb.EnvVar_Value{Value: value}})
}

func envOf(c *runpb.Container) string {
	var all []string
	for _, e := range c.GetEnv() {
		if e.GetValueSource() == nil {
			all = append(all, e.GetName()+"="+e.GetValue())
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// A field that is left to others stays as they made it through changes of other things, until the configuration changes
// it: single values, entries of maps and lists that are declared or added, on services and worker pools.
func TestRunIgnoredFieldStaysUntilItIsDeclaredAnew(t *testing.T) {
	t.Parallel()
	web := func(s *runpb.Service) *runpb.Container { return s.GetTemplate().GetContainers()[0] }
	scaled := func(a *app.App, process string, scale app.Scale) {
		p := a.Processes[process]
		p.Scale = scale
		a.Processes = map[string]app.Process{"web": a.Processes["web"], "worker": a.Processes["worker"]}
		a.Processes[process] = p
	}
	for name, test := range map[string]struct {
		ignore  []string
		service func(*runpb.Service)
		pool    func(*runpb.WorkerPool)
		// seen is what others changed, left is how they left it.
		seen func(*runpb.Service, *runpb.WorkerPool) string
		left string
		// declare changes the declaration of the field, after which it is as declared.
		declare  func(*app.App)
		declared string
	}{
		"instances of a worker pool": {
			ignore: []string{"WorkerPool scaling.manual_instance_count"},
			pool:   func(p *runpb.WorkerPool) { p.Scaling.ManualInstanceCount = new(int32(7)) },
			seen: func(_ *runpb.Service, p *runpb.WorkerPool) string {
				return strconv.Itoa(int(p.GetScaling().GetManualInstanceCount()))
			},
			left:    "7",
			declare: func(a *app.App) { scaled(a, "worker", app.Scale{Min: 3, Max: 3, MinSet: true}) }, declared: "3",
		},
		"bounds of a service": {
			ignore:  []string{"Service scaling"},
			service: func(s *runpb.Service) { s.Scaling.MinInstanceCount, s.Scaling.MaxInstanceCount = 2, 20 },
			seen: func(s *runpb.Service, _ *runpb.WorkerPool) string {
				return strconv.Itoa(int(s.GetScaling().GetMinInstanceCount())) + " to " + strconv.Itoa(int(s.GetScaling().GetMaxInstanceCount()))
			},
			left:    "2 to 20",
			declare: func(a *app.App) { scaled(a, "web", app.Scale{Max: 5}) }, declared: "2 to 5",
		},
		"variables": {
			ignore:  []string{"Service template.containers[*].env[LEVEL]", "Service template.containers[web].env[TRACE]"},
			service: func(s *runpb.Service) { setEnv(web(s), "LEVEL", "trace"); setEnv(web(s), "TRACE", "on") },
			seen:    func(s *runpb.Service, _ *runpb.WorkerPool) string { return envOf(web(s)) },
			left:    "LEVEL=trace MORE=x TRACE=on",
			declare: func(a *app.App) { a.Config = map[string]string{"LEVEL": "debug", "MORE": "y"} }, declared: "LEVEL=debug MORE=y TRACE=on",
		},
		"a variable that is gone": {
			ignore: []string{"Service template.containers[*].env[LEVEL]"},
			service: func(s *runpb.Service) {
				web(s).Env = slices.DeleteFunc(web(s).Env, func(e *runpb.EnvVar) bool { return e.GetName() == "LEVEL" })
			},
			seen: func(s *runpb.Service, _ *runpb.WorkerPool) string { return envOf(web(s)) },
			left: "MORE=x", declare: func(a *app.App) { a.Config = map[string]string{"LEVEL": "debug"} }, declared: "LEVEL=debug",
		},
		"labels of both": {
			ignore:  []string{"Service labels[team]", "WorkerPool template.labels[team]"},
			service: func(s *runpb.Service) { s.Labels["team"] = "ops" },
			pool:    func(p *runpb.WorkerPool) { delete(p.Template.Labels, "team") },
			seen: func(s *runpb.Service, p *runpb.WorkerPool) string {
				return s.GetLabels()["team"] + "," + p.GetTemplate().GetLabels()["team"]
			},
			left: "ops,", declare: func(a *app.App) { a.Labels = map[string]string{"team": "shop"} }, declared: "shop,shop",
		},
		"a sidecar with its volume": {
			ignore: []string{"Service template.containers[agent]", "Service template.volumes[spool]"},
			service: func(s *runpb.Service) {
				s.Template.Volumes = append(s.Template.Volumes, &runpb.Volume{Name: "spool", VolumeType: &runpb.Volume_EmptyDir{EmptyDir: &runpb.EmptyDirVolumeSource{SizeLimit: "1Mi"}}})
				s.Template.Containers = append(s.Template.Containers, &runpb.Container{
					Name: "agent", Image: "agent:1", VolumeMounts: []*runpb.VolumeMount{{Name: "spool", MountPath: "/spool"}},
				})
			},
			seen: func(s *runpb.Service, _ *runpb.WorkerPool) string {
				var all []string
				for _, c := range s.GetTemplate().GetContainers() {
					all = append(all, c.GetName())
				}
				for _, v := range s.GetTemplate().GetVolumes() {
					all = append(all, v.GetName())
				}
				return strings.Join(all, " ")
			},
			left: "web agent spool", declare: func(*app.App) {}, declared: "web agent spool",
		},
		"arguments, network and ingress": {
			ignore: []string{"Service template.containers[web].args", "* template.vpc_access", "Service ingress"},
			service: func(s *runpb.Service) {
				s.Ingress = runpb.IngressTraffic_INGRESS_TRAFFIC_INTERNAL_ONLY
				web(s).Args = []string{"--fast"}
				s.Template.VpcAccess = &runpb.VpcAccess{NetworkInterfaces: []*runpb.VpcAccess_NetworkInterface{{Network: "theirs"}}}
			},
			seen: func(s *runpb.Service, _ *runpb.WorkerPool) string {
				seen := s.GetIngress().String() + " " + strings.Join(web(s).GetArgs(), " ")
				for _, n := range s.GetTemplate().GetVpcAccess().GetNetworkInterfaces() {
					seen += " " + n.GetNetwork()
				}
				return seen
			},
			left: "INGRESS_TRAFFIC_INTERNAL_ONLY --fast theirs",
			declare: func(a *app.App) {
				run := *a.CloudRun
				run.VPC = &app.VPC{Network: "ours"}
				a.CloudRun = &run
			},
			declared: "INGRESS_TRAFFIC_INTERNAL_ONLY --fast ours",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newRunWorld(t)
			w.app.Config = map[string]string{"LEVEL": "info", "MORE": "x"}
			w.app.Labels = map[string]string{"team": "web"}
			w.app.DriftIgnore = test.ignore
			w.create()
			seen := func(when, want string) {
				t.Helper()
				if state := w.read(); len(state.Drift) > 0 || state.Status != deploy.ServiceReady {
					t.Errorf("%s: %s", when, shown(state))
				}
				if got := test.seen(w.liveRun(), w.livePool()); got != want {
					t.Errorf("%s: %s, want %s", when, got, want)
				}
			}
			w.othersChange(test.service, test.pool)
			seen("changed by others", test.left)
			before := w.effects("UpdateService") + w.effects("UpdateWorkerPool")
			w.update(w.app)
			if n := w.effects("UpdateService") + w.effects("UpdateWorkerPool"); n != before {
				t.Errorf("%d writes although nothing changed", n-before)
			}
			for _, command := range []string{"/one", "/two"} {
				p := w.app.Processes["web"]
				p.Command = []string{command}
				w.app.Processes = map[string]app.Process{"web": p, "worker": {Command: []string{command}, Scale: w.app.Processes["worker"].Scale}}
				w.update(w.app)
				seen("after a change of something else", test.left)
			}
			test.declare(&w.app)
			w.update(w.app)
			seen("declared anew", test.declared)
			w.remove()
		})
	}
}

// runRenderedBefore makes it look as if an older renderer had written service and worker pool, which declared other things.
func (w serviceWorld) runRenderedBefore() {
	w.Helper()
	record := func(annotations map[string]string, m proto.Message) {
		encoded, err := cloudrun.EncodeRendering(m)
		if err != nil {
			w.Fatal(err)
		}
		annotations[cloudrun.RendererAnnotation], annotations[cloudrun.RenderingAnnotation] = "0", encoded
	}
	w.othersChange(func(s *runpb.Service) {
		s.Template.Timeout.Seconds = int64((7 * time.Minute).Seconds())
		written := proto.CloneOf(s)
		written.Etag = "" // only told by the API
		record(s.Annotations, written)
	}, func(p *runpb.WorkerPool) {
		p.Template.Containers[0].WorkingDir = "/older"
		written := proto.CloneOf(p)
		written.Etag = ""
		record(p.Annotations, written)
	})
}

// An older renderer is told, is no drift, and hides none; with rerender it is a difference, which the apply takes away.
func TestRunOtherRendererIsNoDrift(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.create()
	w.runRenderedBefore()
	state, notices, err := w.ReadService(t.Context(), w.app)
	if err != nil || len(state.Drift) > 0 || state.Status != deploy.ServiceReady || len(notices) != 1 || !strings.Contains(notices[0].Detail, "rerender") {
		t.Fatalf("%s, notices %v, error %v", shown(state), notices, err)
	}
	w.othersChange(func(s *runpb.Service) { s.Template.Timeout.Seconds = 60 }, func(p *runpb.WorkerPool) { p.Template.Containers[0].Image = "other:1" })
	want := []string{
		runService + " template.timeout: 420s -> 60s",
		runWorker + " template.containers[worker].image: " + w.app.Image + " -> other:1",
	}
	if state, _, err := w.ReadService(t.Context(), w.app); err != nil || !slices.Equal(state.Drift, want) {
		t.Errorf("%s, error %v", shown(state), err)
	}
	w.runRenderedBefore()
	w.app.Rerender = true
	w.update(w.app)
	rendered := func(when string) {
		t.Helper()
		if live, pool := w.liveRun(), w.livePool(); live.GetTemplate().GetTimeout().AsDuration() != 5*time.Minute || pool.GetTemplate().GetContainers()[0].GetWorkingDir() != "" {
			t.Errorf("%s: %v, %v", when, live.GetTemplate(), pool.GetTemplate())
		}
	}
	rendered("after rerender")
	w.runRenderedBefore()
	want = []string{
		runService + " template.timeout: 300s -> 420s", runService + " renderer: 1 -> 0",
		runWorker + " template.containers[worker].working_dir: (missing) -> /older", runWorker + " renderer: 1 -> 0",
	}
	if state := w.read(); !slices.Equal(state.Drift, want) {
		t.Errorf("with rerender: %s", shown(state))
	}
	w.update(w.app)
	rendered("once more")
	w.remove()
}

// Without rerender the new rendering comes with the next change of the configuration, and the old one's fields go.
func TestRunOtherRendererEndsWithTheNextChange(t *testing.T) {
	t.Parallel()
	w := newRunWorld(t)
	w.create()
	w.runRenderedBefore()
	w.app.Config = map[string]string{"LEVEL": "debug"}
	w.update(w.app)
	if live := w.liveRun(); live.GetTemplate().GetTimeout().AsDuration() != 5*time.Minute || live.GetAnnotations()[cloudrun.RendererAnnotation] == "0" {
		t.Errorf("after a change: %v", live)
	}
	if state := w.read(); len(state.Drift) > 0 {
		t.Errorf("after a change: %s", shown(state))
	}
	w.remove()
}
