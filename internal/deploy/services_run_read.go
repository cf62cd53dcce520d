package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"golang.org/x/sync/errgroup"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/cloudrun"
)

// read compares what was applied last with what is live.
func (s *serviceRun) read(ctx context.Context) (*ServiceState, []Notice, error) {
	live, err := s.get(ctx)
	if err != nil {
		return nil, nil, err
	}
	s.files = cloudrun.FileVersionsOf(live.GetAnnotations())
	state := &ServiceState{ID: s.id.String(), App: s.app, URL: runURL(live), Status: ServiceDegraded}
	if live != nil {
		if a, ok := s.recorded(live); ok {
			state.App, state.Recorded = a, true
		} else if len(s.app.Processes) == 0 { // an import of what another tool made
			return s.unrecorded(live), nil, nil
		}
		state.Status, state.Serves = s.status(state.App, live), live.GetLatestReadyRevision() != ""
		s.creating, _ = names.CreatingSince(live.GetLabels())
	}
	if len(state.App.Processes) == 0 {
		return nil, nil, nil
	}
	state.ReleaseID = app.ReleaseID(state.App)
	look := &runLook{service: s, app: state.App}
	if err := look.at(ctx, live); err != nil {
		return nil, nil, err
	}
	if live == nil && look.found == 0 {
		return nil, nil, nil
	}
	state.Drift, state.Objects = look.drift, look.objects
	state.ImageDigest = look.digest
	if look.poolsDown && state.Status == ServiceReady {
		state.Status = ServiceDegraded
	}
	return state, append(look.notices, rendererNotice(state.App, look.otherRenderer)...), nil
}

// unrecorded is a service that something else made, in the terms of an app. What an app cannot say of it is drift. The next
// plan shows what an adoption changes.
func (s *serviceRun) unrecorded(live *runpb.Service) *ServiceState {
	a := cloudrun.Seen(s.id, live)
	seen := &serviceRun{cloud: s.cloud, app: app.WithDefaults(a), id: s.id}
	name := s.id.String()
	return &ServiceState{
		ID: name, App: a, URL: runURL(live), Status: ServiceDegraded, Serves: live.GetLatestReadyRevision() != "", Objects: []string{name},
		Drift: runNamed(name, runDiff(seen.rendered(seen.app, 0), cloudrun.Shown(s.id, live))),
	}
}

// runURL is the address of a service, empty if that is switched off.
func runURL(live *runpb.Service) string {
	if live.GetDefaultUriDisabled() {
		return ""
	}
	return live.GetUri()
}

func (s *serviceRun) status(a app.App, live *runpb.Service) string {
	_, creating := names.CreatingSince(live.GetLabels())
	_, unfinished := live.GetAnnotations()[serviceRetiredAnnotation]
	// A change of labels reconciles too; it makes no revision, and nothing that serves changes.
	rolling := live.GetReconciling() && live.GetLatestCreatedRevision() != live.GetLatestReadyRevision()
	if a.ImageIsExternal() && live.GetLatestReadyRevision() != "" {
		rolling = false // another tool is deploying, and something serves
	}
	switch {
	case creating && !s.ending:
		return ServiceCreating
	case unfinished && !s.ending, rolling, runFailure(live) != nil:
		return ServiceDegraded
	default:
		return ServiceReady
	}
}

// runLook is one look at everything that a service is made of.
type runLook struct {
	service   *serviceRun
	app       app.App // what was applied last
	drift     []string
	objects   []string
	alive     bool // the service is there
	found     int  // of what is there besides the service
	poolsDown bool
	runOthers
}

func (l *runLook) at(ctx context.Context, live *runpb.Service) error {
	s := l.service
	l.objects, l.alive = []string{s.id.String()}, live != nil
	if live == nil {
		l.drift = []string{s.id.String() + ": present -> " + kube.Missing}
	} else {
		declared := s.rendered(l.app, runAttempt(live.GetTemplate().GetAnnotations()))
		l.compare(s.id.String(), l.changes(app.Web, declared, live))
		l.failed(app.Web, live)
	}
	looks := []func(context.Context) runFound{l.account, l.grants, l.files}
	if live != nil {
		looks = append(looks, l.invokers, func(ctx context.Context) runFound { return l.image(ctx, live) })
	}
	in := s.input(l.app, 0)
	in.Creating = time.Time{}
	for _, declared := range cloudrun.WorkerPools(in) {
		looks = append(looks, func(ctx context.Context) runFound {
			return l.pool(ctx, s.processOf(l.app, declared.GetName()), declared)
		})
	}
	found := make([]runFound, len(looks))
	group, ctx := errgroup.WithContext(ctx)
	for i, look := range looks {
		group.Go(func() error {
			found[i] = look(ctx)
			return found[i].err
		})
	}
	err := group.Wait()
	for _, f := range found {
		l.drift, l.objects = append(l.drift, f.drift...), append(l.objects, f.objects...)
		l.poolsDown, l.otherRenderer = l.poolsDown || f.down, l.otherRenderer || f.otherRenderer
		l.notices = append(l.notices, f.notices...)
		if f.there {
			l.found++
		}
	}
	return err
}

