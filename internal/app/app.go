// Package app is the application that a user declares, without any cloud in it: processes, config, secrets by
// reference, and what the two runtimes need to know. It also holds the twelve-factor rules as data.
package app

import (
	"encoding/json"
	"time"
)

// Runtime is where an app runs.
type Runtime string

// The runtimes.
const (
	GKERuntime      Runtime = "gke"
	CloudRunRuntime Runtime = "cloud_run"
)

// Capacity is the kind of nodes that an app's pods run on.
type Capacity string

// The capacities of a service on GKE. Mixed spreads the pods over on-demand and Spot nodes.
const (
	OnDemand Capacity = "on_demand"
	Spot     Capacity = "spot"
	Mixed    Capacity = "mixed"
)

// Web is the name of the process that takes requests.
const Web = "web"

// App is one declared application. Its JSON is canonical: the same app always encodes to the same bytes, and it holds
// references to secrets only, never values.
type App struct {
	Name      string             `json:"name"`
	Image     string             `json:"image"` // with ImageExternal only what the first release begins with
	GKE       *GKE               `json:"gke,omitempty"`
	CloudRun  *CloudRun          `json:"cloud_run,omitempty"`
	Config    map[string]string  `json:"config,omitempty"`
	Secrets   map[string]string  `json:"secrets,omitempty"` // environment name to secret version: see SecretVersion
	Processes map[string]Process `json:"processes"`
	Sidecars  map[string]Sidecar `json:"sidecars,omitempty"`
	// ConfigFiles are files of config by absolute path, SecretFiles secret versions by the path of the file.
	ConfigFiles map[string]FileText `json:"config_files,omitempty"`
	SecretFiles map[string]string   `json:"secret_files,omitempty"`
	Labels      map[string]string   `json:"labels,omitempty"`
	// Annotations go to what tools read them from: Deployments, their pods and the Service on GKE, services, worker pools
	// and their revisions on Cloud Run.
	Annotations map[string]string `json:"annotations,omitempty"`
	// Identity is who the app runs as: the Kubernetes service account's name on GKE, the Google service account's
	// email on Cloud Run.
	Identity string `json:"identity,omitempty"`
	// Ownership is what of the live objects is left to others.
	Ownership
	// Source is the declaration as it was written, in the form of whoever wrote it and opaque here. To an app nothing
	// and the default are the same; an import has to tell them apart. Two apps are the same whatever their sources.
	Source json.RawMessage `json:"source,omitempty"`
}

// GKE places an app in a cluster.
type GKE struct {
	Cluster   string   `json:"cluster"` // projects/P/locations/L/clusters/C
	Namespace string   `json:"namespace"`
	Capacity  Capacity `json:"capacity,omitempty"`
	// SessionAffinity sends the requests of one client address to one pod as long as that is there.
	SessionAffinity bool          `json:"session_affinity,omitempty"`
	IdentityWait    *IdentityWait `json:"identity_wait,omitempty"`
}

// CloudRun places an app on Cloud Run.
type CloudRun struct {
	Project  string   `json:"project"`
	Location string   `json:"location"`
	Public   bool     `json:"public,omitempty"`
	Invokers []string `json:"invokers,omitempty"` // IAM members that may call it
	Ingress  string   `json:"ingress,omitempty"`  // all, internal, internal_and_load_balancing
	RunSettings
}

// Process is one process type of an app (a line of a Procfile).
type Process struct {
	Command       []string          `json:"command,omitempty"`
	Args          []string          `json:"args,omitempty"`
	Port          int               `json:"port,omitempty"`
	CPU           string            `json:"cpu,omitempty"`    // Kubernetes quantity: "250m", "1"
	Memory        string            `json:"memory,omitempty"` // Kubernetes quantity: "256Mi"
	Scale         Scale             `json:"scale"`
	Startup       *Probe            `json:"startup,omitempty"`
	Liveness      *Probe            `json:"liveness,omitempty"`
	Readiness     *Probe            `json:"readiness,omitempty"`
	ShutdownGrace time.Duration     `json:"shutdown_grace,omitempty"` // nanoseconds in JSON
	Scratch       map[string]string `json:"scratch,omitempty"`        // writable path to size: "/tmp" = "64Mi"
}

// Scale bounds the number of instances. Before WithDefaults, Max 0 means not set, and so does Min 0 without MinSet.
type Scale struct {
	Min         int `json:"min"`
	Max         int `json:"max"`
	Concurrency int `json:"concurrency,omitempty"` // requests at a time per instance (Cloud Run)
	CPUPercent  int `json:"cpu_percent,omitempty"` // target utilization of the autoscaler (GKE)
	// MinSet tells that the user wrote min, so that a 0 is one: Cloud Run scales to zero, GKE refuses it.
	MinSet bool `json:"-"`
}

// Probe is one health check. Exactly one of Path (HTTP), TCP and GRPC is set; the port is the container's own.
type Probe struct {
	Path             string        `json:"path,omitempty"`
	TCP              bool          `json:"tcp,omitempty"`
	GRPC             bool          `json:"grpc,omitempty"`
	GRPCService      string        `json:"grpc_service,omitempty"` // what a grpc check asks about; empty is the server as a whole
	Period           time.Duration `json:"period,omitempty"`
	Timeout          time.Duration `json:"timeout,omitempty"`
	FailureThreshold int           `json:"failure_threshold,omitempty"`
}

// Runtime tells where the app runs; empty when neither or both runtimes are set.
func (a App) Runtime() Runtime {
	switch {
	case a.GKE != nil && a.CloudRun == nil:
		return GKERuntime
	case a.CloudRun != nil && a.GKE == nil:
		return CloudRunRuntime
	default:
		return ""
	}
}
