package fakegcp

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Services by the prefix of their methods.
const (
	containerService     = "google.container.v1.ClusterManager/"
	secretManagerService = "google.cloud.secretmanager.v1.SecretManagerService/"
	iamService           = "google.iam.admin.v1.IAM/"
	projectsServiceName  = "google.cloud.resourcemanager.v3.Projects/"
	runServicePrefix     = "google.cloud.run.v2."
)

// accessSecretPayload is the one reading permission that a read-only caller does not have.
const accessSecretPayload = "secretmanager.versions.access"

// methodPermissions is the permission that each method asks for.
// Source: https://cloud.google.com/kubernetes-engine/docs/reference/api-permissions and the IAM permission reference.
var methodPermissions = map[string]string{
	containerService + "ListClusters":             "container.clusters.list",
	containerService + "GetCluster":               "container.clusters.get",
	containerService + "CreateCluster":            "container.clusters.create",
	containerService + "UpdateCluster":            "container.clusters.update",
	containerService + "SetLabels":                "container.clusters.update",
	containerService + "DeleteCluster":            "container.clusters.delete",
	containerService + "ListNodePools":            "container.clusters.get",
	containerService + "GetNodePool":              "container.clusters.get",
	containerService + "CreateNodePool":           "container.clusters.update",
	containerService + "UpdateNodePool":           "container.clusters.update",
	containerService + "SetNodePoolAutoscaling":   "container.clusters.update",
	containerService + "SetNodePoolManagement":    "container.clusters.update",
	containerService + "SetNodePoolSize":          "container.clusters.update",
	containerService + "DeleteNodePool":           "container.clusters.update",
	containerService + "UpdateMaster":             "container.clusters.update",
	containerService + "SetLocations":             "container.clusters.update",
	containerService + "SetMaintenancePolicy":     "container.clusters.update",
	containerService + "SetNetworkPolicy":         "container.clusters.update",
	containerService + "SetAddonsConfig":          "container.clusters.update",
	containerService + "SetLoggingService":        "container.clusters.update",
	containerService + "SetMonitoringService":     "container.clusters.update",
	containerService + "SetLegacyAbac":            "container.clusters.update",
	containerService + "CompleteNodePoolUpgrade":  "container.clusters.update",
	containerService + "FetchClusterUpgradeInfo":  "container.clusters.get",
	containerService + "FetchNodePoolUpgradeInfo": "container.clusters.get",
	containerService + "ListOperations":           "container.operations.list",
	containerService + "GetOperation":             "container.operations.get",
	containerService + "CancelOperation":          "container.operations.cancel",

	secretManagerService + "ListSecrets":          "secretmanager.secrets.list",
	secretManagerService + "GetSecret":            "secretmanager.secrets.get",
	secretManagerService + "CreateSecret":         "secretmanager.secrets.create",
	secretManagerService + "UpdateSecret":         "secretmanager.secrets.update",
	secretManagerService + "DeleteSecret":         "secretmanager.secrets.delete",
	secretManagerService + "ListSecretVersions":   "secretmanager.versions.list",
	secretManagerService + "GetSecretVersion":     "secretmanager.versions.get",
	secretManagerService + "AddSecretVersion":     "secretmanager.versions.add",
	secretManagerService + "AccessSecretVersion":  accessSecretPayload,
	secretManagerService + "EnableSecretVersion":  "secretmanager.versions.enable",
	secretManagerService + "DisableSecretVersion": "secretmanager.versions.disable",
	secretManagerService + "DestroySecretVersion": "secretmanager.versions.destroy",
	secretManagerService + "GetIamPolicy":         "secretmanager.secrets.getIamPolicy",
	secretManagerService + "SetIamPolicy":         "secretmanager.secrets.setIamPolicy",

	iamService + "ListServiceAccounts":    "iam.serviceAccounts.list",
	iamService + "GetServiceAccount":      "iam.serviceAccounts.get",
	iamService + "CreateServiceAccount":   "iam.serviceAccounts.create",
	iamService + "UpdateServiceAccount":   "iam.serviceAccounts.update",
	iamService + "PatchServiceAccount":    "iam.serviceAccounts.update",
	iamService + "EnableServiceAccount":   "iam.serviceAccounts.enable",
	iamService + "DisableServiceAccount":  "iam.serviceAccounts.disable",
	iamService + "DeleteServiceAccount":   "iam.serviceAccounts.delete",
	iamService + "UndeleteServiceAccount": "iam.serviceAccounts.undelete",
	iamService + "GetIamPolicy":           "iam.serviceAccounts.getIamPolicy",
	iamService + "SetIamPolicy":           "iam.serviceAccounts.setIamPolicy",

	projectsServiceName + "GetProject":   "resourcemanager.projects.get",
	projectsServiceName + "GetIamPolicy": "resourcemanager.projects.getIamPolicy",
	projectsServiceName + "SetIamPolicy": "resourcemanager.projects.setIamPolicy",

	runServicePrefix + "Services/ListServices":        "run.services.list",
	runServicePrefix + "Services/GetService":          "run.services.get",
	runServicePrefix + "Services/CreateService":       "run.services.create",
	runServicePrefix + "Services/UpdateService":       "run.services.update",
	runServicePrefix + "Services/DeleteService":       "run.services.delete",
	runServicePrefix + "Services/GetIamPolicy":        "run.services.getIamPolicy",
	runServicePrefix + "Services/SetIamPolicy":        "run.services.setIamPolicy",
	runServicePrefix + "Revisions/ListRevisions":      "run.revisions.list",
	runServicePrefix + "Revisions/GetRevision":        "run.revisions.get",
	runServicePrefix + "Revisions/DeleteRevision":     "run.revisions.delete",
	runServicePrefix + "WorkerPools/ListWorkerPools":  "run.workerpools.list",
	runServicePrefix + "WorkerPools/GetWorkerPool":    "run.workerpools.get",
	runServicePrefix + "WorkerPools/CreateWorkerPool": "run.workerpools.create",
	runServicePrefix + "WorkerPools/UpdateWorkerPool": "run.workerpools.update",
	runServicePrefix + "WorkerPools/DeleteWorkerPool": "run.workerpools.delete",
	runServicePrefix + "WorkerPools/GetIamPolicy":     "run.workerpools.getIamPolicy",
	runServicePrefix + "WorkerPools/SetIamPolicy":     "run.workerpools.setIamPolicy",
	runServicePrefix + "Jobs/ListJobs":                "run.jobs.list",
	runServicePrefix + "Jobs/GetJob":                  "run.jobs.get",
	runServicePrefix + "Jobs/CreateJob":               "run.jobs.create",
	runServicePrefix + "Jobs/UpdateJob":               "run.jobs.update",
	runServicePrefix + "Jobs/DeleteJob":               "run.jobs.delete",
	runServicePrefix + "Jobs/RunJob":                  "run.jobs.run",
	runServicePrefix + "Jobs/GetIamPolicy":            "run.jobs.getIamPolicy",
	runServicePrefix + "Jobs/SetIamPolicy":            "run.jobs.setIamPolicy",
	runServicePrefix + "Executions/ListExecutions":    "run.executions.list",
	runServicePrefix + "Executions/GetExecution":      "run.executions.get",
	runServicePrefix + "Executions/CancelExecution":   "run.executions.cancel",
	runServicePrefix + "Executions/DeleteExecution":   "run.executions.delete",
	runServicePrefix + "Tasks/ListTasks":              "run.tasks.list",
	runServicePrefix + "Tasks/GetTask":                "run.tasks.get",
	"google.longrunning.Operations/WaitOperation":     "run.operations.get",
	"google.longrunning.Operations/GetOperation":      "run.operations.get",
	"google.longrunning.Operations/ListOperations":    "run.operations.list",
	"google.longrunning.Operations/DeleteOperation":   "run.operations.delete",

	computeGroupsService + "List": "compute.instanceGroupManagers.list",
	computeGroupsService + "Get":  "compute.instanceGroupManagers.get",

	billingService + "GetProjectBillingInfo": "resourcemanager.projects.get",
}

