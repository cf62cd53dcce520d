package deploy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
)

// dump is the world without what differs from run to run, one text for each object, sorted.
func (w serviceWorld) dump() []string {
	w.Helper()
	objects := w.settled()
	var all []string
	for name, object := range objects {
		if object.BuiltIn || object.Deleted || w.app.GKE != nil && !w.isMine(name) {
			continue
		}
		var data map[string]any
		if err := json.Unmarshal(object.Data, &data); err != nil {
			w.Fatal(err)
		}
		if strings.Contains(name, path.Base(filesSecret)) && data["state"] == "DESTROYED" {
			continue // of a try whose answer was lost
		}
		all = append(all, w.comparable(name, data))
	}
	if w.app.GKE != nil {
		all = append(all, w.dumpNamespace()...)
	}
	slices.Sort(all)
	return all
}

// settled are the objects of Google Cloud when none is on its way any more: a run that is killed leaves what the API goes
// on with.
func (w serviceWorld) settled() (objects map[string]fakegcp.Object) {
	w.Helper()
	err := w.GCP.Poll(w.Context(), "a world at rest", func(context.Context) (bool, error) {
		var err error
		objects, err = w.fake.Objects()
		for _, object := range objects {
			if strings.Contains(string(object.Data), `"reconciling":true`) {
				return false, err
			}
		}
		return true, err
	})
	if err != nil {
		w.Fatal(err)
	}
	return objects
}

var dumpedKinds = []schema.GroupVersionKind{
	kube.HorizontalPodAutoscaler, kube.PodDisruptionBudget, kube.Service, kube.Deployment, kube.ConfigMap, kube.Secret, kube.SecretProviderClass,
	kube.ServiceAccount,
}

// dumpNamespace is what is in the world's namespace, with the fields that each manager of this provider holds.
func (w serviceWorld) dumpNamespace() []string {
	w.Helper()
	namespace, err := w.kube().Get(w.Context(), kube.Ref{GVK: kube.Namespace, Name: w.app.GKE.Namespace})
	if err != nil {
		w.Fatal(err)
	}
	objects := []unstructured.Unstructured{*namespace}
	if w.app.GKE.Namespace == sweepNamespace {
		objects = nil // it is there already
	}
	for _, kind := range dumpedKinds {
		found, err := w.kube().List(w.Context(), kind, w.app.GKE.Namespace, "")
		if err != nil {
			w.Fatal(err)
		}
		objects = append(objects, found...)
	}
	var all []string
	for _, object := range objects {
		if !w.isMine(object.GetName()) {
			continue
		}
		var managed []string
		for _, entry := range object.GetManagedFields() {
			if strings.HasPrefix(entry.Manager, kube.Manager) {
				managed = append(managed, fmt.Sprintf("%s %s %s", entry.Manager, entry.Operation, entry.FieldsV1.GetRawString()))
			}
		}
		slices.Sort(managed)
		object.SetManagedFields(nil)
		delete(object.Object, "status")
		if object.GetKind() == "Service" {
			unstructured.RemoveNestedField(object.Object, "spec", "clusterIP")
			unstructured.RemoveNestedField(object.Object, "spec", "clusterIPs")
		}
		all = append(all, w.comparable(object.GetKind()+" "+object.GetName()+" held by "+strings.Join(managed, ", "), object.Object))
	}
	return all
}

// passingFields are those that differ from run to run.
var passingFields = []string{
	"createTime", "updateTime", "etag", "uid", "uniqueId", "creationTimestamp", "resourceVersion", "generation", "observedGeneration",
	"destroyTime", "lastTransitionTime", "oauth2ClientId", "completionTime", "template.revision",
	"rendering", "uids", // of the record: packed with the names in it, and of these very objects
	"twelvefactor.dev/rendering", // likewise, with versions of config files
}

var (
	contentName  = regexp.MustCompile(`-[0-9a-f]{8,}\b`)
	revisionName = regexp.MustCompile(`(-\d{5})-[a-z0-9]{3}\b`)
	releaseID    = regexp.MustCompile(`(twelvefactor.dev/release":")[0-9a-f]+`)
	// Which number a config file has in the service's own secret depends on what was tried before.
	fileVersion = regexp.MustCompile(`(` + path.Base(filesSecret) + `/versions/)\d+`)
	filesByHash = regexp.MustCompile(`(\\"[0-9a-f]{8,}\\":\\")\d+`)
	atTime      = regexp.MustCompile(`twelvefactor[^"]{0,40}creating[^,}]*`)
)

// comparable is one object as a text, with the world's name replaced.
func (w serviceWorld) comparable(name string, data map[string]any) string {
	w.Helper()
	withoutPassing(data)
	withoutFileVersions(data)
	text, err := json.Marshal(data)
	if err != nil {
		w.Fatal(err)
	}
	whole := name + " " + string(text)
	if w.app.GKE != nil {
		whole = strings.ReplaceAll(whole, w.app.Name, "NAME")
	}
	if found := atTime.FindString(whole); found != "" {
		w.Errorf("%s still carries the mark of a create: %s", name, found)
	}
	if w.app.GKE != nil {
		whole = releaseID.ReplaceAllString(whole, "${1}HASH")
	}
	whole = filesByHash.ReplaceAllString(fileVersion.ReplaceAllString(whole, "${1}N"), "${1}N")
	return revisionName.ReplaceAllString(contentName.ReplaceAllString(whole, "-HASH"), "$1")
}

func withoutPassing(value any) {
	switch v := value.(type) {
	case []any:
		for _, inner := range v {
			withoutPassing(inner)
		}
	case map[string]any:
		for _, field := range passingFields {
			delete(v, field)
		}
		for _, inner := range v {
			withoutPassing(inner)
		}
	}
}

// withoutFileVersions takes the versions out of volumes of the service's own secret.
func withoutFileVersions(value any) {
	switch v := value.(type) {
	case []any:
		for _, inner := range v {
			withoutFileVersions(inner)
		}
	case map[string]any:
		if name, _ := v["secret"].(string); name != "" && strings.HasSuffix(filesSecret, "/"+name) {
			delete(v, "items")
		}
		for _, inner := range v {
			withoutFileVersions(inner)
		}
	}
}
