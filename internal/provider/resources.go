package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/resources/cluster"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/resources/identity"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/resources/namespace"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/resources/secret"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/resources/service"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/resources/sessionkey"
)

// Resources lists the resources in alphabetical order.
func (p *twelvefactor) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		cluster.New,
		identity.New,
		namespace.New,
		secret.New,
		service.New,
		sessionkey.New,
	}
}

// DataSources lists the data sources in alphabetical order.
func (p *twelvefactor) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{
		cluster.NewDataSource,
		service.NewDataSource,
	}
}

// EphemeralResources lists the ephemeral resources in alphabetical order.
func (p *twelvefactor) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{
		cluster.NewCredentials,
		secret.NewVersion,
	}
}
