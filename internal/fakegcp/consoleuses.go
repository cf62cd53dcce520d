package fakegcp

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"cloud.google.com/go/run/apiv2/runpb"
)

// useView is one version of a secret that something of Cloud Run is given, and whether its account may read that.
type useView struct {
	Kind, Runner, Account string
	As                    string // the variable or the volume
	Secret                string
	Version, Resolved     string // as it is named, and the number that this stands for
	State                 string // enabled; not yet, when a grant is pending; refused
	Refusal               string // why it cannot be read
}

// viewUses lists what the view's services, worker pools and jobs read. Only what a page can show is looked into.
func (s *Server) viewUses(v *consoleView) {
	for _, m := range v.Services {
		t := m.GetTemplate()
		s.addUses(v, "service", m.GetName(), t.GetServiceAccount(), t.GetContainers(), t.GetVolumes())
	}
	for _, m := range v.Workers {
		t := m.GetTemplate()
		s.addUses(v, "worker pool", m.GetName(), t.GetServiceAccount(), t.GetContainers(), t.GetVolumes())
	}
	for _, m := range v.Jobs {
		t := m.GetTemplate().GetTemplate()
		s.addUses(v, "job", m.GetName(), t.GetServiceAccount(), t.GetContainers(), t.GetVolumes())
	}
}

func (s *Server) addUses(v *consoleView, kind, runner, account string, containers []*runpb.Container, volumes []*runpb.Volume) {
	project, _ := s.projectOf(runner)
	for _, use := range secretUses(&runpb.Revision{Containers: containers, Volumes: volumes}) {
		v.AllUses++
		if len(v.Uses) == maxConsoleRows {
			continue
		}
		u := useView{Kind: kind, Runner: runner, Account: account, As: use.as, Secret: s.usedSecret(project, use), Version: use.version, State: "enabled"}
		u.Refusal = s.secretRefusal(account, u.Secret, u.Secret+"/versions/"+u.Version)
		if m, err := (&secretManager{s: s}).findVersion(u.Secret + "/versions/" + u.Version); err == nil {
			u.Resolved = lastSegment(m.GetName())
		}
		if u.Refusal != "" {
			u.State = "refused"
		}
		pending := slices.ContainsFunc(s.accessors(v, u.Secret), func(g grantView) bool {
			return g.Pending && covers(g.Member, "serviceAccount:"+account)
		})
		if pending && !s.accountCan(account, accessSecretPayload, u.Secret) {
			u.State = "not yet"
		}
		v.Uses = append(v.Uses, u)
	}
}

// nodeZones words the zones that a cluster's pools have nodes in, by pool. The caller holds the lock.
func (s *Server) nodeZones(cluster string) map[string]string {
	live, ok := s.clusters.live[cluster]
	if !ok {
		return nil
	}
	words := map[string]string{}
	for pool, zones := range live.NodeZones() {
		var parts []string
		for _, zone := range slices.Sorted(maps.Keys(zones)) {
			parts = append(parts, fmt.Sprintf("%s %d", zone, zones[zone]))
		}
		words[pool] = strings.Join(parts, ", ")
	}
	return words
}