// Permissions lists every permission that a method asks for.
func Permissions() []string {
	return slices.Compact(slices.Sorted(maps.Values(methodPermissions)))
}

// readingVerbs begin the names of methods that change nothing.
var readingVerbs = []string{"Get", "List", "Access", "Test", "Query", "Search", "Wait", "Check", "Fetch", "Lint"}

// mutating says whether a method changes anything.
func mutating(method string) bool {
	name := lastSegment(method)
	for _, verb := range readingVerbs {
		if strings.HasPrefix(name, verb) {
			return false
		}
	}
	return true
}

// denial is a permission that a principal does not have; principal "" is everyone.
type denial struct{ permission, principal string }

// Deny takes a permission ("container.clusters.update") away from a principal, or from everyone when it is empty.
func (s *Server) Deny(permission, principal string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	s.denied[denial{permission, principal}] = true
}

// Allow takes a Deny back.
func (s *Server) Allow(permission, principal string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	delete(s.denied, denial{permission, principal})
}

// SetAPIEnabled enables or disables an API by its name ("run.googleapis.com"), as in `gcloud services`.
func (s *Server) SetAPIEnabled(api string, enabled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	s.denied[denial{permission: api}] = !enabled
}

// authorize refuses a call that its caller has no permission for. The caller holds the lock.
func (s *Server) authorize(call Call) error {
	if api := apiOf(call.Method); s.denied[denial{permission: api}] {
		return s.apiDisabled(api)
	}
	permission := methodPermissions[call.Method]
	if permission == "" && (!mutating(call.Method) || call.Principal == developer) {
		return nil
	}
	if s.has(call.Principal, permission, call.Resource, mutating(call.Method)) {
		return nil
	}
	return permissionDenied(call.Method, permission, call.Resource)
}

