// Command standins stands in for HashiCorp's providers kubernetes and helm in tests of examples that use them: it takes
// the same connection settings, connects with them and nothing else, and has one resource of each. It is what its
// file is called: terraform-provider-kubernetes or terraform-provider-helm.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const (
	kubernetesName = "kubernetes"
	helmName       = "helm"
)

func main() {
	name := strings.TrimPrefix(filepath.Base(os.Args[0]), "terraform-provider-")
	if name != kubernetesName && name != helmName {
		log.Fatalf("there is no stand-in for %q", name)
	}
	serve := func() provider.Provider { return &standIn{name: name} }
	address := "registry.terraform.io/hashicorp/" + name
	if err := providerserver.Serve(context.Background(), serve, providerserver.ServeOpts{Address: address}); err != nil {
		log.Fatal(err)
	}
}

// standIn is one of the two providers.
type standIn struct{ name string }

// Metadata names the provider.
func (p *standIn) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = p.name
}

// Schema is the part of the real one that says how to connect.
func (p *standIn) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	connection := map[string]schema.Attribute{
		"host":                   schema.StringAttribute{Optional: true},
		"cluster_ca_certificate": schema.StringAttribute{Optional: true},
		"token":                  schema.StringAttribute{Optional: true},
	}
	if p.name == helmName {
		connection = map[string]schema.Attribute{kubernetesName: schema.SingleNestedAttribute{Optional: true, Attributes: connection}}
	}
	resp.Schema = schema.Schema{Attributes: connection}
}

type connection struct{ host, certificate, token types.String }

// Configure reads the connection settings. They are unknown in the plan that makes the cluster.
func (p *standIn) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	at := path.Empty()
	if p.name == helmName {
		at = path.Root(kubernetesName)
	}
	var c connection
	for attribute, into := range map[string]*types.String{"host": &c.host, "cluster_ca_certificate": &c.certificate, "token": &c.token} {
		resp.Diagnostics.Append(req.Config.GetAttribute(ctx, at.AtName(attribute), into)...)
	}
	resp.ResourceData = &c
}

// client connects with the settings alone.
func (c *connection) client() (*kubernetes.Clientset, error) {
	if c.host.ValueString() == "" || c.token.ValueString() == "" {
		return nil, errors.New("host or token is not known: the real provider would go to localhost here")
	}
	return kubernetes.NewForConfig(&rest.Config{
		Host: c.host.ValueString(), BearerToken: c.token.ValueString(),
		TLSClientConfig: rest.TLSClientConfig{CAData: []byte(c.certificate.ValueString())},
	})
}

// DataSources is empty.
func (*standIn) DataSources(context.Context) []func() datasource.DataSource { return nil }

// Resources is the one resource of the provider.
func (p *standIn) Resources(context.Context) []func() resource.Resource {
	if p.name == helmName {
		return []func() resource.Resource{func() resource.Resource { return &release{} }}
	}
	return []func() resource.Resource{func() resource.Resource { return &namespace{} }}
}

// connected takes the connection and makes a client.
type connected struct{ settings *connection }

// Configure takes the connection settings.
func (r *connected) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	if req.ProviderData == nil {
		return
	}
	settings, ok := req.ProviderData.(*connection)
	if !ok {
		resp.Diagnostics.AddError("Unexpected provider data", fmt.Sprintf("%T", req.ProviderData))
	}
	r.settings = settings
}

// with calls f with a client.
func (r *connected) with(diags *diag.Diagnostics, f func(*kubernetes.Clientset) error) {
	client, err := r.settings.client()
	if err == nil {
		err = f(client)
	}
	if err != nil {
		diags.AddError("Kubernetes", err.Error())
	}
}
