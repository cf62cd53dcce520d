package service

import (
	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

// model is the resource as Terraform holds it. Any part of it may be unknown.
type model struct {
	ID              types.String   `tfsdk:"id"`
	Name            types.String   `tfsdk:"name"`
	Project         types.String   `tfsdk:"project"`
	Image           types.String   `tfsdk:"image"`
	GKE             types.Object   `tfsdk:"gke"`
	CloudRun        types.Object   `tfsdk:"cloud_run"`
	Config          types.Map      `tfsdk:"config"`
	Secrets         types.Map      `tfsdk:"secrets"`
	ConfigFiles     types.Map      `tfsdk:"config_files"`
	SecretFiles     types.Map      `tfsdk:"secret_files"`
	Processes       types.Map      `tfsdk:"processes"`
	Sidecars        types.Map      `tfsdk:"sidecars"`
	Annotations     types.Map      `tfsdk:"annotations"`
	Identity        types.String   `tfsdk:"identity"`
	Labels          types.Map      `tfsdk:"labels"`
	ImageOwner      types.String   `tfsdk:"image_owner"`
	DriftIgnore     types.Set      `tfsdk:"drift_ignore"`
	Rerender        types.Bool     `tfsdk:"rerender"`
	ImageDigest     types.String   `tfsdk:"image_digest"`
	EffectiveLabels types.Map      `tfsdk:"effective_labels"`
	URL             types.String   `tfsdk:"url"`
	ReleaseID       types.String   `tfsdk:"release_id"`
	Status          types.String   `tfsdk:"status"`
	Drift           types.List     `tfsdk:"drift"`
	Objects         types.List     `tfsdk:"objects"`
	Timeouts        timeouts.Value `tfsdk:"timeouts"`
}

// gkeModel is the attribute gke.
type gkeModel struct {
	Cluster   types.String `tfsdk:"cluster"`
	Namespace types.String `tfsdk:"namespace"`
	Capacity  types.String `tfsdk:"capacity"`

	SessionAffinity types.Bool   `tfsdk:"session_affinity"`
	IdentityWait    types.Object `tfsdk:"identity_wait"`
}

// waitModel is identity_wait of gke.
type waitModel struct {
	Enabled types.Bool   `tfsdk:"enabled"`
	Image   types.String `tfsdk:"image"`
	Timeout types.String `tfsdk:"timeout"`
}

// runModel is the attribute cloud_run.
type runModel struct {
	Location             types.String `tfsdk:"location"`
	Public               types.Bool   `tfsdk:"public"`
	Ingress              types.String `tfsdk:"ingress"`
	Invokers             types.Set    `tfsdk:"invokers"`
	InvokerIAMDisabled   types.Bool   `tfsdk:"invoker_iam_disabled"`
	DefaultURIDisabled   types.Bool   `tfsdk:"default_uri_disabled"`
	CustomAudiences      types.Set    `tfsdk:"custom_audiences"`
	VPC                  types.Object `tfsdk:"vpc"`
	SessionAffinity      types.Bool   `tfsdk:"session_affinity"`
	CPUAlwaysAllocated   types.Bool   `tfsdk:"cpu_always_allocated"`
	StartupCPUBoost      types.Bool   `tfsdk:"startup_cpu_boost"`
	ExecutionEnvironment types.String `tfsdk:"execution_environment"`
	RequestTimeout       types.String `tfsdk:"request_timeout"`
	Protocol             types.String `tfsdk:"protocol"`
	RevisionScale        types.Object `tfsdk:"revision_scale"`
}

// vpcModel is cloud_run.vpc.
type vpcModel struct {
	Network    types.String `tfsdk:"network"`
	Subnetwork types.String `tfsdk:"subnetwork"`
	Tags       types.Set    `tfsdk:"tags"`
	Egress     types.String `tfsdk:"egress"`
}

// revisionScaleModel is cloud_run.revision_scale.
type revisionScaleModel struct {
	Min types.Int64 `tfsdk:"min"`
	Max types.Int64 `tfsdk:"max"`
}

// processModel is one element of processes.
type processModel struct {
	Command       types.List   `tfsdk:"command"`
	Args          types.List   `tfsdk:"args"`
	Port          types.Int64  `tfsdk:"port"`
	CPU           types.String `tfsdk:"cpu"`
	Memory        types.String `tfsdk:"memory"`
	Scale         types.Object `tfsdk:"scale"`
	Startup       types.Object `tfsdk:"startup"`
	Liveness      types.Object `tfsdk:"liveness"`
	Readiness     types.Object `tfsdk:"readiness"`
	ShutdownGrace types.String `tfsdk:"shutdown_grace"`
	Scratch       types.Map    `tfsdk:"scratch"`
}

// sidecarModel is one element of sidecars.
type sidecarModel struct {
	Image     types.String `tfsdk:"image"`
	Command   types.List   `tfsdk:"command"`
	Args      types.List   `tfsdk:"args"`
	Config    types.Map    `tfsdk:"config"`
	Secrets   types.Map    `tfsdk:"secrets"`
	Port      types.Int64  `tfsdk:"port"`
	CPU       types.String `tfsdk:"cpu"`
	Memory    types.String `tfsdk:"memory"`
	Startup   types.Object `tfsdk:"startup"`
	Liveness  types.Object `tfsdk:"liveness"`
	Readiness types.Object `tfsdk:"readiness"`
	Scratch   types.Map    `tfsdk:"scratch"`
	Processes types.Set    `tfsdk:"processes"`
	After     types.Set    `tfsdk:"after"`
}

// scaleModel is scale of a process.
type scaleModel struct {
	Min         types.Int64 `tfsdk:"min"`
	Max         types.Int64 `tfsdk:"max"`
	Concurrency types.Int64 `tfsdk:"concurrency"`
	CPUPercent  types.Int64 `tfsdk:"cpu_percent"`
}

// probeModel is startup, liveness or readiness of a process or a sidecar.
type probeModel struct {
	Path             types.String `tfsdk:"path"`
	TCP              types.Bool   `tfsdk:"tcp"`
	GRPC             types.Bool   `tfsdk:"grpc"`
	GRPCService      types.String `tfsdk:"grpc_service"`
	Period           types.String `tfsdk:"period"`
	Timeout          types.String `tfsdk:"timeout"`
	FailureThreshold types.Int64  `tfsdk:"failure_threshold"`
}

// The types of the nested attributes are those of the schema.
var (
	gkeTypes           = typesOf(gkeAttribute().Attributes)
	runTypes           = typesOf(runAttribute().Attributes)
	vpcTypes           = typesOf(vpcAttribute().Attributes)
	revisionScaleTypes = typesOf(revisionScaleAttribute().Attributes)
	scaleTypes         = typesOf(scaleAttribute().Attributes)
	probeTypes         = typesOf(probeAttribute("", 0, "").Attributes)
	processTypes       = typesOf(processAttributes())
	processType        = types.ObjectType{AttrTypes: processTypes}
	sidecarTypes       = typesOf(sidecarAttributes())
	sidecarType        = types.ObjectType{AttrTypes: sidecarTypes}
	waitTypes          = typesOf(identityWaitAttribute().Attributes)
)

func typesOf(attributes map[string]schema.Attribute) map[string]attr.Type {
	all := make(map[string]attr.Type, len(attributes))
	for name, attribute := range attributes {
		all[name] = attribute.GetType()
	}
	return all
}

// webDeclared tells whether there is a process that takes requests, and so a URL.
func (m model) webDeclared() bool {
	_, declared := m.Processes.Elements()[app.Web]
	return declared
}
