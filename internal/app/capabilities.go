package app

import (
	"fmt"
	"strings"
	"time"
)

// Capability is one thing that a declaration can ask for, and what each runtime makes of it. The list of them refuses
// what a runtime cannot do, and is the table in the documentation: so both say the same.
type Capability struct {
	// Attribute is what asks for it, with * for the key of a map. Detail narrows it down where not every value does.
	Attribute, Detail string
	GKE, CloudRun     Support
	// Rule is the ID of the rule that refuses it where it is not offered; empty where both runtimes offer it.
	Rule string
	// asked finds where an app asks for it. A finding has its path, what it looked at besides, and may have a sentence in
	// Detail that comes before the table's own.
	asked func(App) []Finding
}

// Support is what one runtime makes of a capability: As, or for what it does not offer the reason and the alternative,
// both as sentences without the stop.
type Support struct{ As, Not, Instead string }

// Offered tells whether the runtime has the capability.
func (s Support) Offered() bool { return s.As != "" }

// On is what a runtime makes of the capability.
func (c Capability) On(r Runtime) Support {
	if r == GKERuntime {
		return c.GKE
	}
	return c.CloudRun
}

// Name is the attribute with its detail.
func (c Capability) Name() string {
	if c.Detail == "" {
		return c.Attribute
	}
	return c.Attribute + " " + c.Detail
}

// as is what a runtime offers, not what it does not.
func as(what string) Support { return Support{As: what} }

func not(why, instead string) Support { return Support{Not: why, Instead: instead} }

