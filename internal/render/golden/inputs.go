package golden

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/cloudrun"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/gke"
)

// input is what a file says: the app, and what else the renderers ask for.
type input struct {
	App            app.App           `json:"app"`
	Files          map[string]string `json:"files"` // config files with their texts, which the app's JSON does not hold
	Stack          string            `json:"stack"`
	Creating       int64             `json:"creating"` // Unix seconds
	OwnKSA         bool              `json:"own_ksa"`  // these two on GKE only
	KSAAnnotations map[string]string `json:"ksa_annotations"`
	DefaultLabels  map[string]string `json:"default_labels"` // these two on Cloud Run only
	Attempt        int               `json:"attempt"`
}

func decode(t testing.TB, text []byte) input {
	t.Helper()
	var in input
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		t.Fatal(err)
	}
	// Whether a minimum is declared is not in the app's JSON.
	var declared struct {
		App struct {
			Processes map[string]struct{ Scale map[string]int }
		}
	}
	if err := json.Unmarshal(text, &declared); err != nil {
		t.Fatal(err)
	}
	for name, p := range in.App.Processes {
		_, p.Scale.MinSet = declared.App.Processes[name].Scale["min"]
		in.App.Processes[name] = p
	}
	for file, text := range in.Files {
		if in.App.ConfigFiles == nil {
			in.App.ConfigFiles = map[string]app.FileText{}
		}
		in.App.ConfigFiles[file] = app.NewFileText(text)
	}
	return in
}

func (in input) creating() time.Time {
	if in.Creating == 0 {
		return time.Time{}
	}
	return time.Unix(in.Creating, 0)
}

func (in input) gke() gke.Input {
	return gke.Input{
		App: in.App, Stamp: names.Stamp{Stack: in.Stack}, OwnKSA: in.OwnKSA, KSAAnnotations: in.KSAAnnotations, Creating: in.creating(),
	}
}

func (in input) cloudRun() cloudrun.Input {
	versions := cloudrun.FileVersions{}
	paths := make([]string, 0, len(in.Files))
	for path := range in.Files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for i, path := range paths {
		versions[in.App.ConfigFiles[path].Hash()] = strconv.Itoa(i + 1)
	}
	return cloudrun.Input{
		App: in.App, Files: versions, Stamp: names.Stamp{Stack: in.Stack}, DefaultLabels: in.DefaultLabels, Attempt: in.Attempt,
		Creating: in.creating(),
	}
}

// refusals are the findings that keep an app from being rendered.
func (in input) refusals() []app.Finding {
	return slices.DeleteFunc(app.Check(in.App), func(f app.Finding) bool { return f.Warning })
}

// inputs are all apps that a runtime takes, by the name of their file.
func inputs(t testing.TB, r app.Runtime) map[string]input {
	t.Helper()
	all := map[string]input{}
	for _, directory := range []string{both, string(r)} {
		for _, a := range archives(t, directory) {
			in := decode(t, a.input(t, r))
			refused := in.refusals()
			switch _, twice := all[a.name]; {
			case twice:
				t.Fatalf("two files are called %s", a.name)
			case len(refused) > 0 && directory != both:
				t.Errorf("%s is refused: %+v", a.path, refused)
			case len(refused) == 0:
				all[a.name] = in
			}
		}
	}
	return all
}

// GKE are all apps that run on GKE, made anew with each call.
func GKE(t testing.TB) map[string]gke.Input {
	t.Helper()
	all := map[string]gke.Input{}
	for name, in := range inputs(t, app.GKERuntime) {
		all[name] = in.gke()
	}
	return all
}

// CloudRun are all apps that run on Cloud Run, made anew with each call.
func CloudRun(t testing.TB) map[string]cloudrun.Input {
	t.Helper()
	all := map[string]cloudrun.Input{}
	for name, in := range inputs(t, app.CloudRunRuntime) {
		all[name] = in.cloudRun()
	}
	return all
}
