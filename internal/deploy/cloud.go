package deploy

import (
	"context"
	"io"
	"sync"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// Cloud is what the use cases work with: the clients, the time, and what the provider's configuration says about
// ownership and defaults. One Cloud serves the whole provider process and is safe for concurrent use.
type Cloud struct {
	GCP   *gcp.Client
	Clock clock.Clock
	// Rand is where keys are drawn from: crypto/rand outside tests.
	Rand io.Reader
	// Stamp marks what this deployment owns.
	Stamp names.Stamp
	// Finisher holds the end of creates back; nil ends them at once.
	Finisher *Finisher
	// Inform takes a line for the operator while something is waited for; nil drops it.
	Inform func(ctx context.Context, message string, fields ...map[string]any)
	// AdoptInterrupted allows an unfinished object of the same stack to be taken over.
	AdoptInterrupted bool
	// Project and Region are the provider's defaults.
	Project, Region string
	// DefaultLabels go on every object that has labels.
	DefaultLabels map[string]string
	// UserAgent is sent to the Kubernetes APIs of clusters.
	UserAgent string

	kubeMu      sync.Mutex
	kubeClients map[kubeKey]*kube.Client
	namespaces  keyedLocks
	// upgradeOrder is which cluster waits for which with its upgrades, as far as this process has planned.
	upgradeOrder sync.Map
	// deletedAccounts are the unique ids of the service accounts that this process deleted, by email.
	deletedAccounts sync.Map
}
