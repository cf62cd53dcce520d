package fakegcp

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// actAs is the permission to have something run as a service account.
const actAs = "iam.serviceAccounts.actAs"

// actingMessages say in their field service_account as which account something is to run; without one it is the project's
// default account.
var actingMessages = []protoreflect.FullName{
	"google.cloud.run.v2.RevisionTemplate",
	"google.cloud.run.v2.WorkerPoolRevisionTemplate",
	"google.cloud.run.v2.TaskTemplate",
	"google.container.v1.NodeConfig",
}

// actingMethods end the names of the methods that have something run.
var actingMethods = []string{
	"/CreateService", "/UpdateService", "/CreateWorkerPool", "/UpdateWorkerPool", "/CreateJob", "/UpdateJob",
	"/CreateCluster", "/CreateNodePool",
}

// authorizeActing refuses a call that has something run as a service account which its caller may not act as. The caller
// holds the lock.
// Source of the texts: sightings of both, GKE's with code 400.
func (s *Server) authorizeActing(call Call, request any) error {
	m, ok := request.(proto.Message)
	if !ok || !slices.ContainsFunc(actingMethods, func(suffix string) bool { return strings.HasSuffix(call.Method, suffix) }) {
		return nil
	}
	p, ok := s.projectOf(call.Resource)
	if !ok {
		return nil // the handler refuses it
	}
	accounts := actingAccounts(m.ProtoReflect(), nil)
	if len(accounts) == 0 && strings.HasPrefix(call.Method, containerService) {
		accounts = []string{""}
	}
	for _, email := range accounts {
		if email == "" || email == "default" {
			email = p.Number + "-compute@developer.gserviceaccount.com"
		}
		if s.has(call.Principal, actAs, "projects/-/serviceAccounts/"+email, true) {
			continue
		}
		if strings.HasPrefix(call.Method, containerService) {
			return invalid("The user does not have access to service account %q. Ask a project owner to grant you the "+
				"iam.serviceAccountUser role on the service account.", email)
		}
		return status.Error(codes.PermissionDenied,
			fmt.Sprintf("Permission 'iam.serviceaccounts.actAs' denied on service account %s (or it may not exist).", email))
	}
	return nil
}

// actingAccounts are the accounts that a message and those in it name.
func actingAccounts(m protoreflect.Message, found []string) []string {
	if slices.Contains(actingMessages, m.Descriptor().FullName()) {
		return append(found, stringField(m, "service_account"))
	}
	for f, v := range m.Range {
		switch {
		case f.Message() == nil || f.IsMap():
		case f.IsList():
			for i := range v.List().Len() {
				found = actingAccounts(v.List().Get(i).Message(), found)
			}
		default:
			found = actingAccounts(v.Message(), found)
		}
	}
	return found
}
