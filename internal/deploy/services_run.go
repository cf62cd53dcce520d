package deploy

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/cloudrun"
)

// serviceRun is one service on Cloud Run. What was applied stands in an annotation of the service; its worker pools
// are found by their names.
type serviceRun struct {
	cloud *Cloud
	app   app.App // defaults filled; Identity is empty for an own account
	id    names.RunServiceID
	// creating is the time of the mark that an unfinished create carries, zero for a finished one.
	creating time.Time
	// ending tells that this run's create has done everything but taking its marks off.
	ending bool
	// fresh tells that this run is a create.
	fresh bool
	// retired is what earlier releases had and this one does not.
	retired serviceRetired
	// files are the versions that hold the config files; madeFiles tells that this run made the secret for them.
	files     cloudrun.FileVersions
	madeFiles bool
	// web is the service while this run brings it up.
	web *runUnit[*runpb.Service]
}

func (c *Cloud) serviceOnRun(a app.App) *serviceRun {
	if a.Identity == serviceOwnIdentity(a) {
		a.Identity = ""
	}
	id := names.RunServiceID{Project: a.CloudRun.Project, Location: a.CloudRun.Location, Name: a.Name}
	return &serviceRun{cloud: c, app: a, id: id}
}

// input is what a is rendered from: as the account that it runs as, whoever made that.
func (s *serviceRun) input(a app.App, attempt int) cloudrun.Input {
	a.Identity = serviceIdentity(a)
	return cloudrun.Input{App: a, Stamp: s.cloud.Stamp, Creating: s.creating, Attempt: attempt, Files: s.files}
}

func (s *serviceRun) member(_ context.Context, identity string) (string, error) {
	return names.ServiceAccountName{Email: identity}.Member(), nil
}

// ownsAccount tells whether the service makes its account itself.
func (s *serviceRun) ownsAccount() bool { return s.app.Identity == "" }

// get reads the live service, nil when there is none.
func (s *serviceRun) get(ctx context.Context) (*runpb.Service, error) {
	live, err := s.cloud.GCP.RunServices().Get(ctx, s.id.String())
	if gcp.IsNotFound(err) {
		return nil, nil
	}
	return live, err
}

// recorded reads the app that was applied last, as it was declared. ok is false for a service that another tool made.
func (s *serviceRun) recorded(live *runpb.Service) (a app.App, ok bool) {
	encoded, there := live.GetAnnotations()[names.KubeApp]
	if !there {
		return app.App{}, false
	}
	a, err := app.Decode([]byte(encoded))
	if err != nil {
		return app.App{}, false
	}
	if id, err := ServiceID(a); err != nil || id != s.id.String() {
		return app.App{}, false // copied from another service, with everything else of it
	}
	serviceDecoded(a)
	if a.Identity == serviceOwnIdentity(a) {
		a.Identity = ""
	}
	return a, true
}

// resume takes over the marks that an earlier, unfinished change left, and notes what the release before had.
func (s *serviceRun) resume(live *runpb.Service) error {
	before, ok := s.recorded(live)
	if !ok {
		return nil
	}
	retired, _, err := serviceRetiredOf(live.GetAnnotations())
	if err != nil {
		return err
	}
	if s.cloud.Stamp.Owns(live.GetLabels()) {
		s.creating, _ = names.CreatingSince(live.GetLabels())
	}
	s.retired = retired.plus(before, s.app)
	return nil
}

// finish takes back what the declared release does not need, and then the marks of the change.
func (s *serviceRun) finish(ctx context.Context) ([]Notice, error) {
	notices, err := s.deletePools(ctx, s.retired.Processes)
	if err != nil {
		return notices, err
	}
	more, err := s.pruneFiles(ctx)
	notices = append(notices, more...)
	if err != nil {
		return notices, err
	}
	more, err = s.cloud.serviceTakeBack(ctx, s.app, s.retired.Grants, s.member)
	notices = append(notices, more...)
	if err != nil {
		return notices, err
	}
	if err := s.revokeInvokers(ctx, s.retired.Invokers); err != nil {
		return notices, err
	}
	if s.creating.IsZero() && s.retired.isEmpty() {
		return notices, nil // there are no marks
	}
	takeMarksOff := func(ctx context.Context) error {
		s.creating, s.retired = time.Time{}, serviceRetired{}
		return s.unit().rewrite(ctx, "labels", "annotations")
	}
	if !s.fresh {
		return notices, takeMarksOff(ctx)
	}
	s.ending = true
	return notices, s.cloud.endCreate(ctx, takeMarksOff)
}

// remove deletes the worker pools, takes back the grants, and deletes the service after that: it carries the record, so
// that an interrupted deletion knows what is left. The account that was made for it goes last.
func (s *serviceRun) remove(ctx context.Context) ([]Notice, error) {
	live, err := s.get(ctx)
	if err != nil {
		return nil, err
	}
	nothing := app.App{Name: s.app.Name, CloudRun: &app.CloudRun{Project: s.id.Project, Location: s.id.Location}}
	all := serviceRetired{}.plus(s.app, nothing)
	own := s.ownsAccount()
	if live != nil {
		if before, ok := s.recorded(live); ok {
			marked, _, _ := serviceRetiredOf(live.GetAnnotations()) // what cannot be read names nothing
			marked = marked.plus(before, nothing)
			all = marked.plus(s.app, nothing)
			own = own || before.Identity == ""
		}
	}
	notices, err := s.deletePools(ctx, all.Processes)
	if err != nil {
		return notices, err
	}
	more, err := s.cloud.serviceTakeBack(ctx, s.app, all.Grants, s.member)
	notices = append(notices, more...)
	if err == nil {
		err = s.deleteService(ctx)
	}
	if err == nil {
		err = s.deleteFiles(ctx)
	}
	if err != nil || !own {
		return notices, err
	}
	return notices, s.deleteAccount(ctx)
}

func (s *serviceRun) deleteService(ctx context.Context) error {
	op, err := s.cloud.GCP.RunServices().Delete(ctx, s.id.String())
	if err == nil {
		_, err = op.Wait(ctx)
	}
	if gcp.IsNotFound(err) {
		return nil
	}
	return err
}

// deletePools deletes the worker pools of the processes. One that was not made for this service stays.
func (s *serviceRun) deletePools(ctx context.Context, processes []string) ([]Notice, error) {
	var notices []Notice
	for _, process := range processes {
		if process == app.Web {
			continue
		}
		name := s.id.WorkerPool(cloudrun.WorkerPoolName(s.app.Name, process))
		live, err := s.cloud.GCP.WorkerPools().Get(ctx, name)
		switch {
		case gcp.IsNotFound(err):
			continue
		case err == nil && !s.madePool(live):
			notices = append(notices, servicePoolKept(name, s.app.Name))
			continue
		case err == nil:
			err = s.deletePool(ctx, name)
		}
		if err != nil {
			return notices, err
		}
	}
	return notices, nil
}

func servicePoolKept(pool, service string) Notice {
	return Notice{
		Summary: "A worker pool was kept",
		Detail: fmt.Sprintf("%s has the name of a process of service %q, but the annotation %s does not say that it was made for it. "+
			"Delete it by hand if nobody needs it.", pool, service, names.KubeApp),
	}
}

func (s *serviceRun) deletePool(ctx context.Context, name string) error {
	op, err := s.cloud.GCP.WorkerPools().Delete(ctx, name)
	if err == nil {
		_, err = op.Wait(ctx)
	}
	if gcp.IsNotFound(err) {
		return nil
	}
	return err
}
