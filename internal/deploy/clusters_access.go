package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// The kinds of endpoints that a cluster's Kubernetes API can be reached at.
const (
	EndpointAuto       = "auto"        // the one that this provider itself uses
	EndpointDNS        = "dns"         // a name, with a certificate that every machine trusts
	EndpointIP         = "ip"          // the address that GKE shows as the cluster's endpoint
	EndpointInternalIP = "internal_ip" // the address inside of the cluster's network
)

// EndpointKinds are the accepted kinds of endpoints.
func EndpointKinds() []string {
	return []string{EndpointAuto, EndpointDNS, EndpointIP, EndpointInternalIP}
}

// accessTokenLife is how long a token that is handed out lives if that can be had. Google's live for an hour, and who
// gets one cannot ask for the next.
const accessTokenLife = 55 * time.Minute

// ClusterAccess is what a client needs for a cluster's Kubernetes API.
type ClusterAccess struct {
	// Endpoint is HOST or HOST:PORT, never empty; it is to be reached by https only.
	Endpoint string
	// Authority is PEM; empty when the endpoint's certificate comes from a public authority.
	Authority string
	Token     gcp.Token
}

// ClusterAccess gives access to a cluster as the provider's own caller. A cluster that is still being created is waited
// for until ctx ends: an interrupted run must not block the plan of the next one.
func (c *Cloud) ClusterAccess(ctx context.Context, id names.ClusterID, kind string) (*ClusterAccess, error) {
	cluster, err := c.servingCluster(ctx, id)
	if err != nil {
		return nil, clusterAccessError(id, err)
	}
	endpoint, dns, err := clusterEndpoint(id, cluster, kind)
	if err != nil {
		return nil, err
	}
	access := &ClusterAccess{Endpoint: endpoint}
	if err := kube.CheckEndpoint(endpoint); err != nil {
		return nil, clusterUnconnectable(id, err)
	}
	if !dns {
		if access.Authority, err = kube.Authority(cluster.GetMasterAuth().GetClusterCaCertificate()); err != nil {
			return nil, clusterUnconnectable(id, err)
		}
	}
	if access.Token, err = c.GCP.FreshToken(ctx, accessTokenLife); err != nil {
		return nil, fmt.Errorf("no token for cluster %q: %w", id.Name, err)
	}
	return access, nil
}

