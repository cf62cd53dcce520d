package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/protobuf/proto"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/cloudrun"
)

// runOthers is what a look finds about other tools and other versions of this one.
type runOthers struct {
	digest        string
	notices       []Notice
	otherRenderer bool
}

// changes compares what was applied last with what is live, but for what is left to others.
func (l *runLook) changes(process string, declared, live runObject) []string {
	written := proto.Clone(declared)
	proto.Reset(written)
	revision, known := cloudrun.DecodeRendering(live.GetAnnotations(), written)
	var rerender []string
	if known && revision != cloudrun.RendererRevision {
		l.otherRenderer = true
		if l.app.Rerender {
			// Not at "annotations[", which is the record and no difference of its own.
			rerender = append(rerender, fmt.Sprintf("renderer: %d -> %d", cloudrun.RendererRevision, revision))
		} else if other, ok := written.(runObject); ok {
			declared = other
		}
	}
	if l.app.ImageIsExternal() {
		leaveToDeployer(process, declared, live)
	}
	ignored := l.app.Ignored()
	changes := slices.DeleteFunc(runDiff(declared, live), func(change string) bool {
		path, _, _ := strings.Cut(change, ": ")
		return ignored.Cover(live.GetName(), path)
	})
	return append(changes, rerender...)
}

// failed names an image of another tool that does not run.
func (l *runLook) failed(process string, live runObject) {
	if failure := runFailure(live); failure != nil && l.app.ImageIsExternal() {
		image := runImage(runTemplateOf(live).GetContainers(), process)
		l.notices = append(l.notices, externalNotice(l.app, process, image, failure))
	}
}

// image finds the digest that web runs: in what was deployed, or in what Cloud Run resolved for the revision that serves.
func (l *runLook) image(ctx context.Context, live *runpb.Service) runFound {
	if ready := live.GetLatestReadyRevision(); ready != "" {
		name := l.service.id.String() + "/revisions/" + ready[strings.LastIndexByte(ready, '/')+1:]
		revision, err := l.service.cloud.GCP.RunServices().Revision(ctx, name)
		if kind := gcp.Classify(err); err != nil && kind != gcp.PermissionDenied && kind != gcp.NotFound {
			return runFound{err: err}
		}
		l.digest = digestOf(runImage(revision.GetContainers(), app.Web))
	}
	return runFound{}
}

func digestOf(image string) string {
	if i, err := app.ParseImage(image); err == nil {
		return i.Digest
	}
	return ""
}