// has says whether a principal has a permission on a resource. The caller holds the lock.
func (s *Server) has(principal, permission, resource string, changes bool) bool {
	if principal == s.reader() && (changes || permission == accessSecretPayload) {
		return false
	}
	if member, bound := s.callers.members[principal]; bound && !s.memberCan(member, permission, resource) {
		return false
	}
	return !s.denied[denial{permission: permission}] && !s.denied[denial{permission, principal}]
}

// permissionDenied words a refusal as the service of the method does.
func permissionDenied(method, permission, resource string) error {
	text := "The caller does not have permission"
	switch {
	case strings.HasPrefix(method, containerService):
		text = fmt.Sprintf("Required %q permission(s) for %q.", permission, deniedContainer(method, resource))
	case strings.HasPrefix(method, secretManagerService):
		text = fmt.Sprintf("Permission '%s' denied for resource '%s' (or it may not exist).", permission, deniedParent(method, resource))
	case strings.HasPrefix(method, iamService):
		text = fmt.Sprintf("Permission '%s' denied on resource (or it may not exist).", permission)
	case strings.HasPrefix(method, projectsServiceName):
		text = fmt.Sprintf("Permission '%s' denied on resource '//cloudresourcemanager.googleapis.com/%s' (or it may not exist).", permission, resource)
	case strings.HasPrefix(method, computeGroupsService):
		text = fmt.Sprintf("Required '%s' permission for '%s'", permission, resource)
	case strings.HasPrefix(method, runServicePrefix):
		text = fmt.Sprintf("Permission '%s' denied on resource '%s' (or resource may not exist).", permission, resource)
	}
	info := &errdetails.ErrorInfo{
		Reason:   "IAM_PERMISSION_DENIED",
		Domain:   apiOf(method),
		Metadata: map[string]string{"permission": permission, "resource": resource},
	}
	return withDetails(status.Error(codes.PermissionDenied, text), info)
}

// deniedContainer is what GKE names in a refusal: the project for a cluster that does not exist yet.
func deniedContainer(method, resource string) string {
	if strings.HasSuffix(method, "/CreateCluster") || strings.Contains(method, "/List") {
		return strings.Join(strings.SplitN(resource, "/", 3)[:min(2, strings.Count(resource, "/")+1)], "/")
	}
	return resource
}

// deniedParent is what Secret Manager names in a refusal: the project for a secret that does not exist yet.
func deniedParent(method, resource string) string {
	if strings.HasSuffix(method, "/CreateSecret") {
		return collectionOf(collectionOf(resource))
	}
	return resource
}

// apiHosts maps the beginning of a method to the API that serves it.
var apiHosts = []struct{ prefix, api string }{
	{containerService, "container.googleapis.com"},
	{secretManagerService, "secretmanager.googleapis.com"},
	{iamService, "iam.googleapis.com"},
	{projectsServiceName, "cloudresourcemanager.googleapis.com"},
	{runServicePrefix, "run.googleapis.com"},
	{"google.longrunning.", "run.googleapis.com"},
	{computeGroupsService, "compute.googleapis.com"},
	{billingService, "cloudbilling.googleapis.com"},
}

// apiOf is the host name of the API that a method belongs to, "" when it is none of the fake's.
func apiOf(method string) string {
	for _, h := range apiHosts {
		if strings.HasPrefix(method, h.prefix) {
			return h.api
		}
	}
	return ""
}

// apiDisabled words what every API answers in a project that has not enabled it.
// Source: https://cloud.google.com/resource-manager/docs/troubleshooting (SERVICE_DISABLED); the text as clients quote it.
func (s *Server) apiDisabled(api string) error {
	n := s.options.ProjectNumber
	text := fmt.Sprintf("%s has not been used in project %s before or it is disabled. Enable it by visiting "+
		"https://console.developers.google.com/apis/api/%s/overview?project=%s then retry. If you enabled this API recently, "+
		"wait a few minutes for the action to propagate to our systems and retry.", api, n, api, n)
	info := &errdetails.ErrorInfo{
		Reason:   "SERVICE_DISABLED",
		Domain:   "googleapis.com",
		Metadata: map[string]string{"service": api, "consumer": "projects/" + n},
	}
	return withDetails(status.Error(codes.PermissionDenied, text), info)
}
