package fakegcp

import (
	"regexp"
	"slices"
	"strings"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Limits of Cloud Run. Source: https://cloud.google.com/run/quotas and the protos' comments.
const (
	maxRunTimeout     = 3600 // seconds
	maxRunConcurrency = 1000
	maxRunDescription = 512
)

// reservedRunNamespaces may not be in labels and annotations of the v2 API.
var reservedRunNamespaces = []string{"run.googleapis.com", "cloud.googleapis.com", "serving.knative.dev", "autoscaling.knative.dev"}

// reservedRunEnv is set by Cloud Run itself. Source: https://cloud.google.com/run/docs/container-contract#env-vars.
var reservedRunEnv = []string{"PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION", "CLOUD_RUN_WORKER_POOL"}

var runEnvForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// validate is what the API checks before it accepts a change.
func (k runKind[T]) validate(s *Server, m T) error {
	t := k.template(m)
	for _, keys := range []map[string]string{m.GetLabels(), m.GetAnnotations(), t.GetLabels(), t.GetAnnotations()} {
		for key := range keys {
			if slices.ContainsFunc(reservedRunNamespaces, func(n string) bool { return strings.Contains(key, n) }) {
				return invalid("Labels and annotations in the namespace of '%s' are not supported by the v2 API.", key)
			}
		}
	}
	if err := checkLabels(m.GetLabels()); err != nil {
		return err
	}
	if len(t.GetContainers()) == 0 {
		return invalid("spec.template.spec.containers: Revision template should have at least one container.")
	}
	if r := t.GetRevision(); r != "" && !strings.HasPrefix(r, lastSegment(m.GetName())+"-") {
		return invalid("spec.template.metadata.name: Revision name '%s' must be prefixed by the name of the enclosing resource, '%s-'.", r, lastSegment(m.GetName()))
	}
	if err := checkRunContainers(t.GetContainers()); err != nil {
		return err
	}
	for i, c := range t.GetContainers() {
		if err := checkRunContainer(i, c, t.GetVolumes(), toldPort(k.collection, t.GetContainers(), c)); err != nil {
			return err
		}
	}
	if err := checkSecretNames(t.GetContainers(), t.GetVolumes()); err != nil {
		return err
	}
	if err := checkVPC(t.GetVpcAccess()); err != nil {
		return err
	}
	if err := k.check(m); err != nil {
		return err
	}
	if public, ok := any(m).(interface{ GetInvokerIamDisabled() bool }); ok {
		if err := s.constraints.checkInvokerIAM(m.GetName(), public.GetInvokerIamDisabled()); err != nil {
			return err
		}
	}
	return s.checkRunAccount(t.GetServiceAccount())
}

// checkRunContainer looks at one container; toldPort says that Cloud Run sets its PORT.
func checkRunContainer(i int, c *runpb.Container, volumes []*runpb.Volume, toldPort bool) error {
	if c.GetImage() == "" {
		return invalid("spec.template.spec.containers[%d].image: Expected a container image path.", i)
	}
	seen := map[string]bool{}
	for j, e := range c.GetEnv() {
		switch {
		case slices.Contains(reservedRunEnv, e.GetName()) && (toldPort || e.GetName() != "PORT"):
			return invalid("spec.template.spec.containers[%d].env: The following reserved env names were provided: %s. These values are automatically set by the system.", i, e.GetName())
		case !runEnvForm.MatchString(e.GetName()):
			return invalid("spec.template.spec.containers[%d].env[%d].name: Invalid environment variable name.", i, j)
		case seen[e.GetName()]:
			return invalid("spec.template.spec.containers[%d].env[%d].name: Duplicate environment variable name %s.", i, j, e.GetName())
		}
		seen[e.GetName()] = true
	}
	if cpu := c.GetResources().GetLimits()["cpu"]; millicores(cpu) < 80 || millicores(cpu) > 8000 {
		return invalid("spec.template.spec.containers[%d].resources.limits.cpu: Invalid value specified for cpu. Must be between 0.08 and 8.", i)
	}
	for j, v := range c.GetVolumeMounts() {
		if !slices.ContainsFunc(volumes, func(d *runpb.Volume) bool { return d.GetName() == v.GetName() }) {
			return invalid("spec.template.spec.containers[%d].volume_mounts[%d].name: Volume '%s' is not declared.", i, j, v.GetName())
		}
	}
	if err := checkRunProbePorts(i, c); err != nil {
		return err
	}
	return checkProbes(i, c)
}

func checkRunService(m *runpb.Service) error {
	t := m.GetTemplate()
	ingress := ingressContainer(t.GetContainers())
	switch {
	case len(m.GetDescription()) > maxRunDescription:
		return invalid("description: must be at most %d characters.", maxRunDescription)
	case ingress == nil:
		return invalid("spec.template.spec.containers: Revision template should contain exactly one container with an exposed port.")
	case t.GetScaling().GetMinInstanceCount() > t.GetScaling().GetMaxInstanceCount():
		return invalid("template.scaling.min_instance_count: must not be greater than max_instance_count.")
	case t.GetScaling().GetMinInstanceCount() < 0:
		return invalid("template.scaling.min_instance_count: must not be negative.")
	case t.GetTimeout().GetSeconds() < 1 || t.GetTimeout().GetSeconds() > maxRunTimeout:
		return invalid("template.timeout: must be between 1s and %ds.", maxRunTimeout)
	case t.GetMaxInstanceRequestConcurrency() < 1 || t.GetMaxInstanceRequestConcurrency() > maxRunConcurrency:
		return invalid("template.max_instance_request_concurrency: must be between 1 and %d.", maxRunConcurrency)
	case t.GetMaxInstanceRequestConcurrency() > 1 && totalMillicores(t.GetContainers()) < 1000:
		return invalid("spec.template.spec.containers.resources.limits.cpu: Invalid value specified for cpu. Total cpu < 1 is not supported with concurrency > 1.")
	}
	for _, err := range []error{checkServiceScaling(m.GetScaling()), checkPort(ingress), checkInstance(t, ingress)} {
		if err != nil {
			return err
		}
	}
	return checkTraffic(m.GetTraffic())
}

// totalMillicores is the CPU of all containers of an instance.
func totalMillicores(containers []*runpb.Container) int {
	total := 0
	for _, c := range containers {
		total += millicores(c.GetResources().GetLimits()["cpu"])
	}
	return total
}

// checkRunAccount refuses an account of this project that does not exist: the API cannot tell that from one that the caller
// may not act as.
func (s *Server) checkRunAccount(email string) error {
	m := accountMember.FindStringSubmatch("serviceAccount:" + email)
	if m == nil {
		return nil // a Google-managed account, such as the default one
	}
	p, ours := s.projects[m[2]]
	if !ours {
		return nil
	}
	if _, ok := lookup[*adminpb.ServiceAccount](s.store, "projects/"+p.ID+"/serviceAccounts/"+email); ok {
		return nil
	}
	return status.Errorf(codes.PermissionDenied, "Permission 'iam.serviceaccounts.actAs' denied on service account %s (or it may not exist).", email)
}
