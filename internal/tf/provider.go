package tf

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
)

// TypePrefix begins the type name of every resource.
const TypePrefix = "twelvefactor_"

// Provider is what the provider's Configure hands to resources, data sources and ephemeral resources.
type Provider struct {
	// Cloud runs the use cases. It is never nil, but nothing may be called through it unless Known.
	Cloud *deploy.Cloud
	// Known tells that every setting that decides who is called, and as whom, is known. It is false in a plan where,
	// for example, the credentials come out of a resource yet to be created.
	Known bool
	// Project and Region are the defaults: null when set nowhere, unknown when known after apply only.
	Project, Region types.String
	// DefaultLabels go on every object that has labels; the map may be unknown.
	DefaultLabels types.Map
	// Factors says how the factor rules are enforced: rule id to "error", "warn" or "off". Unknown entries are left out.
	Factors map[string]string
}

// FromProviderData gives the provider to the Configure of a resource, a data source or an ephemeral resource. It is nil while Terraform only validates.
func FromProviderData(data any, diags *diag.Diagnostics) *Provider {
	if data == nil {
		return nil
	}
	p, ok := data.(*Provider)
	if !ok {
		diags.AddError("Unexpected provider data",
			fmt.Sprintf("Expected *tf.Provider, got %T. This is a bug in the provider; please report it.", data))
		return nil
	}
	return p
}

// CheckKnown is an error while it is not known whom to ask, for what is read during a plan and cannot wait for the apply.
func (p *Provider) CheckKnown(what string, diags *diag.Diagnostics) bool {
	if p.Known {
		return true
	}
	diags.AddError(what+" cannot be read yet", "The configuration of provider \"twelvefactor\" has values that are known after apply only, and "+
		"this is read during the plan.\n\nApply first what those values come from (terraform apply -target=ADDRESS), or give the provider values "+
		"that are known.")
	return false
}