// servingCluster gives the cluster once it serves.
func (c *Cloud) servingCluster(ctx context.Context, id names.ClusterID) (cluster *containerpb.Cluster, err error) {
	creating := false
	err = c.GCP.Poll(ctx, "cluster "+id.Name, func(ctx context.Context) (done bool, err error) {
		if cluster, err = c.GCP.Clusters().Get(ctx, id.String()); err != nil {
			return false, err
		}
		err = clusterServes(id, cluster)
		if creating = errors.Is(err, ErrClusterCreating); creating {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil && creating {
		return nil, fmt.Errorf("%w: %w", ErrClusterCreating, err)
	}
	return cluster, err
}

func clusterAccessError(id names.ClusterID, err error) error {
	switch {
	case errors.Is(err, ErrClusterCreating):
		return &Error{
			Summary:   fmt.Sprintf("Cluster %q is still being created", id.Name),
			Why:       "GKE reports its status as PROVISIONING: its Kubernetes API does not answer yet.",
			Fix:       `Run again when it is RUNNING, or wait longer: timeouts = { open = "40m" }.`,
			Attribute: []string{"cluster"}, Err: err,
		}
	case errors.Is(err, ErrClusterStopping):
		return &Error{
			Summary:   fmt.Sprintf("Cluster %q is being deleted", id.Name),
			Why:       "GKE reports its status as STOPPING: nothing can be done in it any more.",
			Fix:       "If it is to be made again, run again when it is gone. If not, remove what uses its credentials from the configuration.",
			Attribute: []string{"cluster"},
		}
	case gcp.IsNotFound(err):
		return clusterMissing(id, err, "Set cluster = twelvefactor_cluster.NAME.id, so that the credentials are asked for when the cluster is there; "+
			"for a cluster made elsewhere, check the id.", "cluster")
	default:
		return err
	}
}

// clusterMissing says that a cluster that somebody else was to make is not there.
func clusterMissing(id names.ClusterID, err error, fix string, attribute ...string) error {
	return &Error{
		Summary:   fmt.Sprintf("Cluster %q does not exist", id.Name),
		Why:       fmt.Sprintf("Project %q has no cluster %q in %q.", id.Project, id.Name, id.Location),
		Fix:       fix,
		Attribute: attribute, Err: err,
	}
}

// clusterEndpoint gives the endpoint of a kind, and whether its certificate is a public one.
func clusterEndpoint(id names.ClusterID, cluster *containerpb.Cluster, kind string) (endpoint string, dns bool, err error) {
	config := cluster.GetControlPlaneEndpointsConfig()
	name, ip := config.GetDnsEndpointConfig(), config.GetIpEndpointsConfig()
	ipOn := ip == nil || ip.Enabled == nil || ip.GetEnabled()
	what, fix := "address", "--enable-ip-access"
	switch kind {
	case EndpointDNS:
		what, fix = "DNS-based endpoint that takes traffic from outside", "--enable-dns-access"
		if name.GetAllowExternalTraffic() {
			endpoint = name.GetEndpoint()
		}
	case EndpointIP:
		if ipOn {
			endpoint = cluster.GetEndpoint()
		}
	case EndpointInternalIP:
		what = "internal address"
		if ipOn {
			endpoint = cmp.Or(ip.GetPrivateEndpoint(), cluster.GetPrivateClusterConfig().GetPrivateEndpoint()) //nolint:staticcheck // older control planes fill this one only
		}
	default:
		return kubeEndpoint(id, cluster)
	}
	if endpoint == "" {
		return "", false, &Error{
			Summary: fmt.Sprintf("Cluster %q has no %s", id.Name, what),
			Why:     fmt.Sprintf("endpoint_type is %q, and the control plane's endpoint of that kind is switched off.", kind),
			Fix: fmt.Sprintf("Set endpoint_type = %q, or switch it on: gcloud container clusters update %s %s --location %s",
				EndpointAuto, id.Name, fix, id.Location),
			Attribute: []string{"endpoint_type"},
		}
	}
	return endpoint, kind == EndpointDNS, nil
}

// ShowCluster reads a cluster for somebody who only looks: all of its pools and labels, and an error when it is not
// there. Whether it is finished is what GKE says; the mark of an unfinished create belongs to the run that makes it, and
// stays until that run's provider ends.
func (c *Cloud) ShowCluster(ctx context.Context, id names.ClusterID) (*ClusterState, error) {
	live, err := c.GCP.Clusters().Get(ctx, id.String())
	if gcp.IsNotFound(err) {
		return nil, clusterMissing(id, err, "Check name, location and project: a cluster in one zone has the zone as its location. "+
			"If the cluster is made in this configuration, use the resource's attributes, or id = twelvefactor_cluster.NAME.id.")
	}
	if err != nil {
		return nil, &Error{Summary: fmt.Sprintf("Cluster %q could not be read", id.Name), Err: err}
	}
	delete(live.GetResourceLabels(), names.LabelCreating)
	state := clusterStateOf(id, live, nil)
	return &state, nil
}

// clusterIsAutopilot says that a cluster cannot be taken over.
func clusterIsAutopilot(id names.ClusterID) error {
	return &Error{
		Summary: fmt.Sprintf("Cluster %q is an Autopilot cluster", id.Name),
		Why:     "The resource declares the node pools of a Standard cluster. In Autopilot GKE makes the nodes, and changes to its pools are refused.",
		Fix:     "Remove the import. What is in the cluster can use the id of the data source twelvefactor_cluster.",
	}
}
