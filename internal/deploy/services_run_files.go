package deploy

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/kube"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/cloudrun"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// The config files of a service are versions of one secret of its own, one for each text; which one holds which text
// stands in an annotation of the service. Nobody else uses the secret, so a version that neither the declared service nor
// one of its revisions refers to is what an interrupted run, or a release whose revisions are gone, has left. That is why
// adding a version needs no announcement: finish retires what is in vain.

// serviceFilesAnnotation names the service that a secret was made for. Keys of Secret Manager have no slash.
const serviceFilesAnnotation = "twelvefactor-service"

func (s *serviceRun) filesSecret() names.SecretID {
	id, _ := serviceFilesSecret(s.app)
	return id
}

// ownsFiles tells whether a secret is this service's, whichever run or stack made it and whoever changed its labels.
func (s *serviceRun) ownsFiles(live *secretmanagerpb.Secret) bool {
	return live.GetAnnotations()[serviceFilesAnnotation] == s.id.String()
}

// ensureFiles makes sure that there is an enabled version for each text, and notes which. before is the live service, nil
// when there is none.
func (s *serviceRun) ensureFiles(ctx context.Context, before *runpb.Service) error {
	if len(s.app.ConfigFiles) == 0 {
		s.files = nil
		return nil
	}
	if err := s.ensureFilesSecret(ctx); err != nil {
		return s.filesError("write", err)
	}
	known := s.files
	if known == nil && !s.madeFiles {
		known = cloudrun.FileVersionsOf(before.GetAnnotations())
	}
	enabled, err := s.enabledFiles(ctx)
	if err != nil {
		return s.filesError("read", err)
	}
	versions := cloudrun.FileVersions{}
	for _, file := range slices.Sorted(maps.Keys(s.app.ConfigFiles)) {
		content := s.app.ConfigFiles[file]
		switch hash := content.Hash(); {
		case versions[hash] != "":
		case enabled[known[hash]]:
			versions[hash] = known[hash]
		default:
			text, _ := content.Text() // known: see serviceFilesKnown
			if versions[hash], err = s.addFile(ctx, text); err != nil {
				return s.filesError("write", err)
			}
		}
	}
	s.files = versions
	return nil
}

// plannedFiles are the versions for a message that is only judged: those that are there, and 1 for what the apply adds.
func (s *serviceRun) plannedFiles(ctx context.Context) cloudrun.FileVersions {
	if len(s.app.ConfigFiles) == 0 {
		return nil
	}
	live, _ := s.get(ctx) // whatever is in the way shows with the validation
	known, versions := cloudrun.FileVersionsOf(live.GetAnnotations()), cloudrun.FileVersions{}
	for _, content := range s.app.ConfigFiles {
		versions[content.Hash()] = cmp.Or(known[content.Hash()], "1")
	}
	return versions
}

// ensureFilesSecret makes the secret unless it is there. Its only replica is where the service runs: nothing else reads it,
// and an organization may want data to stay in a region.
func (s *serviceRun) ensureFilesSecret(ctx context.Context) error {
	id := s.filesSecret()
	var live *secretmanagerpb.Secret
	err := s.cloud.serviceRepeat(ctx, "secret "+id.String(), func(ctx context.Context) (bool, error) {
		found, err := s.cloud.GCP.Secrets().Get(ctx, id.String())
		if err == nil {
			live = found
			return true, nil
		}
		if !gcp.IsNotFound(err) {
			return !gcp.IsTransient(err), err
		}
		_, err = s.cloud.GCP.Secrets().Create(ctx, id.String(), &secretmanagerpb.Secret{
			Labels:      s.cloud.Stamp.Labels(time.Time{}),
			Annotations: map[string]string{serviceFilesAnnotation: s.id.String()},
			Replication: secretReplicas(map[string]string{s.id.Location: ""}),
		})
		s.madeFiles = s.madeFiles || err == nil
		return !gcp.IsAlreadyExists(err) && !gcp.Ambiguous(err), err
	})
	switch {
	case err != nil || live == nil:
		return err
	case !s.ownsFiles(live):
		return s.foreignFiles()
	case s.cloud.Stamp.Owns(live.GetLabels()):
		return nil
	}
	labels := runMerged(live.GetLabels(), s.cloud.Stamp.Labels(time.Time{}))
	_, err = s.cloud.GCP.Secrets().Update(ctx, &secretmanagerpb.Secret{Name: id.String(), Etag: live.GetEtag(), Labels: labels}, "labels")
	return err
}

