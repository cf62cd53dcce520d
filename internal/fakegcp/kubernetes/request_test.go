package kubernetes

import (
	"net/http/httptest"
	"testing"
)

// Source: the table of verbs in https://kubernetes.io/docs/reference/access-authn-authz/authorization/ and the paths in
// https://kubernetes.io/docs/reference/using-api/api-concepts/
func TestRequestsAreToldInTheWordsOfRBAC(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		method, url, want string
		mutating          bool
	}{
		{"GET", "/api/v1/namespaces", "list namespaces namespaces", false},
		{"GET", "/api/v1/namespaces/shop", "get namespaces namespaces/shop", false},
		{"PATCH", "/api/v1/namespaces/shop?fieldManager=twelvefactor", "patch namespaces namespaces/shop", true},
		{"PUT", "/api/v1/namespaces/shop/finalize", "update namespaces/finalize namespaces/shop/finalize", true},
		{"GET", "/api/v1/namespaces/shop/pods?watch=true", "watch pods namespaces/shop/pods", false},
		{"GET", "/api/v1/namespaces/shop/pods?limit=500", "list pods namespaces/shop/pods", false},
		{"GET", "/api/v1/namespaces/shop/pods/a/log", "get pods/log namespaces/shop/pods/a/log", false},
		{"POST", "/api/v1/namespaces/shop/pods/a/eviction", "create pods/eviction namespaces/shop/pods/a/eviction", true},
		{"PATCH", "/apis/apps/v1/namespaces/shop/deployments/web", "patch deployments namespaces/shop/deployments/web", true},
		{"DELETE", "/apis/apps/v1/namespaces/shop/deployments/web", "delete deployments namespaces/shop/deployments/web", true},
		{"DELETE", "/apis/apps/v1/namespaces/shop/deployments", "deletecollection deployments namespaces/shop/deployments", true},
		{"GET", "/api/v1/nodes/n1", "get nodes nodes/n1", false},
		{"GET", "/apis/apps/v1", "get  ", false},
		{"GET", "/readyz", "get  ", false},
	} {
		about := parseRequest(httptest.NewRequest(test.method, test.url, nil))
		if got := about.Verb + " " + about.Resource + " " + about.Path(); got != test.want || about.Mutating() != test.mutating {
			t.Errorf("%s %s: %q, mutating %t, want %q", test.method, test.url, got, about.Mutating(), test.want)
		}
	}
}
