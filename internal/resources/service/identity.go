package service

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// identity is what finds a service again, from names alone. Cluster and namespace are null on Cloud Run.
type identity struct {
	Project   types.String `tfsdk:"project"`
	Location  types.String `tfsdk:"location"`
	Cluster   types.String `tfsdk:"cluster"`
	Namespace types.String `tfsdk:"namespace"`
	Name      types.String `tfsdk:"name"`
}

func identitySchema() identityschema.Schema {
	return identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"project":   tf.IdentityRequired("Project id."),
		"location":  tf.IdentityRequired("Location of the cluster on GKE, region on Cloud Run."),
		"cluster":   tf.IdentityOptional("Name of the cluster. On GKE only."),
		"namespace": tf.IdentityOptional("Kubernetes namespace. On GKE only; there it is the service's name unless given."),
		"name":      tf.IdentityRequired("Name of the service."),
	}}
}

// id is the full name.
func (i identity) id() string {
	if i.Cluster.ValueString() == "" {
		return names.RunServiceID{Project: i.Project.ValueString(), Location: i.Location.ValueString(), Name: i.Name.ValueString()}.String()
	}
	namespace := i.Namespace.ValueString()
	if namespace == "" {
		namespace = i.Name.ValueString()
	}
	return names.KubeServiceID{
		Cluster:   names.ClusterID{Project: i.Project.ValueString(), Location: i.Location.ValueString(), Name: i.Cluster.ValueString()},
		Namespace: namespace, Name: i.Name.ValueString(),
	}.String()
}

// identityAt is the identity of the service with this full name, which has been checked.
func identityAt(id string) identity {
	if run, err := names.ParseRunServiceID(id); err == nil {
		return identity{
			Project: types.StringValue(run.Project), Location: types.StringValue(run.Location), Name: types.StringValue(run.Name),
		}
	}
	kube, _ := names.ParseKubeServiceID(id)
	return identity{
		Project: types.StringValue(kube.Cluster.Project), Location: types.StringValue(kube.Cluster.Location),
		Cluster: types.StringValue(kube.Cluster.Name), Namespace: types.StringValue(kube.Namespace), Name: types.StringValue(kube.Name),
	}
}

func checkServiceID(id string) error {
	_, err := deploy.ParseServiceID(id)
	return err
}

func checkRegion(location string) error {
	if err := names.CheckLocation(location); err != nil {
		return err
	}
	if names.IsZone(location) {
		return fmt.Errorf("%s is a zone, and Cloud Run runs in regions; for example %q", names.Quote(location), location[:strings.LastIndexByte(location, '-')])
	}
	return nil
}

// checkIdentityID accepts the id of a workload identity with and without a cluster.
func checkIdentityID(id string) error {
	_, kubeErr := names.ParseKubeServiceAccountID(id)
	_, googleErr := names.ParseServiceAccountName(id)
	if kubeErr == nil || googleErr == nil {
		return nil
	}
	if strings.Contains(id, "/clusters/") {
		return kubeErr
	}
	return googleErr
}

// accountOf is the account of a workload identity's id that the app runs as: the Kubernetes service account's name, or
// the email of the Google one.
func accountOf(id string) string {
	if kube, err := names.ParseKubeServiceAccountID(id); err == nil {
		return kube.Name
	}
	google, _ := names.ParseServiceAccountName(id)
	return google.Email
}

// identityOf is the id of the workload identity that a recorded app runs as; empty when it has its own.
func identityOf(a app.App, project string) string {
	switch {
	case a.Identity == "":
		return ""
	case a.GKE != nil:
		cluster, _ := names.ParseClusterID(a.GKE.Cluster)
		return names.KubeServiceAccountID{Cluster: cluster, Namespace: app.WithDefaults(a).GKE.Namespace, Name: a.Identity}.String()
	default:
		return names.ServiceAccountName{Project: accountProject(a.Identity, project), Email: a.Identity}.String()
	}
}

// accountProject is the project in the email of an account that was made by a user; fallback for those of Google's own.
func accountProject(email, fallback string) string {
	_, domain, _ := strings.Cut(email, "@")
	project, ok := strings.CutSuffix(domain, ".iam.gserviceaccount.com")
	if !ok {
		return fallback
	}
	if name, organization, scoped := strings.Cut(project, "."); scoped {
		return organization + ":" + name
	}
	return project
}