// Capabilities are all of them, in the order of the documentation.
var Capabilities = []Capability{
	{
		Attribute: "image", GKE: as("image of every container; tags are pulled once per node"),
		CloudRun: as("image of every container; a tag is resolved when a revision is made"),
	},
	{
		Attribute: "image_owner", GKE: as("with external the field image of the containers is not the provider's"),
		CloudRun: as("with external every write repeats the image that is live, by its etag"),
	},
	{
		Attribute: "drift_ignore", GKE: as("fields of rendered objects: a kind or an object, and a path"),
		CloudRun: as("fields of Service and WorkerPool in the names of run.v2"),
	},
	{Attribute: "rerender", GKE: as("objects are applied anew"), CloudRun: as("service and worker pools are written anew")},
	{
		Attribute: "config", GKE: as("immutable ConfigMap, named by its content"), CloudRun: as("environment of the revision"),
	},
	{
		Attribute: "secrets", GKE: as("immutable Kubernetes Secret, named by its versions, which the provider writes"),
		CloudRun: as("environment with pinned versions, which Cloud Run reads"),
	},
	{
		Attribute: "secrets", Detail: "of a regional secret", GKE: as("as above"),
		CloudRun: not("Cloud Run's API names global secrets only (run.v2, SecretKeySelector.secret)",
			"Refer to a secret without location: with replicas a twelvefactor_secret or twelvefactor_session_key keeps its values in that "+
				"region too. Or run the app on GKE, which reads regional secrets: gke = { cluster = twelvefactor_cluster.NAME.id }"),
		Rule: "regional-secret", asked: askedRegional,
	},
	{
		Attribute: "config_files",
		GKE:       as("immutable ConfigMap, named by its content; each file is mounted at its path, beside what the image has there"),
		CloudRun: as("one secret that the service writes, with a pinned version for each content; the files' directories are mounted, which hides " +
			"what the image has in them"),
	},
	{
		Attribute: "secret_files",
		GKE:       as("SecretProviderClass of the Secret Manager add-on, named by its versions; each file is mounted at its path"),
		CloudRun:  as("volumes of secrets with pinned versions; the files' directories are mounted, one secret each"),
	},
	{
		Attribute: "secret_files", Detail: "of a regional secret", GKE: as("as above"),
		CloudRun: not("Cloud Run's API names global secrets only (run.v2, SecretVolumeSource.secret)",
			"Refer to a secret without location, or run the app on GKE, whose Secret Manager add-on reads regional secrets"),
		Rule: "regional-secret", asked: askedRegionalFile,
	},
	{
		Attribute: "identity", GKE: as("Kubernetes service account"), CloudRun: as("Google service account"),
	},
	{
		Attribute: "labels", GKE: as("Kubernetes labels of every object and pod"), CloudRun: as("Google Cloud labels of service, worker pools and revisions"),
	},
	{
		Attribute: "processes.web", GKE: as("Deployment and Service"), CloudRun: as("service"),
	},
	{
		Attribute: "processes.*", Detail: "other than web", GKE: as("Deployment"), CloudRun: as("worker pool"),
	},
	{
		Attribute: "processes.*", Detail: "without web", GKE: as("Deployments only"),
		CloudRun: not("A Cloud Run service serves requests, so the app needs a process called web",
			"Declare one, for example processes = { web = { port = 8080 } }, or run an app of workers only on GKE"),
		Rule: "web-on-cloud-run", asked: askedWorkersOnly,
	},
	{
		Attribute: "processes.*.scale.min", Detail: "of 0",
		GKE: not("GKE's autoscaler keeps at least one pod", "Set scale.min = 1, or run the app on Cloud Run, which scales to zero: "+
			"cloud_run = { location = \"asia-northeast1\" }"),
		CloudRun: as("scales to zero; a worker pool of 0 stands still"),
		Rule:     "scale-to-zero", asked: askedZero,
	},
	{
		Attribute: "processes.*.scale", Detail: "of a worker, min below max", GKE: as("HorizontalPodAutoscaler"),
		CloudRun: not("A Cloud Run worker pool has a fixed number of instances (run.v2, WorkerPoolScaling.manual_instance_count)",
			"Set min and max to the same number, or run the app on GKE, where workers autoscale"),
		Rule: "worker-scale", asked: askedWorkerScale,
	},
	{
		Attribute: "processes.*.scale.concurrency",
		GKE: not("Pods on GKE are scaled by CPU utilization, not by requests",
			"Leave scale.concurrency out and set scale.cpu_percent, for example cpu_percent = 70"),
		CloudRun: as("requests at a time per instance of web"),
		Rule:     "concurrency", asked: func(a App) []Finding {
			return asked(a, concurrencyPath, func(p Process) bool { return p.Scale.Concurrency != 0 })
		},
	},
	{
		Attribute: "processes.*.scale.cpu_percent", GKE: as("target of the HorizontalPodAutoscaler"),
		CloudRun: not("Cloud Run scales by requests", "Leave scale.cpu_percent out and set scale.concurrency of web, for example concurrency = 80"),
		Rule:     "cpu-percent", asked: func(a App) []Finding {
			return asked(a, cpuPercentPath, func(p Process) bool { return p.Scale.CPUPercent != 0 })
		},
	},
	{
		Attribute: "processes.*.cpu", GKE: as("request, without a limit"), CloudRun: as("limit, in the sizes that Cloud Run offers"),
	},
	{
		Attribute: "processes.*.memory", GKE: as("request and limit"), CloudRun: as("limit, in the sizes that go with the CPU"),
	},
	{
		Attribute: "processes.*.port", Detail: "of a worker", GKE: as("port of its health checks, told in PORT"),
		CloudRun: as("port of its health checks, told in PORT; a worker pool takes no requests"),
	},
	{
		Attribute: "processes.*.startup", GKE: as("startup probe"), CloudRun: as("startup probe, within 240s"),
	},
	{
		Attribute: "processes.*.liveness", GKE: as("liveness probe"), CloudRun: as("liveness probe"),
	},
	{
		Attribute: "processes.*.liveness.tcp", GKE: as("liveness probe"),
		CloudRun: not("Cloud Run has no liveness check by tcp", "Use path or grpc, for example liveness = { path = \"/healthz\" }"),
		Rule:     "probe", asked: func(a App) []Finding {
			return append(each(a, func(_ string, p Process) []Finding { return askedTCP("liveness", p.Liveness) }),
				eachSidecar(a, func(_ string, s Sidecar) []Finding { return askedTCP("liveness", s.Liveness) })...)
		},
	},
	{
		Attribute: "processes.*.readiness", GKE: as("readiness probe"), CloudRun: as("readiness probe, and startup probe unless that is set"),
	},
	{
		Attribute: "processes.*.readiness.tcp", GKE: as("readiness probe"),
		CloudRun: not("Cloud Run has no readiness check by tcp", "Use path or grpc, for example readiness = { path = \"/healthz\" }, or move it to startup"),
		Rule:     "probe", asked: func(a App) []Finding {
			return each(a, func(name string, p Process) []Finding {
				if name != Web {
					return nil // refused as a whole
				}
				return askedTCP("readiness", p.Readiness)
			})
		},
	},
	{
		Attribute: "processes.*.readiness", Detail: "of a worker", GKE: as("readiness probe; a release counts as ready with it"),
		CloudRun: not("A worker pool on Cloud Run takes no requests and has no readiness check", "Use startup or liveness, for example startup = { tcp = true }"),
		Rule:     "probe", asked: func(a App) []Finding {
			return each(a, func(name string, p Process) []Finding {
				if name == Web || p.Readiness == nil {
					return nil
				}
				return []Finding{{Path: []string{"readiness"}}}
			})
		},
	},
	{
		Attribute: "processes.*.shutdown_grace", Detail: "of more than 10s", GKE: as("termination grace period, up to an hour"),
		CloudRun: not(fmt.Sprintf("Cloud Run ends an instance %s after the signal, whatever is asked (container runtime contract, Instance shutdown)",
			RunShutdownGrace), "Set it to \"10s\" or less, or run the app on GKE"),
		Rule: "shutdown-grace", asked: askedGrace,
	},
	{
		Attribute: "processes.*.scratch", GKE: as("emptyDir volumes on disk; the root filesystem is read-only, /tmp is always there"),
		CloudRun: as("emptyDir volumes in memory; the root filesystem is writable, in memory"),
	},
	{
		Attribute: "sidecars", GKE: as("init containers that run on (native sidecars), in the order of after; the process starts when each has started"),
		CloudRun: as("further containers with depends_on: what has a startup check is waited for"),
	},
	{
		Attribute: "sidecars.*.secrets", GKE: as("in the Kubernetes Secret of the service, under SIDECAR.NAME"), CloudRun: as("environment with pinned versions"),
	},
	{
		Attribute: "sidecars.*.cpu, sidecars.*.memory", GKE: as("requests, and limit of the memory"),
		CloudRun: as("limits; all containers together have a size that Cloud Run offers"),
	},
	{Attribute: "sidecars.*.startup, sidecars.*.liveness", GKE: as("probes on its port"), CloudRun: as("probes on its port")},
	{
		Attribute: "sidecars.*.readiness", GKE: as("readiness probe: the pod takes requests only while it passes"),
		CloudRun: not("Cloud Run asks the readiness of the container that takes the requests only", "Use startup or liveness, or readiness of web"),
		Rule:     "probe", asked: func(a App) []Finding {
			return eachSidecar(a, func(_ string, s Sidecar) []Finding {
				if s.Readiness == nil {
					return nil
				}
				return []Finding{{Path: []string{"readiness"}}}
			})
		},
	},
	{
		Attribute: "annotations", GKE: as("annotations of Deployments, their pods and the Service"),
		CloudRun: as("annotations of service, worker pools and their revisions"),
	},
	{Attribute: "gke.session_affinity", GKE: as("session affinity of the Service by client address"), CloudRun: structural},
	{Attribute: "gke.identity_wait", GKE: as("init container that waits for the metadata server"), CloudRun: structural},
	{Attribute: "gke.capacity", GKE: as("node selector, toleration and spread over Spot and on-demand nodes"), CloudRun: structural},
	{Attribute: "gke.namespace", GKE: as("namespace"), CloudRun: structural},
	{Attribute: "cloud_run.public, cloud_run.invokers", GKE: structural, CloudRun: as("members of roles/run.invoker")},
	{Attribute: "cloud_run.invoker_iam_disabled", GKE: structural, CloudRun: as("no check of the callers of web")},
	{Attribute: "cloud_run.ingress", GKE: structural, CloudRun: as("ingress of the service")},
	{Attribute: "cloud_run.vpc", GKE: structural, CloudRun: as("Direct VPC egress of the service and the worker pools")},
	{Attribute: "cloud_run.protocol", GKE: structural, CloudRun: as("name of the port of web: http1 or h2c")},
	{Attribute: "cloud_run.session_affinity", GKE: structural, CloudRun: as("session affinity of web, as far as its instances last")},
	{Attribute: "cloud_run.request_timeout", GKE: structural, CloudRun: as("timeout of the requests to web")},
	{
		Attribute: "cloud_run.cpu_always_allocated, cloud_run.startup_cpu_boost", GKE: structural,
		CloudRun: as("CPU of web between requests and at the start; workers always have theirs"),
	},
	{Attribute: "cloud_run.execution_environment", GKE: structural, CloudRun: as("sandbox of web; worker pools run in gen2 only")},
	{Attribute: "cloud_run.revision_scale", GKE: structural, CloudRun: as("bounds of each revision of web, within those of processes.web.scale")},
	{
		Attribute: "cloud_run.default_uri_disabled, cloud_run.custom_audiences", GKE: structural,
		CloudRun: as("run.app address of the service, and the audiences of its callers' tokens"),
	},
}

