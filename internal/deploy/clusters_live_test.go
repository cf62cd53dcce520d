package deploy

import (
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

func TestClusterStateShowsWhatWasDeclared(t *testing.T) {
	t.Parallel()
	spec := clusterTestSpec()
	for name, prior := range map[string]*ClusterSpec{"refresh": &spec, "import": nil} {
		got := clusterStateOf(spec.ID, clusterTestLive(spec), prior)
		want := clusterTestSpec()
		want.Subnetwork = "default" // GKE chose it
		if prior == nil {
			want.Settings.MinVersion = "" // a cluster does not know what was asked for
		}
		if diff := cmp.Diff(want, got.ClusterSpec, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got.Status != ClusterReady || len(got.Drift) > 0 {
			t.Errorf("%s: status %s, drift %q", name, got.Status, got.Drift)
		}
	}
}

func TestClusterStateOfForeignPools(t *testing.T) {
	t.Parallel()
	spec := clusterTestSpec()
	live := clusterTestLive(spec)
	live.NodePools = append(
		live.NodePools,
		&containerpb.NodePool{Name: "theirs", Config: &containerpb.NodeConfig{}},
		&containerpb.NodePool{Name: "nap", Autoscaling: &containerpb.NodePoolAutoscaling{Autoprovisioned: true}},
	)
	tests := map[string]struct {
		prior *ClusterSpec
		want  []string
	}{
		"a refresh leaves them out":                          {&spec, []string{"base", "spot"}},
		"an import shows all but those of auto-provisioning": {nil, []string{"base", "spot", "theirs"}},
	}
	for name, test := range tests {
		var got []string
		for key := range clusterStateOf(spec.ID, live, test.prior).Pools {
			got = append(got, key)
		}
		if diff := cmp.Diff(test.want, got, cmpopts.SortSlices(func(a, b string) bool { return a < b })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestClusterStatus(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*containerpb.Cluster)
		want   string
	}{
		"running":     {func(*containerpb.Cluster) {}, ClusterReady},
		"reconciling": {func(c *containerpb.Cluster) { c.Status = containerpb.Cluster_RECONCILING }, ClusterReady},
		"provisioning": {
			func(c *containerpb.Cluster) { c.Status = containerpb.Cluster_PROVISIONING }, ClusterCreating,
		},
		"running, but its create was never finished": {
			func(c *containerpb.Cluster) { c.ResourceLabels[names.LabelCreating] = "1700000000" }, ClusterCreating,
		},
		"error":    {func(c *containerpb.Cluster) { c.Status = containerpb.Cluster_ERROR }, ClusterFailed},
		"stopping": {func(c *containerpb.Cluster) { c.Status = containerpb.Cluster_STOPPING }, ClusterDeleting},
		"a status that is newer than this provider": {
			func(c *containerpb.Cluster) { c.Status = 99 }, ClusterDegraded,
		},
		"a pool without machines": {
			func(c *containerpb.Cluster) { c.NodePools[1].Status = containerpb.NodePool_RUNNING_WITH_ERROR }, ClusterDegraded,
		},
		"a pool on its way": {
			func(c *containerpb.Cluster) { c.NodePools[1].Status = containerpb.NodePool_PROVISIONING }, ClusterCreating,
		},
	}
	for name, test := range tests {
		spec := clusterTestSpec()
		live := clusterTestLive(spec)
		test.change(live)
		if got := clusterStateOf(spec.ID, live, &spec).Status; got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func TestClusterDriftThatNoAttributeShows(t *testing.T) {
	t.Parallel()
	spec := clusterTestSpec()
	live := clusterTestLive(spec)
	delete(live.ResourceLabels, names.LabelManagedBy)
	delete(live.NodePools[0].Config.Labels, names.KubeCapacity)
	live.NodePools[1].Config.WorkloadMetadataConfig.Mode = containerpb.WorkloadMetadataConfig_GCE_METADATA
	want := []string{
		"labels.managed-by: twelvefactor -> (none)",
		"node_pools.base label twelvefactor.dev/capacity: on_demand -> (none)",
		"node_pools.spot workload metadata: GKE_METADATA -> GCE_METADATA",
	}
	if diff := cmp.Diff(want, clusterStateOf(spec.ID, live, &spec).Drift); diff != "" {
		t.Errorf("drift (-want +got):\n%s", diff)
	}
}

func TestClusterNetworkAsWritten(t *testing.T) {
	t.Parallel()
	const own, shared = "projects/acme-dev/global/networks/web", "projects/acme-net/global/networks/web"
	tests := map[string]struct{ path, written, want string }{
		"a name stays a name":              {own, "web", "web"},
		"a path stays a path":              {own, own, own},
		"a link stays a link":              {own, "https://www.googleapis.com/compute/v1/" + own, "https://www.googleapis.com/compute/v1/" + own},
		"an import of the own project's":   {own, "", "web"},
		"an import of a shared network":    {shared, "", shared},
		"another network than was written": {own, "other", "web"},
	}
	for name, test := range tests {
		if got := clusterAsWritten(test.path, test.written, "acme-dev"); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

// A cluster without addresses, made elsewhere, gets none back because its DNS endpoint is changed.
func TestClusterAddressesStayOff(t *testing.T) {
	t.Parallel()
	off := false
	live := &containerpb.ControlPlaneEndpointsConfig{
		IpEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig_IPEndpointsConfig{Enabled: &off},
	}
	if sent := (ClusterSettings{DNSEndpoint: true}).endpoints(live); sent.GetIpEndpointsConfig().GetEnabled() {
		t.Error("the addresses were switched on")
	}
	if sent := (ClusterSettings{PublicEndpoint: true}).endpoints(live); !sent.GetIpEndpointsConfig().GetEnabled() {
		t.Error("a public endpoint was asked for, and the addresses stay off")
	}
}

// An update of a group of settings is sent with what no attribute shows of it: GKE may take the group as a whole.
func TestClusterUpdatesKeepTheRestOfAGroup(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	rotation := &containerpb.SecretManagerConfig_RotationConfig{Enabled: &yes}
	auto := &containerpb.AutoMonitoringConfig{Scope: containerpb.AutoMonitoringConfig_ALL}
	live := &containerpb.Cluster{
		ControlPlaneEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig{
			DnsEndpointConfig: &containerpb.ControlPlaneEndpointsConfig_DNSEndpointConfig{EnableK8STokensViaDns: &yes},
			IpEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig_IPEndpointsConfig{
				GlobalAccess:             &yes,
				AuthorizedNetworksConfig: &containerpb.MasterAuthorizedNetworksConfig{Enabled: true, GcpPublicCidrsAccessEnabled: &no},
			},
		},
		SecretManagerConfig:   &containerpb.SecretManagerConfig{RotationConfig: rotation},
		MonitoringConfig:      &containerpb.MonitoringConfig{ManagedPrometheusConfig: &containerpb.ManagedPrometheusConfig{AutoMonitoringConfig: auto}},
		SecurityPostureConfig: &containerpb.SecurityPostureConfig{VulnerabilityMode: containerpb.SecurityPostureConfig_VULNERABILITY_BASIC.Enum()}, //nolint:staticcheck // what older clusters have
	}
	kept := map[string]func(*containerpb.ClusterUpdate) bool{
		"dns_endpoint": func(u *containerpb.ClusterUpdate) bool {
			ip := u.GetDesiredControlPlaneEndpointsConfig().GetIpEndpointsConfig()
			public := ip.GetAuthorizedNetworksConfig().GcpPublicCidrsAccessEnabled
			return u.GetDesiredControlPlaneEndpointsConfig().GetDnsEndpointConfig().GetEnableK8STokensViaDns() &&
				ip.GetGlobalAccess() && public != nil && !*public
		},
		"secret_manager_csi": func(u *containerpb.ClusterUpdate) bool {
			return u.GetDesiredSecretManagerConfig().GetRotationConfig().GetEnabled()
		},
		"monitoring": func(u *containerpb.ClusterUpdate) bool {
			return u.GetDesiredMonitoringConfig().GetManagedPrometheusConfig().GetAutoMonitoringConfig().GetScope() == containerpb.AutoMonitoringConfig_ALL
		},
		"security_posture": func(u *containerpb.ClusterUpdate) bool {
			return u.GetDesiredSecurityPostureConfig().GetVulnerabilityMode() == containerpb.SecurityPostureConfig_VULNERABILITY_BASIC //nolint:staticcheck // as above
		},
	}
	for _, change := range clusterChanges {
		if whole, ok := kept[change.attribute]; ok && !whole(change.update(clusterTestSettings(), live)) {
			t.Errorf("%s is sent as %s", change.attribute, change.update(clusterTestSettings(), live))
		}
		delete(kept, change.attribute)
	}
	if len(kept) > 0 {
		t.Errorf("%d groups are not updated under that name", len(kept))
	}
}
