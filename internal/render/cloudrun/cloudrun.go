package cloudrun

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// RendererRevision counts the changes of what this package makes of the same app.
const RendererRevision = 1

// Annotations of services, worker pools and their revisions, beside names.KubeApp.
const (
	RendererAnnotation = "twelvefactor.dev/renderer"
	// AttemptAnnotation makes a new revision of the same release, where the one before was refused for a reason that
	// is gone: Cloud Run judges a revision once.
	AttemptAnnotation = "twelvefactor.dev/attempt"
)

// Input is all that rendering depends on.
type Input struct {
	App   app.App
	Stamp names.Stamp
	// DefaultLabels are the provider's; the app's own replace them.
	DefaultLabels map[string]string
	// Creating marks the service while its create is unfinished; zero when it is finished.
	Creating time.Time
	// Files are the versions that hold the config files.
	Files FileVersions
	// Attempt counts the revisions that were refused; zero for the first.
	Attempt int
}

func (in Input) filled() Input {
	in.App = app.WithDefaults(in.App)
	return in
}

// ingress is what the API calls the settings of cloud_run.ingress.
var ingress = map[string]runpb.IngressTraffic{
	app.IngressAll:                 runpb.IngressTraffic_INGRESS_TRAFFIC_ALL,
	app.IngressInternal:            runpb.IngressTraffic_INGRESS_TRAFFIC_INTERNAL_ONLY,
	app.IngressInternalAndBalancer: runpb.IngressTraffic_INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER,
}

// Service renders the web process; nil when the app has none or is not on Cloud Run. All traffic goes to the newest
// revision that is ready. Who may call it is an IAM policy and not part of it.
func Service(in Input) *runpb.Service {
	if in.App.Runtime() != app.CloudRunRuntime {
		return nil
	}
	in = in.filled()
	web, ok := in.App.Processes[app.Web]
	if !ok {
		return nil
	}
	return &runpb.Service{
		Name:        serviceID(in).String(),
		Labels:      stamped(in),
		Annotations: annotations(in),
		Ingress:     ingress[in.App.CloudRun.Ingress],
		Scaling: &runpb.ServiceScaling{
			MinInstanceCount: int32(web.Scale.Min), MaxInstanceCount: int32(web.Scale.Max),
		},
		InvokerIamDisabled: in.App.CloudRun.InvokerIAMDisabled,
		DefaultUriDisabled: in.App.CloudRun.DefaultURIDisabled,
		CustomAudiences:    in.App.CloudRun.CustomAudiences,
		Template: &runpb.RevisionTemplate{
			Labels:                        labels(in),
			Annotations:                   templateAnnotations(in),
			ServiceAccount:                in.App.Identity,
			Scaling:                       revisionScaling(*in.App.CloudRun, web.Scale),
			MaxInstanceRequestConcurrency: int32(web.Scale.Concurrency),
			Containers:                    withSidecars(in, app.Web, webContainer(in, web)),
			Volumes:                       volumes(in, app.Web, web),
			VpcAccess:                     vpcAccess(in),
			SessionAffinity:               in.App.CloudRun.SessionAffinity,
			ExecutionEnvironment:          environments[in.App.CloudRun.ExecutionEnvironment],
			Timeout:                       durationpb.New(in.App.CloudRun.RequestTimeout),
		},
		Traffic: []*runpb.TrafficTarget{{
			Type: runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST, Percent: 100,
		}},
	}
}

// WorkerPools renders the other processes, by name.
func WorkerPools(in Input) []*runpb.WorkerPool {
	if in.App.Runtime() != app.CloudRunRuntime {
		return nil
	}
	in = in.filled()
	var pools []*runpb.WorkerPool
	for _, name := range slices.Sorted(maps.Keys(in.App.Processes)) {
		if name != app.Web {
			pools = append(pools, workerPool(in, name, in.App.Processes[name]))
		}
	}
	return pools
}

func workerPool(in Input, name string, p app.Process) *runpb.WorkerPool {
	return &runpb.WorkerPool{
		Name:        serviceID(in).WorkerPool(WorkerPoolName(in.App.Name, name)),
		Labels:      stamped(in),
		Annotations: annotations(in),
		Template: &runpb.WorkerPoolRevisionTemplate{
			Labels:         labels(in),
			Annotations:    templateAnnotations(in),
			ServiceAccount: in.App.Identity,
			Containers:     withSidecars(in, name, workerContainer(in, name, p)),
			Volumes:        volumes(in, name, p),
			VpcAccess:      vpcAccess(in),
		},
		Scaling: &runpb.WorkerPoolScaling{ManualInstanceCount: new(int32(p.Scale.Min))},
		InstanceSplits: []*runpb.InstanceSplit{{
			Type: runpb.InstanceSplitAllocationType_INSTANCE_SPLIT_ALLOCATION_TYPE_LATEST, Percent: 100,
		}},
	}
}

// WorkerPoolName names the worker pool of a process.
func WorkerPoolName(service, process string) string { return names.WorkerPool(service, process) }

func serviceID(in Input) names.RunServiceID {
	return names.RunServiceID{Project: in.App.CloudRun.Project, Location: in.App.CloudRun.Location, Name: in.App.Name}
}

// labels are the provider's defaults, under the app's own. Revisions have no others: what only the provider marks must
// not make another revision.
func labels(in Input) map[string]string {
	l := map[string]string{}
	maps.Copy(l, in.DefaultLabels)
	maps.Copy(l, in.App.Labels)
	for key := range in.Stamp.Labels(in.Creating) {
		delete(l, key)
	}
	return l
}

func stamped(in Input) map[string]string {
	l := labels(in)
	maps.Copy(l, in.Stamp.Labels(in.Creating))
	return l
}

func annotations(in Input) map[string]string {
	encoded, err := app.Encode(in.App)
	if err != nil { // an app consists of what always encodes
		panic(err)
	}
	all := map[string]string{}
	maps.Copy(all, in.App.Annotations)
	all[names.KubeApp], all[RendererAnnotation] = string(encoded), strconv.Itoa(RendererRevision)
	if len(in.App.ConfigFiles) > 0 {
		versions, _ := json.Marshal(in.Files) // strings always encode
		all[FilesAnnotation] = string(versions)
	}
	return all
}

// templateAnnotations are those of the revisions: the user's, for tools that look at what runs.
func templateAnnotations(in Input) map[string]string {
	all := maps.Clone(in.App.Annotations)
	if in.Attempt == 0 {
		return all
	}
	if all == nil {
		all = map[string]string{}
	}
	all[AttemptAnnotation] = strconv.Itoa(in.Attempt)
	return all
}
