package fakegcp

import "google.golang.org/protobuf/reflect/protoreflect"

// RESTServices are the services that REST paths are bound for.
func RESTServices() []protoreflect.FullName { return restServices }

// ParseFields is parseFields, and what the selection leaves of a JSON value.
func ParseFields(fields, body string) (left string, ok bool) {
	s, ok := parseFields(fields)
	if !ok {
		return "", false
	}
	n, err := parseJSON([]byte(body))
	if err != nil {
		return "", false
	}
	return string(s.of(n).append(nil)), true
}

// Routes are the verbs and paths of all REST routes.
func Routes() ([]string, error) {
	all, err := routes()
	var paths []string
	for _, r := range all {
		paths = append(paths, r.verb+" "+r.path)
	}
	return paths, err
}
