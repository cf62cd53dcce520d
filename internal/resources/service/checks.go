package service

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/tf"
)

// aboutKeys are the rules about the keys of a map, which are known even where the value is not.
var aboutKeys = []string{"env-name", "process-name", "sidecar-name", "file-path"}

// The ways in which a rule is enforced. Source: attribute factors of the provider.
const (
	enforceError = "error"
	enforceWarn  = "warn"
	enforceOff   = "off"
)

// checkApp runs the rules on a configuration, raw being the same as m. Findings that look at something unknown are left
// for the next time. While Terraform validates there is no provider: then the rules' warnings wait for the plan, where
// it is known whether they are wanted.
func checkApp(ctx context.Context, raw tftypes.Value, m model, provider *tf.Provider, diags *diag.Diagnostics) {
	a, more := expand(ctx, m)
	diags.Append(more...)
	for _, f := range app.Check(a) {
		if looksAtUnknown(raw, f) {
			continue
		}
		at := tf.AttributePath(f.Path)
		detail := fmt.Sprintf("%s\n\nRule %s, factor %s (%s).", f.Detail, f.Rule, f.Factor, app.Factors[f.Factor])
		switch enforcement(f, provider) {
		case enforceError:
			diags.AddAttributeError(at, f.Summary, detail)
		case enforceWarn:
			diags.AddAttributeWarning(at, f.Summary, detail)
		}
	}
}

func enforcement(f app.Finding, provider *tf.Provider) string {
	switch {
	case provider == nil && f.Warning:
		return enforceOff
	case provider == nil:
		return enforceError
	}
	if set, ok := provider.Factors[f.Rule]; ok {
		return set
	}
	if f.Warning {
		return enforceWarn
	}
	return enforceError
}

func looksAtUnknown(raw tftypes.Value, f app.Finding) bool {
	return slices.ContainsFunc(f.Uses, func(steps []string) bool {
		if slices.Contains(aboutKeys, f.Rule) && slices.Equal(steps, f.Path) {
			steps = steps[:len(steps)-1]
		}
		return unknownAt(raw, steps)
	})
}

// unknownAt tells whether the value at these attribute names and map keys, or something that it is in, is unknown.
func unknownAt(value tftypes.Value, steps []string) bool {
	if !value.IsKnown() {
		return true
	}
	if len(steps) == 1 && steps[0] == app.Anything {
		return !value.IsFullyKnown()
	}
	var parts map[string]tftypes.Value
	if len(steps) == 0 || value.IsNull() || value.As(&parts) != nil {
		return false
	}
	if steps[0] == app.Anything {
		return slices.ContainsFunc(slices.Collect(maps.Values(parts)), func(part tftypes.Value) bool { return unknownAt(part, steps[1:]) })
	}
	part, ok := parts[steps[0]]
	return ok && unknownAt(part, steps[1:])
}

// checkPlace refuses a project and an identity that are not where the app runs. What is unknown is not judged.
func checkPlace(ctx context.Context, m model, diags *diag.Diagnostics) {
	g, onGKE := tf.Object[gkeModel](ctx, m.GKE, diags)
	cluster, err := names.ParseClusterID(g.Cluster.ValueString())
	known := onGKE && err == nil
	project := m.Project.ValueString()
	if known && project != "" && project != cluster.Project {
		diags.AddAttributeError(path.Root("project"), "Project is not the cluster's", fmt.Sprintf(
			"The service runs in cluster %s, which is in project %s, but project is %s. Leave project out: on GKE it is the cluster's.",
			cluster.Name, cluster.Project, project))
	}
	id := m.Identity.ValueString()
	if id == "" || m.GKE.IsUnknown() || checkIdentityID(id) != nil {
		return
	}
	at := path.Root("identity")
	kube, kubeErr := names.ParseKubeServiceAccountID(id)
	switch namespace := namespaceOf(m, g); {
	case !onGKE && kubeErr == nil && !m.CloudRun.IsNull():
		diags.AddAttributeError(at, "Identity is on GKE", "A service on Cloud Run runs as a Google service account, but "+id+" is a Kubernetes "+
			"service account. Refer to a twelvefactor_workload_identity with mode = \"service_account\" and no cluster, or leave identity out.")
	case onGKE && kubeErr != nil:
		diags.AddAttributeError(at, "Identity is not in the cluster", "A service on GKE runs as a Kubernetes service account, but "+id+" is a Google "+
			"service account. Refer to a twelvefactor_workload_identity with the same cluster and namespace, or leave identity out.")
	case known && !namespace.IsUnknown() && (kube.Cluster != cluster || kube.Namespace != namespace.ValueString()):
		diags.AddAttributeError(at, "Identity is in another namespace", fmt.Sprintf(
			"Pods run as a service account of their own cluster and namespace, %s in %s, but the identity is %s. Give the twelvefactor_workload_identity "+
				"the same cluster and namespace as the service, or leave identity out.", namespace.ValueString(), cluster, id))
	}
}
