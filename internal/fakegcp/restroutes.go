package fakegcp

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/cloud/location" // its descriptors, for extraRoutes
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// restServices have their REST paths bound from the google.api.http annotations of their descriptors, whether the fake
// serves them or not: what it does not serve answers UNIMPLEMENTED with the method's name.
var restServices = []protoreflect.FullName{
	"google.cloud.secretmanager.v1.SecretManagerService",
	"google.container.v1.ClusterManager",
	"google.iam.admin.v1.IAM",
	"google.cloud.resourcemanager.v3.Projects",
	"google.cloud.run.v2.Services",
	"google.cloud.run.v2.Revisions",
	"google.cloud.run.v2.WorkerPools",
	"google.cloud.run.v2.Jobs",
	"google.cloud.run.v2.Executions",
	"google.cloud.run.v2.Tasks",
	"google.longrunning.Operations",
}

// route is a REST path of a method.
type route struct {
	method protoreflect.FullName
	verb   string
	path   string
	body   string // the field that the body is, "*" for the whole request, "" for none
	beta   bool   // of v1beta1: links in answers are too
}

// extraRoutes are paths that Google declares in service configurations and not in the descriptors: those of operations and
// locations.
// Source: https://github.com/googleapis/googleapis, google/cloud/run/v2/run_v2.yaml,
// google/cloud/secretmanager/v1/secretmanager_v1.yaml, google/cloud/resourcemanager/v3/cloudresourcemanager_v3.yaml
// (http.rules). Stale when a service above gains methods there.
var extraRoutes = []route{
	{method: "google.longrunning.Operations.GetOperation", verb: http.MethodGet, path: "/v2/{name=projects/*/locations/*/operations/*}"},
	{method: "google.longrunning.Operations.ListOperations", verb: http.MethodGet, path: "/v2/{name=projects/*/locations/*}/operations"},
	{method: "google.longrunning.Operations.DeleteOperation", verb: http.MethodDelete, path: "/v2/{name=projects/*/locations/*/operations/*}"},
	{method: "google.longrunning.Operations.WaitOperation", verb: http.MethodPost, path: "/v2/{name=projects/*/locations/*/operations/*}:wait", body: "*"},
	{method: "google.longrunning.Operations.GetOperation", verb: http.MethodGet, path: "/v3/{name=operations/**}"},
	{method: "google.cloud.location.Locations.ListLocations", verb: http.MethodGet, path: "/v1/{name=projects/*}/locations"},
	{method: "google.cloud.location.Locations.GetLocation", verb: http.MethodGet, path: "/v1/{name=projects/*/locations/*}"},
}

// unservedPaths are older APIs that gcloud calls and that have no descriptors here. They are refused by name, so that a user
// sees what is missing rather than the page for a path that no API has.
var unservedPaths = []struct {
	path *regexp.Regexp
	api  string
}{
	{regexp.MustCompile(`^/apis/(serving\.knative\.dev|run\.googleapis\.com|domains\.cloudrun\.com)/`), "the Cloud Run Admin API v1 (namespaces.*)"},
	{regexp.MustCompile(`^/v1/projects/[^/]+/locations/[^/]+/(services|jobs|workerpools|configurations|revisions|routes)(/|$|:)`), "the Cloud Run Admin API v1"},
	{regexp.MustCompile(`^/v1(beta1)?/projects/[^/]+/services(/|$|:)`), "the Service Usage API"},
	{regexp.MustCompile(`^/(compute/(v1|beta|alpha)|v1|beta|alpha)/projects/[^/]+/(zones|regions|global|aggregated)/`), "the Compute Engine API"},
}

// routes are all REST paths, the first one of a shape winning: those of the annotations come before those that are derived
// from them.
func routes() ([]route, error) {
	var all []route
	for _, name := range restServices {
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
		if err != nil {
			return nil, fmt.Errorf("REST paths of %s: %w", name, err)
		}
		methods := d.(protoreflect.ServiceDescriptor).Methods() //nolint:forcetypeassert // restServices names services
		for i := range methods.Len() {
			all = append(all, annotated(methods.Get(i))...)
		}
	}
	all = append(all, extraRoutes...)
	all = append(all, containerForms(all)...)
	taken := map[string]bool{}
	unique := all[:0]
	for _, r := range all {
		if shape := r.verb + " " + shapeOf(r.path); !taken[shape] {
			taken[shape] = true
			unique = append(unique, r)
		}
	}
	return unique, nil
}

// containerForms are the other paths of the container API: those of zones, which every name may have instead of a location,
// and v1beta1, whose messages are v1's here.
// Source: google/container/v1beta1/cluster_service.proto, recorded sessions with v1beta1.
func containerForms(all []route) []route {
	const service = "google.container.v1.ClusterManager"
	var v1, forms []route
	for _, r := range all {
		if r.method.Parent() == service {
			v1 = append(v1, r)
		}
	}
	for _, r := range v1 {
		zonal := r
		zonal.path = strings.Replace(r.path, "projects/*/locations/*", "projects/*/zones/*", 1)
		if zonal.path != r.path {
			forms = append(forms, zonal)
		}
	}
	for _, r := range append(v1, forms...) {
		r.path, r.beta = strings.Replace(r.path, "/v1/", "/v1beta1/", 1), true
		forms = append(forms, r)
	}
	return forms
}

var pathVariable = regexp.MustCompile(`\{[^}=]*(?:=([^}]*))?\}`)

// shapeOf is a path without the names of its variables: /v1/projects/*/zones/*/clusters.
func shapeOf(path string) string {
	return pathVariable.ReplaceAllStringFunc(path, func(v string) string {
		if _, pattern, ok := strings.Cut(strings.Trim(v, "{}"), "="); ok {
			return pattern
		}
		return "*"
	})
}

// annotated are the paths in a method's annotation.
func annotated(m protoreflect.MethodDescriptor) []route {
	rule, ok := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
	if !ok || rule == nil {
		return nil
	}
	var all []route
	for _, r := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
		if verb, path := verbAndPath(r); verb != "" {
			all = append(all, route{method: m.FullName(), verb: verb, path: path, body: r.GetBody()})
		}
	}
	return all
}

func verbAndPath(r *annotations.HttpRule) (verb, path string) {
	switch p := r.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return http.MethodGet, p.Get
	case *annotations.HttpRule_Put:
		return http.MethodPut, p.Put
	case *annotations.HttpRule_Post:
		return http.MethodPost, p.Post
	case *annotations.HttpRule_Delete:
		return http.MethodDelete, p.Delete
	case *annotations.HttpRule_Patch:
		return http.MethodPatch, p.Patch
	}
	return "", ""
}