func (s *serviceRun) foreignFiles() error {
	return &Error{
		Summary: fmt.Sprintf("Secret %s belongs to somebody else", names.Quote(s.filesSecret().Name)),
		Why: fmt.Sprintf("Service %q would keep its config files in a secret of this name, and the one that is there does not say that it is this "+
			"service's (annotation %s). Nothing of it was read or changed", s.app.Name, serviceFilesAnnotation),
		Fix:       "Delete that secret if nobody needs it, choose another name for the service, or put the files into the image",
		Attribute: []string{"config_files"},
	}
}

func (s *serviceRun) enabledFiles(ctx context.Context) (map[string]bool, error) {
	enabled := map[string]bool{}
	versions, err := s.cloud.secretEnabled(ctx, s.filesSecret())
	for _, v := range versions {
		enabled[v.number] = true
	}
	return enabled, err
}

// addFile adds a version. One whose answer was lost is added again: the version too many is retired by finish.
func (s *serviceRun) addFile(ctx context.Context, text string) (version string, err error) {
	id := s.filesSecret()
	err = s.cloud.serviceRepeat(ctx, "a version of secret "+id.String(), func(ctx context.Context) (bool, error) {
		added, err := s.cloud.GCP.SecretVersions().Add(ctx, id.String(), secret.FromString(text))
		if err != nil {
			return !gcp.Ambiguous(err), err
		}
		state, err := newSecretVersionState(added)
		version = state.number
		return true, err
	})
	return version, err
}

// undoFiles deletes the secret if this run, whose create was refused, has made it.
func (s *serviceRun) undoFiles(ctx context.Context) error {
	if !s.madeFiles {
		return nil
	}
	ctx, cancel := serviceDetach(ctx)
	defer cancel()
	return s.deleteFiles(ctx)
}

// deleteFiles deletes the secret if it is this service's.
func (s *serviceRun) deleteFiles(ctx context.Context) error {
	id := s.filesSecret()
	live, err := s.cloud.GCP.Secrets().Get(ctx, id.String())
	switch {
	case gcp.IsNotFound(err), err == nil && !s.ownsFiles(live):
		return nil
	case serviceHidden(err) && len(s.app.ConfigFiles) == 0:
		return nil // nothing says that there is one
	case err == nil:
		err = s.cloud.GCP.Secrets().Delete(ctx, id.String())
	}
	if gcp.IsNotFound(err) {
		return nil
	}
	return s.filesError("delete", err)
}

// pruneFiles destroys the versions that nothing refers to: not what was just brought, and no revision that is still there
// and could get traffic again. What cannot be destroyed now is a notice, because the service serves.
func (s *serviceRun) pruneFiles(ctx context.Context) ([]Notice, error) {
	id := s.filesSecret()
	retired := false
	for _, secrets := range s.retired.Grants {
		retired = retired || slices.Contains(secrets, id.String())
	}
	if len(s.app.ConfigFiles) == 0 && !retired {
		return nil, nil
	}
	err := s.destroyUnused(ctx)
	switch {
	case err == nil, gcp.IsNotFound(err):
		return nil, nil
	case ctx.Err() != nil:
		return nil, err
	}
	return []Notice{{
		Summary: fmt.Sprintf("Old config files of service %q were kept", s.app.Name),
		Detail: fmt.Sprintf("Versions of %s that no revision uses any more could not be destroyed. The next update tries again. It needs run.revisions.list "+
			"on the service and its worker pools, and secretmanager.versions.list and .destroy on the secret: see the guide \"Permissions\".\n\nReason: %s",
			id, gcp.Message(err)),
	}}, nil
}

func (s *serviceRun) destroyUnused(ctx context.Context) error {
	id := s.filesSecret()
	live, err := s.cloud.GCP.Secrets().Get(ctx, id.String())
	if err != nil || !s.ownsFiles(live) {
		return err
	}
	used, err := s.usedFiles(ctx)
	if err != nil {
		return err
	}
	if len(used) == 0 {
		return s.cloud.GCP.Secrets().Delete(ctx, id.String())
	}
	versions, err := s.cloud.secretEnabled(ctx, id)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if used[v.number] {
			continue
		}
		if _, err := s.cloud.GCP.SecretVersions().DestroyUnchanged(ctx, secretVersionName(id, v.id), v.etag); err != nil && !gcp.IsNotFound(err) {
			return err
		}
	}
	return nil
}

