package fakegcp_test

import (
	"cmp"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
)

// TestEveryMethod calls every method of every service that the fake has paths for, with an empty request and with one that
// only names something: each works, refuses the request, or says by its name that it is not served.
func TestEveryMethod(t *testing.T) {
	c := start(t)
	served := 0
	for _, name := range fakegcp.RESTServices() {
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
		must(t, err)
		methods := d.(protoreflect.ServiceDescriptor).Methods()
		for i := range methods.Len() {
			m := methods.Get(i)
			for kind, request := range map[string]proto.Message{"empty": dynamicpb.NewMessage(m.Input()), "named": namedRequest(m)} {
				if c.unserved(m, kind, request) {
					continue
				}
				served++
			}
		}
	}
	if served < 100 {
		t.Errorf("%d calls of methods that are served, want at least 100", served)
	}
}

// answersEmpty are methods that an empty request is enough for: every project; no permission on a secret that is not there.
var answersEmpty = map[protoreflect.FullName]bool{
	"google.cloud.resourcemanager.v3.Projects.SearchProjects":               true,
	"google.cloud.secretmanager.v1.SecretManagerService.TestIamPermissions": true,
}

// unserved calls a method and says whether it is not served.
func (c *cloud) unserved(m protoreflect.MethodDescriptor, kind string, request proto.Message) bool {
	c.t.Helper()
	method := string(m.Parent().FullName()) + "/" + string(m.Name())
	err := c.conn.Invoke(c.ctx(), "/"+method, request, dynamicpb.NewMessage(m.Output()))
	text := status.Convert(err).Message()
	switch code := status.Code(err); code {
	case codes.Unimplemented:
		if !strings.Contains(text, method) && !strings.Contains(text, "fakegcp: ") {
			c.t.Errorf("%s, %s request: not served, without its name: %q", method, kind, text)
		}
		return true
	case codes.Internal, codes.Unknown, codes.Unavailable, codes.DeadlineExceeded, codes.DataLoss:
		c.t.Errorf("%s, %s request: %v", method, kind, err)
	case codes.OK:
		if kind == "empty" && !answersEmpty[m.FullName()] {
			c.t.Errorf("%s answers to an empty request", method)
		}
	default:
		if text == "" {
			c.t.Errorf("%s, %s request: %v without a text", method, kind, code)
		}
	}
	return false
}

var pathPattern = regexp.MustCompile(`\{([a-z_.]+)=([^}]*)\}`)

// namedRequest is a request whose names are of the form that the method's first path has: projects/acme-dev/secrets/x.
func namedRequest(m protoreflect.MethodDescriptor) proto.Message {
	request := dynamicpb.NewMessage(m.Input())
	rule, ok := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
	if !ok {
		return request
	}
	path := rule.GetGet() + rule.GetPost() + rule.GetPut() + rule.GetPatch() + rule.GetDelete()
	for _, variable := range pathPattern.FindAllStringSubmatch(path, -1) {
		into := request.ProtoReflect()
		names := strings.Split(variable[1], ".")
		for _, parent := range names[:len(names)-1] {
			into = into.Mutable(into.Descriptor().Fields().ByName(protoreflect.Name(parent))).Message()
		}
		f := into.Descriptor().Fields().ByName(protoreflect.Name(names[len(names)-1]))
		into.Set(f, protoreflect.ValueOfString(nameOf(variable[2])))
	}
	return request
}

// nameOf fills a pattern such as projects/*/locations/*/clusters/*.
func nameOf(pattern string) string {
	name := strings.Replace(pattern, "projects/*", project, 1)
	name = strings.Replace(name, "locations/*", "locations/us-central1", 1)
	return strings.NewReplacer("**", "x", "*", "x").Replace(name)
}

var pathVariable = regexp.MustCompile(`\{[^}=]*(?:=([^}]*))?\}`)

// TestEveryRoute sends a request to every REST path: each is answered by a method, in JSON, and none with an internal error.
func TestEveryRoute(t *testing.T) {
	c := start(t)
	routes, err := fakegcp.Routes()
	must(t, err)
	if len(routes) < 300 {
		t.Errorf("%d routes, want at least 300", len(routes))
	}
	for _, route := range routes {
		verb, path, _ := strings.Cut(route, " ")
		path = pathVariable.ReplaceAllStringFunc(path, func(v string) string {
			if m := pathVariable.FindStringSubmatch(v); m[1] != "" {
				return nameOf(m[1])
			}
			return cmp.Or(map[string]string{"{project_id}": "acme-dev", "{zone}": "us-central1-a"}[v], "x")
		})
		body := ""
		if verb != "GET" && verb != "DELETE" {
			body = "{}"
		}
		a := c.send(verb, path, body)
		switch {
		case a.code == 200:
		case a.code == 500, strings.Contains(a.header.Get("Content-Type"), "html"):
			t.Errorf("%s (%s): %d %s", route, path, a.code, a.body)
		case a.failure(t).Error.Message == "":
			t.Errorf("%s (%s): %d without a message", route, path, a.code)
		}
	}
}
