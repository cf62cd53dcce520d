package provider

import (
	"context"
	"log"
	"time"

	fwprovider "github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

const address = "registry.terraform.io/twelvefactor/twelvefactor"

// finishTimeout bounds the writes that end creates. Terraform kills a provider that has not ended two seconds after it
// was asked to. Source: Client.Kill of github.com/hashicorp/go-plugin.
const finishTimeout = 1700 * time.Millisecond

// Serve serves the provider until Terraform ends it, and then ends what was created: see deploy.Finisher. A provider
// that is killed leaves its creates marked as unfinished, and the next run goes on with them.
func Serve(ctx context.Context, version string, debug bool) error {
	finisher := &deploy.Finisher{}
	p := New(version, withFinisher(finisher))
	err := providerserver.Serve(ctx, func() fwprovider.Provider { return p },
		providerserver.ServeOpts{Address: address, Debug: debug})
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	// Terraform listens to the log only. What could not be ended, the next plan shows as a create to be finished.
	if failure := finisher.Finish(ctx); failure != nil {
		log.Printf("[WARN] some creates could not be ended, the next apply ends them: %s", gcp.Message(failure))
	}
	return err
}