// structural is what the other runtime's block has: there is nothing to refuse.
var structural = Support{Not: "It is in the other runtime's block"}

// notOffered is the check of a rule that refuses what the table says the runtime does not offer.
func notOffered(rule string) func(App) []Finding {
	return func(a App) []Finding {
		var all []Finding
		for _, c := range Capabilities {
			if c.Rule != rule || a.Runtime() == "" || c.On(a.Runtime()).Offered() {
				continue
			}
			for _, f := range c.asked(a) {
				all = append(all, c.refusal(a.Runtime(), f))
			}
		}
		return all
	}
}

// runtimeNames are how texts call the runtimes.
var runtimeNames = map[Runtime]string{GKERuntime: "GKE", CloudRunRuntime: "Cloud Run"}

func (c Capability) refusal(on Runtime, f Finding) Finding {
	if f.Summary == "" {
		f.Summary = "Not to be had on " + runtimeNames[on]
	}
	s := c.On(on)
	said := f.Detail
	if said != "" {
		said += " "
	}
	f.Detail = said + s.Not + ". " + s.Instead + "."
	return f
}

// asked finds the processes that ask for something, by the attribute within the process.
func asked(a App, path []string, asks func(Process) bool) []Finding {
	return each(a, func(_ string, p Process) []Finding {
		if !asks(p) {
			return nil
		}
		return []Finding{{Path: path}}
	})
}

