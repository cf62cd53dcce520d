package deploy

import (
	"context"
	"maps"
	"slices"
	"strings"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/cloudrun"
)

// runTemplate is what the templates of services and worker pools have in common.
type runTemplate interface {
	GetContainers() []*runpb.Container
	GetLabels() map[string]string
	GetAnnotations() map[string]string
}

func runTemplateOf(m proto.Message) runTemplate {
	switch t := m.(type) {
	case *runpb.Service:
		return t.GetTemplate()
	case *runpb.WorkerPool:
		return t.GetTemplate()
	}
	return nil
}

// keep writes into a rendered message what it leaves to others, as it is live: what they note about revisions, the images
// that another tool deployed, and the fields of drift_ignore. A field mask cannot leave out a single
// container's image, so the write has to repeat it, with the etag of the service that it was read from.
func (s *serviceRun) keep(a app.App, process string, message, live runObject) {
	if a.ImageIsExternal() {
		leaveToDeployer(process, message, live)
	}
	keepNotes(runTemplateOf(message), runTemplateOf(live), live.GetAnnotations())
	s.leave(a, message, live)
}

// leaveToDeployer declares what a tool that deploys says as it is live: the image, and who manages the service. Google's
// own tools write their names into that label with each deployment.
// Source: github.com/google-github-actions/deploy-cloudrun, skip_default_labels; the triggers of Cloud Build that the
// console makes ("managed-by=gcp-cloud-build-deploy-cloud-run").
func leaveToDeployer(process string, message, live runObject) {
	if image := runImage(runTemplateOf(live).GetContainers(), process); image != "" {
		setRunImage(runTemplateOf(message).GetContainers(), process, image)
	}
	if by := live.GetLabels()[names.LabelManagedBy]; by != "" && message.GetLabels() != nil {
		message.GetLabels()[names.LabelManagedBy] = by
	}
}

// runImage is the image of a process. A tool that rewrites the service may drop the name of its only container.
func runImage(containers []*runpb.Container, process string) string {
	for _, c := range containers {
		if c.GetName() == process {
			return c.GetImage()
		}
	}
	if len(containers) == 1 {
		return containers[0].GetImage()
	}
	return ""
}

func setRunImage(containers []*runpb.Container, process, image string) {
	for _, c := range containers {
		if c.GetName() == process {
			c.Image = image
		}
	}
}

// runReserved are namespaces of labels and annotations that the API refuses.
// Source: google.cloud.run.v2, RevisionTemplate.labels and RevisionTemplate.annotations.
var runReserved = []string{"run.googleapis.com/", "cloud.googleapis.com/", "serving.knative.dev/", "autoscaling.knative.dev/"}

