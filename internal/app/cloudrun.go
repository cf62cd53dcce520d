package app

import (
	"cmp"
	"slices"
	"time"
)

// RunSettings are what only Cloud Run offers. They are about the web process, except VPC, which is about every process.
type RunSettings struct {
	VPC *VPC `json:"vpc,omitempty"`
	// InvokerIAMDisabled has Cloud Run let everybody call without a look at the policy, where the policy may not name
	// everybody.
	InvokerIAMDisabled bool `json:"invoker_iam_disabled,omitempty"`
	// DefaultURIDisabled takes the run.app address away.
	DefaultURIDisabled bool     `json:"default_uri_disabled,omitempty"`
	CustomAudiences    []string `json:"custom_audiences,omitempty"` // beside the service's own address
	SessionAffinity    bool     `json:"session_affinity,omitempty"`
	// CPUAlwaysAllocated leaves instances their CPU between requests.
	CPUAlwaysAllocated   bool           `json:"cpu_always_allocated,omitempty"`
	StartupCPUBoost      *bool          `json:"startup_cpu_boost,omitempty"`     // nil is true
	ExecutionEnvironment string         `json:"execution_environment,omitempty"` // gen1, gen2; empty lets Cloud Run choose
	RequestTimeout       time.Duration  `json:"request_timeout,omitempty"`       // nanoseconds in JSON
	Protocol             string         `json:"protocol,omitempty"`              // http1, h2c
	RevisionScale        *RevisionScale `json:"revision_scale,omitempty"`
}

// VPC is the way into a network, by Direct VPC egress. Network and Subnetwork are short names or full ones; one of them
// is enough.
type VPC struct {
	Network    string   `json:"network,omitempty"`
	Subnetwork string   `json:"subnetwork,omitempty"`
	Tags       []string `json:"tags,omitempty"` // network tags, that firewall rules refer to
	Egress     string   `json:"egress,omitempty"`
}

// RevisionScale bounds the instances of each revision. Max 0 is DefaultRunMax, or the service's own if that is more.
type RevisionScale struct {
	Min int `json:"min,omitempty"`
	Max int `json:"max,omitempty"`
}

// What goes through the network.
const (
	EgressPrivate = "private_ranges_only"
	EgressAll     = "all_traffic"
)

// Egresses are the values of VPC.Egress.
func Egresses() []string { return []string{EgressPrivate, EgressAll} }

// The protocols between Cloud Run and the web process: HTTP/1, and HTTP/2 without TLS, which gRPC needs.
const (
	ProtocolHTTP1 = "http1"
	ProtocolH2C   = "h2c"
)

// Protocols are the values of RunSettings.Protocol.
func Protocols() []string { return []string{ProtocolHTTP1, ProtocolH2C} }

// The execution environments.
const (
	Gen1 = "gen1"
	Gen2 = "gen2"
)

// ExecutionEnvironments are the values of RunSettings.ExecutionEnvironment.
func ExecutionEnvironments() []string { return []string{Gen1, Gen2} }

// DefaultRequestTimeout is the API's own, said explicitly. Source: Cloud Run documentation, "Set request timeout".
const DefaultRequestTimeout = 300 * time.Second

func runSettingsDefaults(r RunSettings) RunSettings {
	if r.VPC != nil {
		v := *r.VPC
		v.Tags = slices.Clone(v.Tags)
		v.Egress = orDefault(v.Egress, EgressPrivate)
		r.VPC = &v
	}
	if r.RevisionScale != nil {
		scale := *r.RevisionScale
		r.RevisionScale = &scale
	}
	r.CustomAudiences = slices.Clone(r.CustomAudiences)
	boost := *cmp.Or(r.StartupCPUBoost, new(true))
	r.StartupCPUBoost = &boost
	r.RequestTimeout = orDefault(r.RequestTimeout, DefaultRequestTimeout)
	r.Protocol = orDefault(r.Protocol, ProtocolHTTP1)
	return r
}
