package fakegcp

import (
	"fmt"
	"regexp"
	"strings"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// startRevision says whether the containers of a revision come up: images are resolved, secrets are read, probes pass.
func (s *Server) startRevision(revision *runpb.Revision) error {
	for _, c := range revision.GetContainers() {
		if s.images[c.GetImage()] == ImageMissing {
			return notFound("Image '%s' not found.", c.GetImage())
		}
	}
	if err := s.checkRunSecrets(revision); err != nil {
		return err
	}
	for _, c := range revision.GetContainers() {
		b := s.images[c.GetImage()]
		asked := c.GetStartupProbe() != nil || ingressOf(revision) == c
		if _, exits := b.ExitCode(); exits || b == ImageCrashes || b == ImageNeverReady && asked {
			return containerFailed(revision, c)
		}
	}
	return nil
}

// containerFailed is the text for a container that does not listen in time; a worker's has no port. That a text about one
// of several containers names it is a guess.
// Source: transparency-dev/tesseract#413, hashicorp/terraform-provider-google#16765, terraform-docs-samples#254.
func containerFailed(revision *runpb.Revision, c *runpb.Container) error {
	id := lastSegment(revision.GetName())
	if len(revision.GetContainers()) > 1 && ingressOf(revision) != c {
		how := "failed to start"
		if c.GetStartupProbe() != nil {
			how = "failed the configured startup probe checks"
		}
		return precondition("Revision '%s' is not ready and cannot serve traffic. The user-provided container '%s' %s. Logs for this "+
			"revision might contain more information.", id, c.GetName(), how)
	}
	if revision.GetService() == "" {
		return precondition("Revision '%s' is not ready and cannot serve traffic. The user-provided container failed to start.", id)
	}
	port := int32(defaultRunPort)
	if len(c.GetPorts()) > 0 {
		port = c.GetPorts()[0].GetContainerPort()
	}
	return precondition("Revision '%s' is not ready and cannot serve traffic. The user-provided container failed to start and listen "+
		"on the port defined provided by the PORT=%d environment variable within the allocated timeout. This can happen when the "+
		"container port is misconfigured or if the timeout is too short. The health check timeout can be extended. Logs for this "+
		"revision might contain more information.\n\nLogs URL: %s\nFor more troubleshooting guidance, see "+
		"https://cloud.google.com/run/docs/troubleshooting#container-failed-to-start", id, port, revision.GetLogUri())
}

// ingressOf is the container of a revision that is the user's process: the one with a port, in a worker pool the first.
func ingressOf(revision *runpb.Revision) *runpb.Container {
	if c := ingressContainer(revision.GetContainers()); c != nil {
		return c
	}
	return revision.GetContainers()[0]
}

// secretUse is one place in which a revision reads a secret version.
type secretUse struct {
	field           string // as the error names it
	as              string // the variable or the volume
	secret, version string
}

func secretUses(revision *runpb.Revision) []secretUse {
	var uses []secretUse
	for i, c := range revision.GetContainers() {
		for j, e := range c.GetEnv() {
			if ref := e.GetValueSource().GetSecretKeyRef(); ref != nil {
				field := fmt.Sprintf("spec.template.spec.containers[%d].env[%d].value_from.secret_key_ref.name", i, j)
				uses = append(uses, secretUse{field, e.GetName(), ref.GetSecret(), ref.GetVersion()})
			}
		}
	}
	for i, v := range revision.GetVolumes() {
		source := v.GetSecret()
		if source == nil {
			continue
		}
		items := source.GetItems()
		if len(items) == 0 {
			items = []*runpb.VersionToPath{{Version: "latest"}}
		}
		for j, item := range items {
			field := fmt.Sprintf("spec.template.spec.volumes[%d].secret.items[%d].key", i, j)
			uses = append(uses, secretUse{field, "volume " + v.GetName(), source.GetSecret(), item.GetVersion()})
		}
	}
	return uses
}

// runSecretForm is how Cloud Run names a secret: there is no form for a regional one.
// Source: google/cloud/run/v2/k8s.min.proto, SecretKeySelector.secret and SecretVolumeSource.secret.
var runSecretForm = regexp.MustCompile(`^(projects/[^/]+/secrets/)?[A-Za-z0-9_-]{1,255}$`)

// checkSecretNames refuses names that Cloud Run has no form for. The wording is not recorded.
func checkSecretNames(containers []*runpb.Container, volumes []*runpb.Volume) error {
	for _, use := range secretUses(&runpb.Revision{Containers: containers, Volumes: volumes}) {
		if !runSecretForm.MatchString(use.secret) {
			return invalid("%s: Invalid secret name '%s'. Expected {secret} or projects/{project}/secrets/{secret}.", use.field, use.secret)
		}
	}
	return nil
}

// checkRunSecrets has the revision's service account read every secret version that it uses.
// Source of the texts: hashicorp/terraform-docs-samples#168 and six further sightings; since about 2025 the code is
// FAILED_PRECONDITION, before it was INTERNAL.
func (s *Server) checkRunSecrets(revision *runpb.Revision) error {
	project, _ := s.projectOf(revision.GetName())
	var refused []string
	for _, use := range secretUses(revision) {
		secret := s.usedSecret(project, use)
		version := secret + "/versions/" + use.version
		if why := s.secretRefusal(revision.GetServiceAccount(), secret, version); why != "" {
			refused = append(refused, use.field+": "+why)
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return status.Error(codes.FailedPrecondition, strings.Join(refused, "\n"))
}

// usedSecret is the full name of a secret that something in the project uses.
func (s *Server) usedSecret(p project, use secretUse) string {
	if strings.HasPrefix(use.secret, "projects/") {
		return s.numbered(use.secret)
	}
	return "projects/" + p.Number + "/secrets/" + use.secret
}

// secretRefusal says why an account cannot read a version, "" if it can.
func (s *Server) secretRefusal(account, secret, version string) string {
	if !s.accountCan(account, accessSecretPayload, secret) {
		return fmt.Sprintf("Permission denied on secret: %s for Revision service account %s. The service account used must be "+
			"granted the 'Secret Manager Secret Accessor' role (roles/secretmanager.secretAccessor) at the secret, project or "+
			"higher level.", version, account)
	}
	found, err := (&secretManager{s: s}).findVersion(version)
	if err != nil {
		return fmt.Sprintf("Secret %s was not found", version)
	}
	if err := checkReadable(found); err != nil {
		return status.Convert(err).Message()
	}
	return ""
}

// accountCan says whether a service account that exists and is enabled has a permission on a resource now.
func (s *Server) accountCan(email, permission, resource string) bool {
	if name, ok := s.accountName("projects/-/serviceAccounts/" + email); ok {
		if a, _ := lookup[*adminpb.ServiceAccount](s.store, name); a.GetDisabled() {
			return false
		}
	}
	return s.effective("serviceAccount:"+email, permission, resource)
}