// askedTCP finds a tcp check.
func askedTCP(attribute string, p *Probe) []Finding {
	if p == nil || !p.TCP || kinds(*p) != 1 {
		return nil
	}
	return []Finding{{Path: []string{attribute}}}
}

func askedRegional(a App) []Finding {
	var all []Finding
	for _, use := range RegionalSecrets(a) {
		ref, _ := ParseSecretVersion(use.Version) // checked by RegionalSecrets
		all = append(all, Finding{
			Path: use.Path(), Summary: "Cloud Run cannot use a regional secret",
			Detail: fmt.Sprintf("%s refers to secret %s in %s.", quote(use.Env), quote(ref.Secret), ref.Location),
		})
	}
	return all
}

func askedWorkersOnly(a App) []Finding {
	if _, ok := a.Processes[Web]; ok || len(a.Processes) == 0 {
		return nil
	}
	return []Finding{{Path: []string{"processes"}, Summary: "No web process on Cloud Run"}}
}

func askedZero(a App) []Finding {
	return each(a, func(_ string, p Process) []Finding {
		if p.Scale.Min != 0 {
			return nil
		}
		return []Finding{{Path: minPath, Summary: "Scale to zero on GKE"}}
	})
}

func askedWorkerScale(a App) []Finding {
	return each(a, func(name string, p Process) []Finding {
		if name == Web || p.Scale.Min == p.Scale.Max || p.Scale.Max < p.Scale.Min {
			return nil
		}
		return []Finding{{
			Path: []string{"scale"}, Uses: [][]string{minPath, maxPath}, Summary: "Worker on Cloud Run cannot autoscale",
			Detail: fmt.Sprintf("Worker %s has scale min %d and max %d.", quote(name), p.Scale.Min, p.Scale.Max),
		}}
	})
}

func askedGrace(a App) []Finding {
	return each(a, func(_ string, p Process) []Finding {
		if p.ShutdownGrace <= RunShutdownGrace || p.ShutdownGrace > maxGrace || p.ShutdownGrace%time.Second != 0 {
			return nil
		}
		return []Finding{{
			Path: gracePath, Summary: "Shutdown grace too long for Cloud Run", Detail: fmt.Sprintf("shutdown_grace is %s.", p.ShutdownGrace),
		}}
	})
}

// CapabilityTable is the table of what the runtimes make of each attribute, in Markdown.
func CapabilityTable() string {
	var b strings.Builder
	b.WriteString("| Attribute | On GKE | On Cloud Run |\n|---|---|---|\n")
	for _, c := range Capabilities {
		name := "`" + strings.ReplaceAll(c.Attribute, ", ", "`, `") + "`"
		if c.Detail != "" {
			name += " " + c.Detail
		}
		b.WriteString("| " + name + " | " + c.GKE.text() + " | " + c.CloudRun.text() + " |\n")
	}
	return b.String()
}

func (s Support) text() string {
	switch {
	case s.Offered():
		return s.As
	case s.Instead == "":
		return "n/a"
	default:
		return "**Refused.** " + s.Not + ". " + s.Instead + "."
	}
}
