package fakegcp

import (
	"cmp"
	"maps"
	"slices"
	"strings"
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
	Grants     []grantView
	Operations []operationView
	Notices    []string
}

type clusterView struct {
	*containerpb.Cluster
	Name  string // in full
	Nodes map[string]int
}

type accountView struct {
	*adminpb.ServiceAccount
	Deleted bool
}

type secretView struct {
	*secretmanagerpb.Secret
	Versions  []*secretmanagerpb.SecretVersion // the newest first
	Accessors []string
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

// console takes the view.
func (s *Server) console() consoleView {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	v := consoleView{Now: s.now(), Notices: s.notices()}
	for name, p := range s.policies {
		for g := range grantsOf(p.policy) {
			v.Grants = append(v.Grants, grantView{name, g.role, g.member, g.condition, !p.grants[g].at(v.Now)})
		}
	}
	slices.SortFunc(v.Grants, func(a, b grantView) int {
		return cmp.Or(cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Role, b.Role), cmp.Compare(a.Member, b.Member))
	})
	for name, m := range s.store.all {
		s.addToView(&v, name, m)
	}
	for _, op := range slices.Backward(s.operations.order) {
		v.Operations = append(v.Operations, s.viewOperation(op))
	}
	return v
}

// addToView files an object under the page that shows it. Versions, revisions and executions go with what they belong to.
func (s *Server) addToView(v *consoleView, name string, m proto.Message) {
	switch m := m.(type) {
	case *containerpb.Cluster:
		v.Clusters = append(v.Clusters, clusterView{m, name, s.nodeCounts(name)})
	case *adminpb.ServiceAccount:
		v.Accounts = append(v.Accounts, accountView{m, s.accounts.isDeleted(name)})
	case *secretmanagerpb.Secret:
		secret := secretView{Secret: m, Versions: newest[*secretmanagerpb.SecretVersion](s, name+"/versions")}
		for _, g := range v.Grants {
			if g.Resource == s.policyKey(name) && g.Role == "roles/secretmanager.secretAccessor" {
				secret.Accessors = append(secret.Accessors, g.Member)
			}
		}
		v.Secrets = append(v.Secrets, secret)
	case *runpb.Service:
		public := m.GetInvokerIamDisabled() || slices.ContainsFunc(v.Grants, func(g grantView) bool {
			return g.Resource == name && g.Role == "roles/run.invoker" && g.Member == "allUsers"
		})
		v.Services = append(v.Services, serviceView{m, newest[*runpb.Revision](s, name+"/revisions"), public})
	case *runpb.WorkerPool:
		v.Workers = append(v.Workers, m)
	case *runpb.Job:
		v.Jobs = append(v.Jobs, jobView{m, newest[*runpb.Execution](s, name+"/executions")})
	}
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

// notices are the settings under which things go other than by themselves.
func (s *Server) notices() []string {
	var all []string
	for _, f := range s.faults.list() {
		all = append(all, "fault: "+f)
	}
	for _, zone := range slices.Sorted(maps.Keys(s.clusters.stockout)) {
		if s.clusters.stockout[zone] {
			all = append(all, "no machines in "+cmp.Or(zone, "any zone"))
		}
	}
	var denied []string
	for d, on := range s.denied {
		if on {
			denied = append(denied, "denied: "+strings.TrimSpace(d.permission+" "+d.principal))
		}
	}
	slices.Sort(denied)
	all = append(all, denied...)
	for _, image := range slices.Sorted(maps.Keys(s.images)) {
		all = append(all, "image "+image+": "+string(s.images[image]))
	}
	return all
}

// list words the faults in force.
func (fs *faults) list() []string {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var all []string
	for _, f := range fs.armed {
		all = append(all, strings.TrimSpace(f.Fault.String()+" "+f.Method+" "+f.Resource))
	}
	return all
}
