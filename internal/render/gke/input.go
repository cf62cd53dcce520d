package gke

import (
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// RendererRevision counts the changes of what this package makes of the same app. A live object that an older revision
// rendered is not drift: it is rendered anew with the next change.
const RendererRevision = 3

// Input is all that rendering depends on.
type Input struct {
	App   app.App
	Stamp names.Stamp
	// KSAAnnotations go to the Kubernetes service account: iam.gke.io/gcp-service-account for impersonation.
	KSAAnnotations map[string]string
	// OwnKSA tells that the service account is the app's own and rendered with it.
	OwnKSA bool
	// Creating marks the record and the namespace while their create is unfinished; zero when it is finished.
	Creating time.Time
}

// filled is the input with the app's defaults, which makes rendering independent of who filled them.
func (in Input) filled() Input {
	in.App = app.WithDefaults(in.App)
	return in
}

// Objects renders an app in the order in which its objects are to be applied: what pods need comes before them. The
// Kubernetes Secret is not among them, because only it holds values: see SecretObject.
func Objects(in Input) ([]*unstructured.Unstructured, error) {
	if in.App.Runtime() != app.GKERuntime {
		return nil, fmt.Errorf("rendering %s for GKE: %w", in.App.Name, errNotOnGKE)
	}
	in = in.filled()
	var typed []any
	if in.OwnKSA {
		typed = append(typed, serviceAccount(in))
	}
	if len(in.App.Config) > 0 {
		typed = append(typed, configMap(in))
	}
	if len(in.App.ConfigFiles) > 0 {
		typed = append(typed, filesMap(in))
	}
	if len(in.App.SecretFiles) > 0 {
		typed = append(typed, providerClass(in))
	}
	if web, ok := in.App.Processes[app.Web]; ok {
		typed = append(typed, service(in, web))
	}
	processes := processesOf(in)
	for _, p := range processes {
		d, err := deployment(in, p)
		if err != nil {
			return nil, err
		}
		typed = append(typed, d)
	}
	for _, p := range processes {
		if p.autoscaled() {
			typed = append(typed, autoscaler(in, p))
		}
	}
	for _, p := range processes {
		if p.Scale.Min > 1 {
			typed = append(typed, disruptionBudget(in, p))
		}
	}
	return toUnstructured(typed)
}

var errNotOnGKE = errors.New("the app is not declared to run on GKE alone")

// ServiceAccount is the Kubernetes service account that the app runs as.
func ServiceAccount(a app.App) string {
	if a.Identity != "" {
		return a.Identity
	}
	return names.KubeServiceAccount(a.Name)
}
