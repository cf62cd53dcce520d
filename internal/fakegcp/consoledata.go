package fakegcp

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/protobuf/proto"
)

// consoleView is what the console shows, taken in one step under the lock and rendered without it. Stored messages are
// replaced, never changed, so they are not copied. It has no payload of a secret: none is in the store.
type consoleView struct {
	Now        time.Time
	Clusters   []clusterView
	Accounts   []accountView
	Secrets    []secretView
	Services   []serviceView
	Workers    []*runpb.WorkerPool
	Jobs       []jobView
	Uses       []useView // the first ones
	AllUses    int
	Grants     []grantView
	Operations []operationView
	Notices    []string

	on      map[string][]grantView // Grants by resource
	readers []string               // roles that let a secret be read
}

type clusterView struct {
	*containerpb.Cluster
	Name  string // in full
	Nodes map[string]int
	Zones map[string]string // where a pool has its nodes, in words
}

type accountView struct {
	*adminpb.ServiceAccount
	Deleted bool
}

type secretView struct {
	*secretmanagerpb.Secret
	Versions  []*secretmanagerpb.SecretVersion // the newest first
	Accessors []grantView                      // by grants on it and on its project
}

type serviceView struct {
	*runpb.Service
	Revisions []*runpb.Revision // the newest first
	Public    bool
}

type jobView struct {
	*runpb.Job
	Executions []*runpb.Execution // the newest first
}

// grantView is one member of one binding.
type grantView struct {
	Resource, Role, Member, Condition string
	Pending                           bool // written, and not effective yet
}

type operationView struct {
	Name, Kind, Target, State, Failure string
	Accepted                           time.Time
}

// console takes what a page shows.
func (s *Server) console(page string) consoleView {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	v := consoleView{Now: s.now(), Notices: s.notices()}
	switch page {
	case "journal":
	case "operations":
		for _, op := range slices.Backward(s.operations.order) {
			v.Operations = append(v.Operations, s.viewOperation(op))
		}
	default:
		s.viewGrants(&v)
		for name, m := range s.store.all {
			s.addToView(&v, name, m)
		}
	}
	if page == "" {
		s.viewUses(&v)
	}
	return v
}

// viewGrants lists every grant, sorted, and indexes them: there may be as many as there are secrets.
func (s *Server) viewGrants(v *consoleView) {
	v.on, v.readers = map[string][]grantView{}, rolesWith(accessSecretPayload)
	for _, name := range slices.Sorted(maps.Keys(s.policies)) {
		p := s.policies[name]
		var on []grantView
		for g := range grantsOf(p.policy) {
			on = append(on, grantView{name, g.role, g.member, g.condition, !p.grants[g].at(v.Now)})
		}
		slices.SortFunc(on, func(a, b grantView) int { return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Member, b.Member)) })
		v.on[name] = on
		v.Grants = append(v.Grants, on...)
	}
}

// addToView files an object under the page that shows it. Versions, revisions and executions go with what they belong to.
func (s *Server) addToView(v *consoleView, name string, m proto.Message) {
	switch m := m.(type) {
	case *containerpb.Cluster:
		v.Clusters = append(v.Clusters, clusterView{m, name, s.nodeCounts(name), s.nodeZones(name)})
	case *adminpb.ServiceAccount:
		v.Accounts = append(v.Accounts, accountView{m, s.accounts.isDeleted(name)})
	case *secretmanagerpb.Secret:
		v.Secrets = append(v.Secrets, secretView{m, newest[*secretmanagerpb.SecretVersion](s, name+"/versions"), s.accessors(v, name)})
	case *runpb.Service:
		public := m.GetInvokerIamDisabled() || slices.ContainsFunc(v.on[name], func(g grantView) bool {
			return g.Role == "roles/run.invoker" && g.Member == "allUsers"
		})
		v.Services = append(v.Services, serviceView{m, newest[*runpb.Revision](s, name+"/revisions"), public})
	case *runpb.WorkerPool:
		v.Workers = append(v.Workers, m)
	case *runpb.Job:
		v.Jobs = append(v.Jobs, jobView{m, newest[*runpb.Execution](s, name+"/executions")})
	}
}

// accessors are the grants that let somebody read the secret's versions, pending ones included.
func (s *Server) accessors(v *consoleView, secret string) []grantView {
	var all []grantView
	owner, _ := s.projectOf(secret)
	for _, resource := range []string{s.policyKey(secret), "projects/" + owner.ID} {
		for _, g := range v.on[resource] {
			if slices.Contains(v.readers, g.Role) {
				all = append(all, g)
			}
		}
	}
	return all
}

// newest are the members of a collection, the one that came last first.
func newest[T proto.Message](s *Server, collection string) []T {
	all := members[T](s.store, collection)
	slices.Reverse(all)
	return all
}

func (s *Server) viewOperation(op *operation) operationView {
	v := operationView{Name: op.name, Kind: op.kind, Target: op.target, Accepted: op.accepted}
	switch state := s.state(op); {
	case state == operationPending:
		v.State = "pending"
	case state == operationRunning:
		v.State = "running"
	case op.failure != nil:
		v.State, v.Failure = "failed", op.failure.Error()
	default:
		v.State = "done"
	}
	return v
}

// share is what a revision gets of a service's traffic.
type share struct {
	Percent int32
	Tags    []string
}

func shareOf(s *runpb.Service, revision string) share {
	var got share
	for _, t := range s.GetTrafficStatuses() {
		latest := t.GetType() == runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
		if t.GetRevision() == lastSegment(revision) || latest && s.GetLatestReadyRevision() == revision {
			got.Percent += t.GetPercent()
			if t.GetTag() != "" {
				got.Tags = append(got.Tags, t.GetTag())
			}
		}
	}
	return got
}
