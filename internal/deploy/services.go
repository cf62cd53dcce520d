package deploy

import (
	"context"
	"fmt"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// ServiceSpec is the declared state of a service.
type ServiceSpec struct {
	// App is the declared app; the defaults need not be filled. Its labels include the provider's default labels. On GKE
	// its Identity is the name of a Kubernetes service account, on Cloud Run the email of a Google one; empty lets the
	// service make its own.
	App app.App
	// Timeout is how long a create may take: without a stack, an unfinished create is taken over within that time only.
	Timeout time.Duration
	// Adopt tells that the service was imported without a record of this provider, and is to be taken over as it is.
	Adopt bool
}

// ServiceState is what is live, in the terms of the declaration.
type ServiceState struct {
	// ID is the full name: see ServiceID.
	ID string
	// App is what was applied last, defaults filled, as it is recorded with the live objects.
	App app.App
	// Recorded tells that App comes from the live objects. Without a record it is what the caller knew.
	Recorded bool
	// Unreachable tells that the cluster could not be asked, so that nothing but ID is known.
	Unreachable bool
	// URL is where requests go, empty without a process web.
	URL string
	// ReleaseID identifies what was applied last.
	ReleaseID string
	// Status is one of the Service… constants.
	Status string
	// Serves tells that some release answers, which need not be the one that was applied last.
	Serves bool
	// ImageDigest is the digest of the image that web, or the first process, runs; empty when the runtime does not tell, or
	// while its instances run different ones.
	ImageDigest string
	// Drift lists what is not as it was applied, as "object path: declared -> actual".
	Drift []string
	// Objects lists what the service is made of, by full name.
	Objects []string
}

// The values of ServiceState.Status.
const (
	ServiceReady    = "ready"    // serves the release that was applied last
	ServiceCreating = "creating" // its create is unfinished
	ServiceDegraded = "degraded" // something is there, but not all of it serves, or an update is unfinished
	ServiceFailed   = "failed"   // its first release never became ready
	// ServiceUnavailable is as declared, and at the moment a process has no pod that answers: its nodes were preempted, or
	// it began to crash. No apply would change that.
	ServiceUnavailable = "unavailable"
)

// ServiceCreateTimeout is how long a create may take unless the configuration says otherwise: a node that has to be
// added first, an image that has to be pulled, and grants that take minutes to be effective.
const ServiceCreateTimeout = 20 * time.Minute

// ServiceID is the full name of an app: projects/P/locations/L/clusters/C/namespaces/NS/services/NAME on GKE,
// projects/P/locations/L/services/NAME on Cloud Run.
func ServiceID(a app.App) (string, error) {
	a = app.WithDefaults(a)
	switch a.Runtime() {
	case app.GKERuntime:
		cluster, err := names.ParseClusterID(a.GKE.Cluster)
		return names.KubeServiceID{Cluster: cluster, Namespace: a.GKE.Namespace, Name: a.Name}.String(), err
	case app.CloudRunRuntime:
		return names.RunServiceID{Project: a.CloudRun.Project, Location: a.CloudRun.Location, Name: a.Name}.String(), nil
	default:
		return "", fmt.Errorf("service %s needs exactly one of gke and cloud_run", names.Quote(a.Name))
	}
}

// ParseServiceID gives the name and the place that a service's full name tells, as an app without anything else.
func ParseServiceID(id string) (app.App, error) {
	if run, err := names.ParseRunServiceID(id); err == nil {
		return app.App{Name: run.Name, CloudRun: &app.CloudRun{Project: run.Project, Location: run.Location}}, nil
	}
	kube, err := names.ParseKubeServiceID(id)
	if err != nil {
		return app.App{}, fmt.Errorf("%w, or on Cloud Run projects/PROJECT/locations/LOCATION/services/SERVICE", err)
	}
	return app.App{Name: kube.Name, GKE: &app.GKE{Cluster: kube.Cluster.String(), Namespace: kube.Namespace}}, nil
}

// serviceTarget is one service on one runtime. Every method may run again after an interruption at any point.
type serviceTarget interface {
	// begin makes sure that the name is free, or the rest of an interrupted create of this stack, and leaves a mark of
	// the create. After an error nothing of this create is left, unless the error is a serviceUnfinished.
	begin(ctx context.Context, timeout time.Duration) ([]Notice, error)
	// bring makes everything as declared and waits until it serves.
	bring(ctx context.Context) error
	// finish removes what the declaration does not have any more, and the marks of the change.
	finish(ctx context.Context) ([]Notice, error)
	// read gives what is live, nil when nothing is.
	read(ctx context.Context) (*ServiceState, []Notice, error)
	// takeOver tells whether what another tool made under this name is to be taken over.
	takeOver(bool)
	// check has the live APIs judge what bring would write, and writes nothing.
	check(ctx context.Context) ServiceVerdict
	// remove deletes everything that the service is made of.
	remove(ctx context.Context) ([]Notice, error)
}

// serviceTarget chooses the runtime. recorded is false when the app is known by name and place only.
func (c *Cloud) serviceTarget(a app.App) (serviceTarget, error) {
	a = app.WithDefaults(a)
	switch a.Runtime() {
	case app.GKERuntime:
		return c.serviceOnGKE(a)
	case app.CloudRunRuntime:
		return c.serviceOnRun(a), nil
	default:
		_, err := ServiceID(a)
		return nil, err
	}
}

// serviceDeclared is serviceTarget for an app that is to be brought up. What the runtime can never do is refused here,
// before anything is changed, whatever the rules in the provider block let through.
func (c *Cloud) serviceDeclared(a app.App) (serviceTarget, error) {
	if err := serviceRegional(a); err != nil {
		return nil, err
	}
	if err := serviceFilesKnown(a); err != nil {
		return nil, err
	}
	return c.serviceTarget(a)
}

// CreateService makes a service with all that belongs to it and waits until its first release serves. It returns
//   - nil and an error when nothing is there: refused, or the name belongs to somebody else;
//   - a state and a notice when it is unfinished: interrupted, timed out, or failed while some release serves; an
//     update goes on;
//   - a state and an error when it is there and nothing serves.
func (c *Cloud) CreateService(ctx context.Context, spec ServiceSpec) (*ServiceState, []Notice, error) {
	target, err := c.serviceDeclared(spec.App)
	if err != nil {
		return nil, nil, err
	}
	notices, err := target.begin(ctx, spec.Timeout)
	if err != nil && !serviceLeft(err) {
		return nil, nil, serviceError("create", spec.App, err)
	}
	if err == nil {
		err = target.bring(ctx)
	}
	if err == nil {
		var more []Notice
		more, err = target.finish(ctx)
		notices = append(notices, more...)
	}
	state, outcome, err := c.serviceCreated(ctx, target, spec.App, err)
	return state, append(notices, outcome...), err
}

// ReadService gives what is live. known is what the state holds; its name and place are enough. The state is nil when
// nothing of the service is left.
func (c *Cloud) ReadService(ctx context.Context, known app.App) (*ServiceState, []Notice, error) {
	target, err := c.serviceTarget(known)
	if err != nil {
		return nil, nil, err
	}
	state, notices, err := target.read(ctx)
	return state, notices, serviceError("read", known, err)
}

// UpdateService brings a service to its declared state: a change, a repair, or the rest of an interrupted create. After
// an error the state is what is live, or nil if that could not be read.
func (c *Cloud) UpdateService(ctx context.Context, spec ServiceSpec) (*ServiceState, []Notice, error) {
	target, err := c.serviceDeclared(spec.App)
	if err != nil {
		return nil, nil, err
	}
	target.takeOver(spec.Adopt)
	var notices []Notice
	if err = target.bring(ctx); err == nil {
		notices, err = target.finish(ctx)
	}
	state, more, err := serviceUpdated(ctx, target, spec.App, err)
	return state, append(notices, more...), err
}

// DeleteService removes a service and all that belongs to it, and waits until it is gone. What is gone already is no
// error. known is what the state holds.
func (c *Cloud) DeleteService(ctx context.Context, known app.App) ([]Notice, error) {
	target, err := c.serviceTarget(known)
	if err != nil {
		return nil, err
	}
	notices, err := target.remove(ctx)
	return notices, serviceError("delete", known, err)
}
