package deploy

import (
	"maps"
	"slices"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// ClusterSettings are the settings of a cluster that are not about its node pools. What is empty or nil is left to GKE,
// unless its comment says what empty means.
type ClusterSettings struct {
	// PodsRange and ServicesRange are secondary ranges of the subnetwork: the name of one that exists, or an address block
	// (10.4.0.0/14) or its size (/17) for one that GKE makes. They cannot change in a live cluster.
	PodsRange, ServicesRange string
	// PrivateNodes is whether nodes of new pools have internal addresses only.
	PrivateNodes bool
	// DNSEndpoint is whether the control plane takes traffic from outside of the VPC under its DNS name, after IAM let it in.
	DNSEndpoint bool
	// PublicEndpoint is whether the control plane has an address that is reachable from outside of the VPC.
	PublicEndpoint bool
	// AuthorizedNetworks are the address blocks that may reach the control plane's addresses, with their display names. Nil
	// means that any may.
	AuthorizedNetworks map[string]string
	// DataplaneV2 cannot change in a live cluster.
	DataplaneV2 bool
	// MinVersion is the least version of the control plane: 1.33, 1.33.5 or 1.33.5-gke.1162000. A newer one stays.
	MinVersion string
	// Maintenance is when GKE may work on the cluster; empty means any time.
	Maintenance ClusterMaintenance
	// Logging and Monitoring are the components whose logs and metrics are collected, of LoggingComponents and
	// MonitoringComponents, sorted.
	Logging, Monitoring []string
	ManagedPrometheus   bool
	GatewayAPI          bool
	// SecretManagerCSI mounts secrets of Secret Manager as files.
	SecretManagerCSI bool
	// BinaryAuthorization is one of BinaryAuthorizations.
	BinaryAuthorization string
	ShieldedNodes       bool
	// SecurityPosture is one of SecurityPostures.
	SecurityPosture string
	// FleetProject is the host project of the cluster's fleet; empty means no fleet.
	FleetProject string
}

// clusterBinaryAuthorizations are the values of ClusterSettings.BinaryAuthorization.
var clusterBinaryAuthorizations = map[string]containerpb.BinaryAuthorization_EvaluationMode{
	"disabled": containerpb.BinaryAuthorization_DISABLED,
	"enforce":  containerpb.BinaryAuthorization_PROJECT_SINGLETON_POLICY_ENFORCE,
}

// BinaryAuthorizations lists how Binary Authorization can be evaluated.
func BinaryAuthorizations() []string { return slices.Sorted(maps.Keys(clusterBinaryAuthorizations)) }

var clusterSecurityPostures = map[string]containerpb.SecurityPostureConfig_Mode{
	"disabled": containerpb.SecurityPostureConfig_DISABLED,
	"basic":    containerpb.SecurityPostureConfig_BASIC,
}

// SecurityPostures lists the modes of the security posture dashboard that Google still offers.
func SecurityPostures() []string { return slices.Sorted(maps.Keys(clusterSecurityPostures)) }

// LoggingComponents lists the components whose logs can be collected.
func LoggingComponents() []string {
	return clusterComponents(containerpb.LoggingComponentConfig_Component_name)
}

// MonitoringComponents lists the components whose metrics can be collected.
func MonitoringComponents() []string {
	return clusterComponents(containerpb.MonitoringComponentConfig_Component_name)
}

// clusterComponents are an enumeration's values but for the unspecified one, as users write them.
func clusterComponents(values map[int32]string) []string {
	var list []string
	for number, name := range values {
		if number != 0 {
			list = append(list, strings.ToLower(name))
		}
	}
	slices.Sort(list)
	return list
}

// clusterSettingsOf reads the settings of a live cluster. prior is what was declared, which tells how the user wrote what
// can be written in several ways.
func clusterSettingsOf(live *containerpb.Cluster, prior ClusterSettings) ClusterSettings {
	network, private := live.GetNetworkConfig(), live.GetPrivateClusterConfig()
	s := ClusterSettings{
		PodsRange: clusterRangeOf(prior.PodsRange,
			live.GetIpAllocationPolicy().GetClusterSecondaryRangeName(), live.GetIpAllocationPolicy().GetClusterIpv4CidrBlock()),
		ServicesRange: clusterRangeOf(prior.ServicesRange,
			live.GetIpAllocationPolicy().GetServicesSecondaryRangeName(), live.GetIpAllocationPolicy().GetServicesIpv4CidrBlock()),
		PrivateNodes:        network.GetDefaultEnablePrivateNodes() || private.GetEnablePrivateNodes(), //nolint:staticcheck // what older clusters have
		DataplaneV2:         network.GetDatapathProvider() == containerpb.DatapathProvider_ADVANCED_DATAPATH,
		MinVersion:          prior.MinVersion,
		Maintenance:         clusterMaintenanceOf(live.GetMaintenancePolicy()),
		ManagedPrometheus:   live.GetMonitoringConfig().GetManagedPrometheusConfig().GetEnabled(),
		GatewayAPI:          live.GetNetworkConfig().GetGatewayApiConfig().GetChannel() == containerpb.GatewayAPIConfig_CHANNEL_STANDARD,
		SecretManagerCSI:    live.GetSecretManagerConfig().GetEnabled(),
		BinaryAuthorization: clusterBinaryAuthorizationOf(live.GetBinaryAuthorization()),
		ShieldedNodes:       live.GetShieldedNodes().GetEnabled(),
		SecurityPosture:     clusterSecurityPostureOf(live.GetSecurityPostureConfig().GetMode()),
		FleetProject:        clusterFleetOf(live.GetFleet().GetProject(), prior.FleetProject),
	}
	for _, c := range live.GetLoggingConfig().GetComponentConfig().GetEnableComponents() {
		s.Logging = append(s.Logging, strings.ToLower(c.String()))
	}
	for _, c := range live.GetMonitoringConfig().GetComponentConfig().GetEnableComponents() {
		s.Monitoring = append(s.Monitoring, strings.ToLower(c.String()))
	}
	slices.Sort(s.Logging)
	slices.Sort(s.Monitoring)
	clusterEndpointsOf(live, &s)
	return s
}

func clusterEndpointsOf(live *containerpb.Cluster, s *ClusterSettings) {
	config := live.GetControlPlaneEndpointsConfig()
	ip := config.GetIpEndpointsConfig()
	s.DNSEndpoint = config.GetDnsEndpointConfig().GetAllowExternalTraffic()
	on := ip == nil || ip.Enabled == nil || ip.GetEnabled()
	s.PublicEndpoint = on && (ip == nil || ip.EnablePublicEndpoint == nil || ip.GetEnablePublicEndpoint())
	if authorized := ip.GetAuthorizedNetworksConfig(); authorized.GetEnabled() {
		s.AuthorizedNetworks = map[string]string{}
		for _, block := range authorized.GetCidrBlocks() {
			s.AuthorizedNetworks[block.GetCidrBlock()] = block.GetDisplayName()
		}
	}
}

// clusterRangeOf shows a secondary range as the user wrote it: a name as a name, an address block as that, and a size as
// long as the block has it. One that nobody wrote down is a name, unless GKE made the range and named it.
func clusterRangeOf(written, name, block string) string {
	switch {
	case strings.HasPrefix(written, "/") && strings.HasSuffix(block, written):
		return written
	case strings.Contains(written, "/"), name == "", written == "" && strings.HasPrefix(name, "gke-"):
		return block
	default:
		return name
	}
}

func clusterBinaryAuthorizationOf(live *containerpb.BinaryAuthorization) string {
	mode := live.GetEvaluationMode()
	switch {
	case live.GetEnabled(): //nolint:staticcheck // what older clusters have
		return "enforce"
	case mode == containerpb.BinaryAuthorization_EVALUATION_MODE_UNSPECIFIED:
		return "disabled"
	}
	return clusterNameOf(clusterBinaryAuthorizations, mode)
}

func clusterSecurityPostureOf(mode containerpb.SecurityPostureConfig_Mode) string {
	if mode == containerpb.SecurityPostureConfig_MODE_UNSPECIFIED {
		return "disabled"
	}
	return clusterNameOf(clusterSecurityPostures, mode)
}

// clusterNameOf is how users write a value of the API; a value that is newer than this provider stays in the API's words.
func clusterNameOf[E interface {
	comparable
	String() string
}](words map[string]E, value E,
) string {
	for word, v := range words {
		if v == value {
			return word
		}
	}
	return strings.ToLower(value.String())
}

// clusterFleetOf is the fleet's project, which the API answers with or without its collection.
func clusterFleetOf(live, written string) string {
	short := strings.TrimPrefix(live, "projects/")
	if short != "" && short == strings.TrimPrefix(written, "projects/") {
		return written
	}
	return short
}

// message puts the settings into a cluster that is to be made.
func (s ClusterSettings) message(cluster *containerpb.Cluster, project string) {
	allocation := &containerpb.IPAllocationPolicy{UseIpAliases: true}
	allocation.ClusterSecondaryRangeName, allocation.ClusterIpv4CidrBlock = clusterRange(s.PodsRange)
	allocation.ServicesSecondaryRangeName, allocation.ServicesIpv4CidrBlock = clusterRange(s.ServicesRange)
	cluster.IpAllocationPolicy = allocation
	cluster.NetworkConfig = &containerpb.NetworkConfig{DefaultEnablePrivateNodes: &s.PrivateNodes, GatewayApiConfig: s.gatewayAPI()}
	if s.DataplaneV2 {
		cluster.NetworkConfig.DatapathProvider = containerpb.DatapathProvider_ADVANCED_DATAPATH
	}
	cluster.WorkloadIdentityConfig = &containerpb.WorkloadIdentityConfig{WorkloadPool: names.WorkloadPool(project)}
	cluster.ControlPlaneEndpointsConfig = s.endpoints(nil)
	cluster.MaintenancePolicy = s.Maintenance.policy(nil)
	cluster.LoggingConfig, cluster.MonitoringConfig = s.logging(), s.monitoring()
	cluster.SecretManagerConfig = &containerpb.SecretManagerConfig{Enabled: &s.SecretManagerCSI}
	if s.BinaryAuthorization != "" {
		cluster.BinaryAuthorization = s.binaryAuthorization()
	}
	cluster.ShieldedNodes = &containerpb.ShieldedNodes{Enabled: s.ShieldedNodes}
	if s.SecurityPosture != "" {
		cluster.SecurityPostureConfig = s.securityPosture()
	}
	cluster.InitialClusterVersion = s.MinVersion
	if s.FleetProject != "" {
		cluster.Fleet = &containerpb.Fleet{Project: s.FleetProject}
	}
}

// clusterRange tells the name of a secondary range from an address block or its size.
func clusterRange(written string) (name, block string) {
	if strings.Contains(written, "/") {
		return "", written
	}
	return written, ""
}

// endpoints leaves the addresses of a live cluster off where somebody has switched them off, unless a public one is asked
// for, and keeps what no attribute shows.
func (s ClusterSettings) endpoints(live *containerpb.ControlPlaneEndpointsConfig) *containerpb.ControlPlaneEndpointsConfig {
	name, ip := live.GetDnsEndpointConfig(), live.GetIpEndpointsConfig()
	on := s.PublicEndpoint || ip == nil || ip.Enabled == nil || ip.GetEnabled()
	authorized := &containerpb.MasterAuthorizedNetworksConfig{Enabled: s.AuthorizedNetworks != nil}
	if before := ip.GetAuthorizedNetworksConfig(); before != nil && authorized.Enabled {
		authorized.GcpPublicCidrsAccessEnabled = before.GcpPublicCidrsAccessEnabled
		authorized.PrivateEndpointEnforcementEnabled = before.PrivateEndpointEnforcementEnabled
	}
	for _, block := range slices.Sorted(maps.Keys(s.AuthorizedNetworks)) {
		authorized.CidrBlocks = append(authorized.CidrBlocks, &containerpb.MasterAuthorizedNetworksConfig_CidrBlock{
			CidrBlock: block, DisplayName: s.AuthorizedNetworks[block],
		})
	}
	want := &containerpb.ControlPlaneEndpointsConfig{
		DnsEndpointConfig: &containerpb.ControlPlaneEndpointsConfig_DNSEndpointConfig{AllowExternalTraffic: &s.DNSEndpoint},
		IpEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig_IPEndpointsConfig{
			Enabled: &on, EnablePublicEndpoint: &s.PublicEndpoint, AuthorizedNetworksConfig: authorized,
		},
	}
	if name != nil {
		want.DnsEndpointConfig.EnableK8STokensViaDns, want.DnsEndpointConfig.EnableK8SCertsViaDns = name.EnableK8STokensViaDns, name.EnableK8SCertsViaDns
	}
	if ip != nil {
		want.IpEndpointsConfig.GlobalAccess = ip.GlobalAccess
	}
	return want
}

func (s ClusterSettings) gatewayAPI() *containerpb.GatewayAPIConfig {
	channel := containerpb.GatewayAPIConfig_CHANNEL_DISABLED
	if s.GatewayAPI {
		channel = containerpb.GatewayAPIConfig_CHANNEL_STANDARD
	}
	return &containerpb.GatewayAPIConfig{Channel: channel}
}

// logging is nil when GKE decides what is collected.
func (s ClusterSettings) logging() *containerpb.LoggingConfig {
	if s.Logging == nil {
		return nil
	}
	components := &containerpb.LoggingComponentConfig{}
	for _, name := range s.Logging {
		number := containerpb.LoggingComponentConfig_Component_value[strings.ToUpper(name)]
		components.EnableComponents = append(components.EnableComponents, containerpb.LoggingComponentConfig_Component(number))
	}
	return &containerpb.LoggingConfig{ComponentConfig: components}
}

func (s ClusterSettings) monitoring() *containerpb.MonitoringConfig {
	config := &containerpb.MonitoringConfig{
		ManagedPrometheusConfig: &containerpb.ManagedPrometheusConfig{Enabled: s.ManagedPrometheus},
	}
	if s.Monitoring != nil {
		config.ComponentConfig = &containerpb.MonitoringComponentConfig{}
	}
	for _, name := range s.Monitoring {
		number := containerpb.MonitoringComponentConfig_Component_value[strings.ToUpper(name)]
		config.ComponentConfig.EnableComponents = append(
			config.ComponentConfig.EnableComponents, containerpb.MonitoringComponentConfig_Component(number))
	}
	return config
}

func (s ClusterSettings) binaryAuthorization() *containerpb.BinaryAuthorization {
	return &containerpb.BinaryAuthorization{EvaluationMode: clusterBinaryAuthorizations[s.BinaryAuthorization]}
}

func (s ClusterSettings) securityPosture() *containerpb.SecurityPostureConfig {
	mode := clusterSecurityPostures[s.SecurityPosture]
	return &containerpb.SecurityPostureConfig{Mode: &mode}
}