// runFound is what one look found.
type runFound struct {
	drift, objects []string
	there, down    bool
	err            error

	otherRenderer bool
	notices       []Notice
}

// compare keeps the differences but those of the record itself, which is what everything is compared with.
func (l *runLook) compare(name string, changes []string) {
	l.drift = append(l.drift, runNamed(name, changes)...)
}

func runNamed(name string, changes []string) []string {
	var all []string
	for _, change := range changes {
		if !strings.HasPrefix(change, "annotations[twelvefactor.dev/") {
			all = append(all, name+" "+change)
		}
	}
	return all
}

func (l *runLook) account(ctx context.Context) runFound {
	s := l.service
	if l.app.Identity != "" {
		return runFound{}
	}
	name := s.accountName().String()
	live, err := s.cloud.GCP.ServiceAccounts().Get(ctx, name)
	switch {
	case gcp.IsNotFound(err):
		return runFound{drift: []string{name + ": present -> " + kube.Missing}, objects: []string{name}}
	case gcp.Classify(err) == gcp.PermissionDenied && err != nil:
		return runFound{objects: []string{name}} // who may not look is not told
	case err == nil && live.GetDisabled():
		return runFound{drift: []string{name + ": enabled -> disabled"}, objects: []string{name}, there: true}
	}
	return runFound{objects: []string{name}, there: err == nil && s.isOurs(live), err: err}
}

func (l *runLook) grants(ctx context.Context) runFound {
	member, _ := l.service.member(ctx, serviceIdentity(l.app))
	secrets := serviceSecrets(l.app)
	seen, err := l.service.cloud.serviceGrantsSeen(ctx, member, secrets)
	return runFound{
		drift: serviceGrantDrift(member, secrets, seen), objects: serviceGrantObjects(member, secrets),
		there: l.app.Identity == "" && slices.Contains(seen, grantThere), err: err,
	}
}

func (l *runLook) invokers(ctx context.Context) runFound {
	members := serviceInvokers(l.app)
	if len(members) == 0 {
		return runFound{}
	}
	name := l.service.id.String()
	found := runFound{}
	policy, _ := l.service.invokers(nil)
	live, err := l.service.cloud.GCP.Policies().Members(ctx, policy, invokerRole)
	if err != nil {
		if kind := gcp.Classify(err); kind != gcp.PermissionDenied && kind != gcp.NotFound {
			found.err = err
		}
		return found
	}
	for _, member := range members {
		found.objects = append(found.objects, fmt.Sprintf("%s %s %s", name, invokerRole, member))
		if !slices.Contains(live, member) {
			found.drift = append(found.drift, fmt.Sprintf("%s %s: %s -> %s", name, invokerRole, member, kube.Missing))
		}
	}
	return found
}

func (l *runLook) pool(ctx context.Context, process string, declared *runpb.WorkerPool) runFound {
	name := declared.GetName()
	live, err := l.service.cloud.GCP.WorkerPools().Get(ctx, name)
	if gcp.IsNotFound(err) {
		return runFound{drift: []string{name + ": present -> " + kube.Missing}, objects: []string{name}, down: true}
	}
	if err != nil {
		return runFound{err: err}
	}
	if attempt := live.GetTemplate().GetAnnotations()[cloudrun.AttemptAnnotation]; attempt != "" {
		declared.Template.Annotations = runMerged(declared.GetTemplate().GetAnnotations(), map[string]string{cloudrun.AttemptAnnotation: attempt})
	}
	look := runLook{service: l.service, app: l.app}
	look.drift = runNamed(name, look.changes(process, declared, live))
	look.failed(process, live)
	down := live.GetReconciling() && !l.app.ImageIsExternal() || runFailure(live) != nil
	return runFound{
		drift: look.drift, objects: []string{name}, there: true, down: down, otherRenderer: look.otherRenderer, notices: look.notices,
	}
}
