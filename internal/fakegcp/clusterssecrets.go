package fakegcp

import (
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/fakegcp/kubernetes"
)

// podSecretRefusal tells why a pod cannot read a secret version, "" if it can. The principal is the pod's Kubernetes service
// account, or the Google one that it impersonates. Kubernetes' players call it without the lock.
// Source: GoogleCloudPlatform/secrets-store-csi-driver-provider-gcp, auth/auth.go.
func (s *Server) podSecretRefusal(project string, pod kubernetes.PodIdentity, version string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, _ := s.projectOf("projects/" + project)
	pool := p.ID + ".svc.id.goog"
	if !s.hasIdentityPool(project) {
		return "code = PermissionDenied desc = unable to obtain auth for mount: the cluster has no Workload Identity"
	}
	secret := collectionOf(collectionOf(version))
	allowed := s.effective(fmt.Sprintf("principal://iam.googleapis.com/projects/%s/locations/global/workloadIdentityPools/%s/subject/ns/%s/sa/%s",
		p.Number, pool, pod.Namespace, pod.ServiceAccount), accessSecretPayload, s.numbered(secret))
	if email := pod.GoogleAccount; email != "" {
		impersonates := false
		if name, ok := s.accountName("projects/-/serviceAccounts/" + email); ok {
			member := fmt.Sprintf("serviceAccount:%s[%s/%s]", pool, pod.Namespace, pod.ServiceAccount)
			impersonates = s.effective(member, "iam.serviceAccounts.getAccessToken", name)
		}
		if !impersonates {
			return "code = PermissionDenied desc = unable to obtain auth for mount: Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist)."
		}
		allowed = s.accountCan(email, accessSecretPayload, s.numbered(secret))
	}
	if !allowed {
		return fmt.Sprintf("code = %s desc = Permission 'secretmanager.versions.access' denied for resource '%s' (or it may not exist).",
			codes.PermissionDenied, version)
	}
	found, err := (&secretManager{s: s}).findVersion(s.numbered(version))
	if err == nil {
		err = checkReadable(found)
	}
	if err != nil {
		return fmt.Sprintf("code = %s desc = %s", status.Code(err), status.Convert(err).Message())
	}
	return ""
}