// usedFiles are the versions that the declared service or a revision refers to.
func (s *serviceRun) usedFiles(ctx context.Context) (map[string]bool, error) {
	used := map[string]bool{}
	for _, version := range s.files {
		used[version] = true
	}
	parents := []string{s.id.String()}
	for _, pool := range s.pools(0) {
		parents = append(parents, pool.GetName())
	}
	for _, parent := range parents {
		revisions, err := s.cloud.GCP.Revisions(ctx, parent)
		if err != nil {
			return nil, err
		}
		for _, revision := range revisions {
			for _, volume := range revision.GetVolumes() {
				if volume.GetSecret().GetSecret() != s.filesSecret().Name {
					continue
				}
				for _, item := range volume.GetSecret().GetItems() {
					used[item.GetVersion()] = true
				}
			}
		}
	}
	return used, nil
}

// files looks at the service's own secret: whether it is there, and whether the versions in use can be read. No text is.
func (l *runLook) files(ctx context.Context) runFound {
	s := l.service
	id := s.filesSecret()
	if len(l.app.ConfigFiles) == 0 {
		// It stays as long as a revision needs it. Without the service none does: a destroy has stopped half-way.
		if l.alive {
			return runFound{}
		}
		left, err := s.cloud.GCP.Secrets().Get(ctx, id.String())
		switch {
		case serviceHidden(err), err == nil && !s.ownsFiles(left):
			return runFound{} // who may not look is not told
		case err != nil:
			return runFound{err: err}
		}
		return runFound{objects: []string{id.String()}, there: true}
	}
	found := runFound{objects: []string{id.String()}}
	live, err := s.cloud.GCP.Secrets().Get(ctx, id.String())
	switch {
	case gcp.IsNotFound(err):
		found.drift = []string{id.String() + ": present -> " + kube.Missing}
		return found
	case serviceHidden(err):
		return found // who may not look is not told
	case err != nil:
		return runFound{err: err}
	case !s.ownsFiles(live):
		owner := runShort(live.GetAnnotations()[serviceFilesAnnotation])
		found.drift = []string{fmt.Sprintf("%s annotations[%s]: %s -> %s", id, serviceFilesAnnotation, s.id, strconv.Quote(owner))}
		return found
	}
	found.there = true
	found.drift = stampDrift(id.String(), s.cloud.Stamp, live.GetLabels())
	enabled, err := s.enabledFiles(ctx)
	if serviceHidden(err) {
		return found
	}
	for _, version := range slices.Sorted(maps.Values(s.files)) {
		if err == nil && !enabled[version] {
			found.drift = append(found.drift, id.Version(version).String()+": enabled -> not enabled")
		}
	}
	found.err = err
	return found
}

// stampDrift names the labels of the stamp that somebody changed.
func stampDrift(name string, stamp names.Stamp, live map[string]string) []string {
	var drift []string
	declared := stamp.Labels(time.Time{})
	for _, key := range slices.Sorted(maps.Keys(declared)) {
		if have, there := live[key]; have != declared[key] {
			if !there {
				have = kube.Missing
			}
			drift = append(drift, fmt.Sprintf("%s labels[%s]: %s -> %s", name, key, declared[key], have))
		}
	}
	return drift
}

func (s *serviceRun) filesError(verb string, err error) error {
	if err == nil {
		return nil
	}
	if told, ok := err.(*Error); ok { //nolint:errorlint // only an error that is ours as a whole
		return told
	}
	e := &Error{
		Summary: fmt.Sprintf("Cannot %s the config files of service %q", verb, s.app.Name),
		Why: fmt.Sprintf("Cloud Run has no files of its own, so the service keeps them in %s.",
			s.filesSecret()),
		Attribute: []string{"config_files"}, Err: err,
	}
	if gcp.Classify(err) == gcp.PermissionDenied {
		e.Fix = "Give the account that Terraform runs as roles/secretmanager.admin, limited by a condition to secrets of this name, or put the files " +
			"into the image."
	}
	return e
}
