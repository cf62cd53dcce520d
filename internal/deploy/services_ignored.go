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

// runDeclared lists every field of an app on Cloud Run that drift can show: those that it is rendered to, and those
// whose emptiness is a declaration.
func runDeclared(a app.App) [][2]string {
	in := cloudrun.Input{App: a, Stamp: names.Stamp{Stack: "any"}, Files: cloudrun.FileVersions{}}
	in.App.Identity = serviceIdentity(a)
	for _, content := range a.ConfigFiles {
		in.Files[content.Hash()] = "1"
	}
	walk := runWalk{keys: ignoredKeys(a)}
	if service := cloudrun.Service(in); service != nil {
		walk.object(service)
	}
	for _, pool := range cloudrun.WorkerPools(in) {
		walk.object(pool)
	}
	return walk.found
}

// ignoredKeys are the keys in the patterns of an app: an entry that is not declared has no other place to be named.
func ignoredKeys(a app.App) []string {
	var keys []string
	for _, pattern := range a.DriftIgnore {
		_, field, _ := strings.Cut(pattern, " ")
		steps, _ := app.FieldSteps(field) // what is none is refused elsewhere
		keys = append(keys, steps...)
	}
	return keys
}

// runWalk collects the ways to the values of messages, as runDiff writes them, with the object that each is in.
type runWalk struct {
	keys  []string // entries that others may have added
	name  string
	found [][2]string
}

func (w *runWalk) object(m runObject) {
	w.name = m.GetName()
	w.message("", m.ProtoReflect())
}

func (w *runWalk) visit(path string) { w.found = append(w.found, [2]string{w.name, path}) }

func (w *runWalk) message(path string, m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if !m.Has(field) && !runOwned[field.FullName()] {
			continue
		}
		at := strings.TrimPrefix(path+"."+string(field.Name()), ".")
		switch {
		case field.IsMap():
			m.Get(field).Map().Range(func(key protoreflect.MapKey, _ protoreflect.Value) bool {
				w.visit(at + "[" + key.String() + "]")
				return true
			})
		case field.IsList() && field.Message() != nil:
			w.entries(at, field, m.Get(field).List())
		case field.Message() != nil && !field.IsList() && m.Has(field):
			w.message(at, m.Get(field).Message())
		default:
			w.visit(at)
		}
	}
}

// entries visits those that are declared, and of a list that is owned those that others may have added.
func (w *runWalk) entries(at string, field protoreflect.FieldDescriptor, list protoreflect.List) {
	name := runKey(field.Message())
	for i := range list.Len() {
		entry, key := list.Get(i).Message(), strconv.Itoa(i)
		if name != nil {
			key = entry.Get(name).String()
		}
		w.message(at+"["+key+"]", entry)
	}
	for _, key := range w.keys {
		if name != nil && runOwned[field.FullName()] {
			w.visit(at + "[" + key + "]")
		}
	}
}
