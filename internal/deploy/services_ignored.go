package deploy

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/cloudrun"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
)

// UnmatchedIgnores are the patterns of drift_ignore that cover nothing of what an app is rendered to. An app that cannot
// be rendered, which its rules refuse, has none.
func UnmatchedIgnores(a app.App) []string {
	a = app.WithDefaults(a)
	var declared [][2]string // object and path
	switch a.Runtime() {
	case app.GKERuntime:
		objects, err := gke.Objects(gke.Input{App: a, OwnKSA: a.Identity == ""})
		if err != nil {
			return nil
		}
		for _, o := range objects {
			for _, field := range kube.Fields(o) {
				declared = append(declared, [2]string{kube.RefOf(o).String(), field.String()})
			}
		}
	case app.CloudRunRuntime:
		declared = runDeclared(a)
	default:
		return nil
	}
	var unmatched []string
	for _, pattern := range a.DriftIgnore {
		ignored, err := app.ParseIgnore(pattern)
		covers := err != nil // refused elsewhere
		for _, field := range declared {
			covers = covers || ignored.Covers(field[0], field[1])
		}
		if !covers {
			unmatched = append(unmatched, pattern)
		}
	}
	return unmatched
}

// runDeclared lists every field of an app on Cloud Run by comparing it with nothing.
func runDeclared(a app.App) [][2]string {
	in := cloudrun.Input{App: a, Stamp: names.Stamp{Stack: "any"}}
	var declared [][2]string
	add := func(m runObject) {
		for _, path := range runPaths(m) {
			declared = append(declared, [2]string{m.GetName(), path})
		}
	}
	if service := cloudrun.Service(in); service != nil {
		add(service)
	}
	for _, pool := range cloudrun.WorkerPools(in) {
		add(pool)
	}
	return declared
}

// runPaths are the ways to every value that a message has, as runDiff writes them.
func runPaths(m runObject) []string {
	var paths []string
	runWalk("", m.ProtoReflect(), func(path string) { paths = append(paths, path) })
	return paths
}

func runWalk(path string, m protoreflect.Message, visit func(string)) {
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		at := strings.TrimPrefix(path+"."+string(field.Name()), ".")
		switch {
		case field.IsMap():
			v.Map().Range(func(key protoreflect.MapKey, _ protoreflect.Value) bool {
				visit(at + "[" + key.String() + "]")
				return true
			})
		case field.IsList() && field.Message() != nil:
			name := runKey(field.Message())
			for i := range v.List().Len() {
				entry, key := v.List().Get(i).Message(), strconv.Itoa(i)
				if name != nil {
					key = entry.Get(name).String()
				}
				runWalk(at+"["+key+"]", entry, visit)
			}
		case field.Message() != nil && !field.IsList():
			runWalk(at, v.Message(), visit)
		default:
			visit(at)
		}
		return true
	})
}
