package main

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// namespace is kubernetes_namespace_v1.
type namespace struct{ connected }

type metadataModel struct {
	Name types.String `tfsdk:"name"`
}

type namespaceModel struct {
	Metadata []metadataModel `tfsdk:"metadata"`
}

// Metadata names the resource.
func (*namespace) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "kubernetes_namespace_v1"
}

// Schema is the part of the real one that examples use.
func (*namespace) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	name := schema.StringAttribute{Required: true, PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()}}
	resp.Schema = schema.Schema{Blocks: map[string]schema.Block{
		"metadata": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{"name": name}}},
	}}
}

// Create makes the namespace.
func (r *namespace) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m namespaceModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	r.with(&resp.Diagnostics, func(c *kubernetes.Clientset) error {
		made := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: m.Metadata[0].Name.ValueString()}}
		_, err := c.CoreV1().Namespaces().Create(ctx, made, metav1.CreateOptions{})
		return err
	})
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// Read looks whether it is there.
func (r *namespace) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m namespaceModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	r.with(&resp.Diagnostics, func(c *kubernetes.Clientset) error {
		_, err := c.CoreV1().Namespaces().Get(ctx, m.Metadata[0].Name.ValueString(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			resp.State.RemoveResource(ctx)
			return nil
		}
		return err
	})
}

// Update has nothing to do: every change makes another namespace.
func (*namespace) Update(context.Context, resource.UpdateRequest, *resource.UpdateResponse) {}

// Delete deletes the namespace.
func (r *namespace) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m namespaceModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	r.with(&resp.Diagnostics, func(c *kubernetes.Clientset) error {
		return c.CoreV1().Namespaces().Delete(ctx, m.Metadata[0].Name.ValueString(), metav1.DeleteOptions{})
	})
}

// release is helm_release. It installs nothing: it keeps a record in the cluster, as Helm does.
type release struct{ connected }

type releaseModel struct {
	Name       types.String `tfsdk:"name"`
	Namespace  types.String `tfsdk:"namespace"`
	Repository types.String `tfsdk:"repository"`
	Chart      types.String `tfsdk:"chart"`
	Version    types.String `tfsdk:"version"`
}

// Metadata names the resource.
func (*release) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "helm_release"
}

// Schema is the part of the real one that examples use.
func (*release) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	attributes := map[string]schema.Attribute{}
	for _, name := range []string{"name", "namespace", "repository", "chart", "version"} {
		attributes[name] = schema.StringAttribute{Required: true, PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()}}
	}
	resp.Schema = schema.Schema{Attributes: attributes}
}

// Create keeps the record.
func (r *release) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m releaseModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	r.with(&resp.Diagnostics, func(c *kubernetes.Clientset) error {
		record := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: m.Name.ValueString()}, Data: map[string]string{"chart": m.Chart.ValueString()}}
		_, err := c.CoreV1().ConfigMaps(m.Namespace.ValueString()).Create(ctx, record, metav1.CreateOptions{})
		return err
	})
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// Read looks whether the record is there.
func (r *release) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m releaseModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	r.with(&resp.Diagnostics, func(c *kubernetes.Clientset) error {
		_, err := c.CoreV1().ConfigMaps(m.Namespace.ValueString()).Get(ctx, m.Name.ValueString(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			resp.State.RemoveResource(ctx)
			return nil
		}
		return err
	})
}

// Update has nothing to do: every change makes another release.
func (*release) Update(context.Context, resource.UpdateRequest, *resource.UpdateResponse) {}

// Delete deletes the record.
func (r *release) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m releaseModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	r.with(&resp.Diagnostics, func(c *kubernetes.Clientset) error {
		return c.CoreV1().ConfigMaps(m.Namespace.ValueString()).Delete(ctx, m.Name.ValueString(), metav1.DeleteOptions{})
	})
}
