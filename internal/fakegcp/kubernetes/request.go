package kubernetes

import (
	"net/http"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Request is what a client asks of the Kubernetes API, in the words of RBAC.
type Request struct {
	// Verb is get, list, watch, create, update, patch, delete or deletecollection.
	Verb string
	// Resource is the plural, with a subresource after a slash: deployments, pods/log. It is empty for what is about no
	// object, such as discovery.
	Resource string
	// Namespace and Name are empty where the request has none.
	Namespace, Name string
}

// Mutating tells whether the request is to change something.
func (r Request) Mutating() bool { return r.Verb != "get" && r.Verb != "list" && r.Verb != "watch" }

// Path names the object below its cluster: namespaces/NS/deployments/NAME.
func (r Request) Path() string {
	var parts []string
	if r.Namespace != "" {
		parts = append(parts, "namespaces", r.Namespace)
	}
	kind, sub, _ := strings.Cut(r.Resource, "/")
	for _, part := range []string{kind, r.Name, sub} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/")
}

var requestVerbs = map[string]string{
	http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "patch", http.MethodDelete: "delete",
}

// parseRequest reads a request as the API server's RequestInfoFactory does. Source:
// https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb
func parseRequest(r *http.Request) Request {
	about := Request{Verb: requestVerbs[r.Method]}
	if about.Verb == "" {
		about.Verb = "get"
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case parts[0] == "api" && len(parts) > 2:
		parts = parts[2:]
	case parts[0] == "apis" && len(parts) > 3:
		parts = parts[3:]
	default:
		return about
	}
	if parts[0] == "namespaces" && len(parts) > 2 && parts[2] != "status" && parts[2] != "finalize" {
		about.Namespace, parts = parts[1], parts[2:]
	}
	about.Resource = parts[0]
	if len(parts) > 1 {
		about.Name = parts[1]
	}
	if len(parts) > 2 {
		about.Resource += "/" + parts[2]
	}
	watch := r.URL.Query().Get("watch")
	switch {
	case about.Verb == "get" && (watch == "true" || watch == "1"):
		about.Verb = "watch"
	case about.Verb == "get" && about.Name == "":
		about.Verb = "list"
	case about.Verb == "delete" && about.Name == "":
		about.Verb = "deletecollection"
	}
	return about
}

// Refuse answers as the API server would, with a Status object.
func Refuse(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	refuse(w, code, reason, message)
}