func runIsReserved(key, _ string) bool {
	return slices.ContainsFunc(runReserved, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

// keepNotes keeps the labels and annotations of a revision that another tool wrote: the commit, the client. What the
// record does not name is somebody else's. The name of the revision is never repeated, because the next one must not
// have it.
func keepNotes(to, from runTemplate, record map[string]string) {
	labels, annotations := maps.Clone(from.GetLabels()), maps.Clone(from.GetAnnotations())
	for key := range runRecorded(record).Labels {
		delete(labels, key)
	}
	for _, key := range runOwnAnnotations(record) {
		delete(annotations, key)
	}
	maps.DeleteFunc(labels, runIsReserved)
	maps.DeleteFunc(annotations, runIsReserved)
	switch t := to.(type) {
	case *runpb.RevisionTemplate:
		t.Labels, t.Annotations = runMerged(labels, t.GetLabels()), runMerged(annotations, t.GetAnnotations())
	case *runpb.WorkerPoolRevisionTemplate:
		t.Labels, t.Annotations = runMerged(labels, t.GetLabels()), runMerged(annotations, t.GetAnnotations())
	}
}

// leave is what leave of a service on GKE is: an ignored field stays as it is until the configuration changes it. last is
// what was applied, as the live object tells.
func (s *serviceRun) leave(a app.App, message, live runObject) {
	ignored := a.Ignored()
	if _, unfinished := live.GetAnnotations()[serviceRetiredAnnotation]; len(ignored) == 0 || unfinished {
		return
	}
	last := proto.Clone(live)
	proto.Reset(last)
	if _, ok := cloudrun.DecodeRendering(live.GetAnnotations(), last); !ok {
		return
	}
	for _, change := range runDiff(message, live) {
		path, _, _ := strings.Cut(change, ": ")
		steps, err := app.FieldSteps(path)
		if err != nil || !ignored.Cover(live.GetName(), path) {
			continue
		}
		was, wanted := runAt(last.ProtoReflect(), steps), runAt(message.ProtoReflect(), steps)
		if was.equal(wanted) {
			wanted.copyFrom(runAt(live.ProtoReflect(), steps))
		}
	}
}

// seed puts the image that the other processes run into what is made anew, so that one release is one image. The
// declared one is for the first of them.
func (s *serviceRun) seed(ctx context.Context, process string, message runObject) error {
	if !s.app.ImageIsExternal() {
		return nil
	}
	for _, other := range webFirst(slices.Sorted(maps.Keys(s.app.Processes))) {
		if other == process {
			continue
		}
		live, err := s.liveProcess(ctx, other)
		if err != nil {
			return err
		}
		if live == nil {
			continue
		}
		if image := runImage(runTemplateOf(live).GetContainers(), other); image != "" {
			setRunImage(runTemplateOf(message).GetContainers(), process, image)
			return nil
		}
	}
	return nil
}

// liveProcess is the service or worker pool that runs a process, nil when it is not there or not this service's.
func (s *serviceRun) liveProcess(ctx context.Context, process string) (runObject, error) {
	if process == app.Web {
		live, err := s.get(ctx)
		if live == nil || err != nil {
			return nil, err
		}
		return live, nil
	}
	live, err := s.cloud.GCP.WorkerPools().Get(ctx, s.id.WorkerPool(names.WorkerPool(s.app.Name, process)))
	switch {
	case gcp.IsNotFound(err) || err == nil && !s.madePool(live):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return live, nil
}

// runPlace is a place in a message: a field, an entry of a map, or an entry of a list.
type runPlace struct {
	holder protoreflect.Message
	field  protoreflect.FieldDescriptor
	key    string // of a map or a list, with keyed
	keyed  bool
}

// runAt follows the path of a difference. Where something on the way is missing the place has no holder.
func runAt(m protoreflect.Message, steps []string) runPlace {
	field := m.Descriptor().Fields().ByName(protoreflect.Name(steps[0]))
	switch rest := steps[1:]; {
	case field == nil:
		return runPlace{}
	case len(rest) == 0:
		return runPlace{holder: m, field: field}
	case field.IsList() && (field.Message() == nil || runKey(field.Message()) == nil):
		return runPlace{holder: m, field: field} // a list without keys, such as traffic, is one value
	case field.IsMap() || field.IsList() && len(rest) == 1:
		return runPlace{m, field, rest[0], true}
	case field.IsList():
		entry := (runPlace{m, field, rest[0], true}).entry()
		if entry < 0 {
			return runPlace{}
		}
		return runAt(m.Get(field).List().Get(entry).Message(), rest[1:])
	case field.Message() == nil || !m.Has(field):
		return runPlace{}
	default:
		return runAt(m.Get(field).Message(), rest)
	}
}

// entry is the place of a list's entry by its key; -1 when it is not there.
func (p runPlace) entry() int {
	list := p.holder.Get(p.field).List()
	for i := range list.Len() {
		if list.Get(i).Message().Get(runKey(p.field.Message())).String() == p.key {
			return i
		}
	}
	return -1
}

// value is what is there as a message of one field; invalid when there is nothing.
func (p runPlace) value() (v protoreflect.Value, there bool) {
	switch {
	case p.holder == nil || !p.holder.Has(p.field):
		return v, false
	case !p.keyed:
		return p.holder.Get(p.field), true
	case p.field.IsMap():
		key := protoreflect.ValueOfString(p.key).MapKey()
		entries := p.holder.Get(p.field).Map()
		return entries.Get(key), entries.Has(key)
	}
	i := p.entry()
	if i < 0 {
		return v, false
	}
	return p.holder.Get(p.field).List().Get(i), true
}

func (p runPlace) equal(other runPlace) bool {
	one, there := p.value()
	two, too := other.value()
	return there == too && (!there || one.Equal(two))
}

// copyFrom puts there what another message has at the same place.
func (p runPlace) copyFrom(other runPlace) {
	if p.holder == nil {
		return
	}
	v, there := other.value()
	switch {
	case !p.keyed && there:
		p.holder.Set(p.field, v)
	case !p.keyed:
		p.holder.Clear(p.field)
	case p.field.IsMap() && there:
		p.holder.Mutable(p.field).Map().Set(protoreflect.ValueOfString(p.key).MapKey(), v)
	case p.field.IsMap():
		p.holder.Mutable(p.field).Map().Clear(protoreflect.ValueOfString(p.key).MapKey())
	default:
		p.copyEntry(v, there)
	}
}

func (p runPlace) copyEntry(v protoreflect.Value, there bool) {
	list := p.holder.Mutable(p.field).List()
	switch i := p.entry(); {
	case i >= 0 && there:
		list.Set(i, v)
	case there:
		list.Append(v)
	case i >= 0:
		for ; i < list.Len()-1; i++ {
			list.Set(i, list.Get(i+1))
		}
		list.Truncate(list.Len() - 1)
	}
}
