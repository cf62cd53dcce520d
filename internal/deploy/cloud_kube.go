package deploy

import (
	"context"
	"errors"
	"fmt"

	"cloud.google.com/go/container/apiv1/containerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// kubeKey is what a connection depends on. A cluster that was deleted and made again has another endpoint or another
// authority.
type kubeKey struct {
	cluster                names.ClusterID
	endpoint, certificates string
}

// ErrClusterCreating says that a cluster cannot be talked to yet because it is still being created.
var ErrClusterCreating = errors.New("the cluster is still being created")

// ErrClusterStopping says that a cluster is being deleted.
var ErrClusterStopping = errors.New("the cluster is being deleted")

// Kube connects to a cluster. A cluster that is still being created is waited for until ctx ends. A cluster that is
// not there is an error for which gcp.IsNotFound holds.
func (c *Cloud) Kube(ctx context.Context, id names.ClusterID) (*kube.Client, error) {
	var client *kube.Client
	err := c.GCP.Poll(ctx, "cluster "+id.Name, func(ctx context.Context) (done bool, err error) {
		client, err = c.KubeNow(ctx, id)
		if errors.Is(err, ErrClusterCreating) {
			return false, nil
		}
		return err == nil, err
	})
	return client, err
}

// KubeNow connects to a cluster and does not wait: a cluster that is still being created gives ErrClusterCreating.
// Reads use it, so that a plan never waits for somebody's apply.
func (c *Cloud) KubeNow(ctx context.Context, id names.ClusterID) (*kube.Client, error) {
	cluster, err := c.GCP.Clusters().Get(ctx, id.String())
	if err != nil {
		return nil, err
	}
	if err := clusterServes(id, cluster); err != nil {
		return nil, err
	}
	return c.kubeClient(ctx, id, cluster)
}

// clusterServes is an error unless the cluster has a Kubernetes API that answers.
func clusterServes(id names.ClusterID, cluster *containerpb.Cluster) error {
	switch cluster.GetStatus() {
	case containerpb.Cluster_PROVISIONING:
		return ErrClusterCreating
	case containerpb.Cluster_STOPPING:
		return ErrClusterStopping
	case containerpb.Cluster_RUNNING, containerpb.Cluster_RECONCILING, containerpb.Cluster_DEGRADED:
		return nil
	default:
		return &Error{
			Summary: fmt.Sprintf("Cluster %q cannot be used", id.Name),
			Why:     fmt.Sprintf("GKE reports its status as %s.", clusterReasons(cluster, nil)),
			Fix:     "Look at the cluster in the console; one in ERROR has to be deleted and made again, which the next plan of the configuration that holds it does.",
		}
	}
}

// kubeClient gives the connection for the cluster as it is now, an earlier one when nothing that it depends on changed.
func (c *Cloud) kubeClient(ctx context.Context, id names.ClusterID, cluster *containerpb.Cluster) (*kube.Client, error) {
	endpoint, dns, err := kubeEndpoint(id, cluster)
	if err != nil {
		return nil, err
	}
	key := kubeKey{id, endpoint, cluster.GetMasterAuth().GetClusterCaCertificate()}
	c.kubeMu.Lock()
	defer c.kubeMu.Unlock()
	if client, ok := c.kubeClients[key]; ok {
		return client, nil
	}
	token, err := c.GCP.TokenSource(ctx)
	if err != nil {
		return nil, err
	}
	client, err := kube.Connect(kube.Config{
		Endpoint: endpoint, CACertificate: key.certificates, DNS: dns, Token: token, UserAgent: c.UserAgent,
		Timeout: c.GCP.RequestTimeout(), Clock: c.Clock, PollInterval: c.GCP.PollInterval(),
	})
	if err != nil {
		return nil, clusterUnconnectable(id, err)
	}
	if c.kubeClients == nil {
		c.kubeClients = map[kubeKey]*kube.Client{}
	}
	c.kubeClients[key] = client
	return client, nil
}

// clusterUnconnectable says that endpoint or certificate of a cluster are not what a connection needs.
func clusterUnconnectable(id names.ClusterID, err error) error {
	return &Error{
		Summary: fmt.Sprintf("Cluster %q cannot be connected to", id.Name),
		Why: "What GKE says about its endpoint cannot be used. The certificate is shown only to callers with the " +
			"permission container.clusters.getCredentials.",
		Fix: "Grant that permission (roles/container.clusterAdmin has it, a role of your own may hold it alone). The DNS-based endpoint " +
			"needs no certificate: gcloud container clusters update " + id.Name + " --enable-dns-access --location " + id.Location,
		Err: err,
	}
}

// kubeEndpoint prefers the address with the cluster's own authority. The DNS-based endpoint, whose certificate is a
// public one, serves when addresses are switched off, or are private while DNS takes traffic from outside.
func kubeEndpoint(id names.ClusterID, cluster *containerpb.Cluster) (endpoint string, dns bool, err error) {
	config := cluster.GetControlPlaneEndpointsConfig()
	name, ip := config.GetDnsEndpointConfig(), config.GetIpEndpointsConfig()
	ipOn := ip == nil || ip.Enabled == nil || ip.GetEnabled()
	public := ip == nil || ip.EnablePublicEndpoint == nil || ip.GetEnablePublicEndpoint()
	outside := name.GetAllowExternalTraffic() && name.GetEndpoint() != ""
	switch {
	case outside && (!ipOn || !public || cluster.GetEndpoint() == ""):
		return name.GetEndpoint(), true, nil
	case ipOn && cluster.GetEndpoint() != "":
		return cluster.GetEndpoint(), false, nil
	default:
		return "", false, &Error{
			Summary: fmt.Sprintf("Cluster %q has no endpoint", id.Name),
			Why:     "Its control plane has neither an address nor a DNS-based endpoint that takes traffic from outside.",
			Fix:     "Switch one on: gcloud container clusters update " + id.Name + " --enable-dns-access --location " + id.Location,
		}
	}
}
