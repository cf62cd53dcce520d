package fakegcp

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"cloud.google.com/go/run/apiv2/runpb"
)

// The wiring is drawn in three columns: what runs, as whom, and which secrets that identity may read.
const (
	boxWidth, boxHeight = 230, 44
	columnGap, rowGap   = 105, 14
	pictureMargin       = 8
	maxBoxes            = 40 // of a column; more are counted, not drawn
)

// box is something in the picture. Href is its page.
type box struct {
	ID, Kind, Label, Note, Href string
	X, Y                        int
}

// wire joins two boxes by their ids. A pending one is a grant that is not effective yet.
type wire struct {
	From, To string
	Pending  bool
}

// picture is the wiring of a view.
type picture struct {
	Columns [3][]box
	Wires   []wire
	Omitted int
}

// draw finds what runs, as whom, and what that may read.
func draw(v consoleView) picture {
	var p picture
	for _, c := range v.Clusters {
		p.add(0, box{ID: c.Name, Kind: "GKE cluster", Label: c.GetName(), Note: c.GetLocation(), Href: objectLink(c.Name)})
	}
	for _, s := range v.Services {
		p.runs(s.GetName(), "Cloud Run service", s.GetTemplate().GetServiceAccount())
	}
	for _, w := range v.Workers {
		p.runs(w.GetName(), "Cloud Run worker pool", w.GetTemplate().GetServiceAccount())
	}
	for _, j := range v.Jobs {
		p.runs(j.GetName(), "Cloud Run job", j.GetTemplate().GetTemplate().GetServiceAccount())
	}
	for _, s := range v.Secrets {
		p.add(2, box{ID: s.GetName(), Kind: "secret", Label: lastSegment(s.GetName()), Note: versionsNote(s), Href: objectLink(s.GetName())})
	}
	p.identities(v)
	p.place()
	return p
}

func versionsNote(s secretView) string {
	if len(s.Versions) == 1 {
		return "1 version"
	}
	return fmt.Sprintf("%d versions", len(s.Versions))
}

func (p *picture) add(column int, b box) {
	switch {
	case slices.ContainsFunc(p.Columns[column], func(have box) bool { return have.ID == b.ID }):
	case len(p.Columns[column]) >= maxBoxes:
		p.Omitted++
	default:
		p.Columns[column] = append(p.Columns[column], b)
	}
}

// runs adds something of Cloud Run and the account that it runs as.
func (p *picture) runs(name, kind, account string) {
	p.add(0, box{ID: name, Kind: kind, Label: lastSegment(name), Note: segment(name, 3), Href: objectLink(name)})
	member := "serviceAccount:" + account
	p.identity(member)
	p.Wires = append(p.Wires, wire{From: name, To: member})
}

func (p *picture) identity(member string) {
	kind, name, _ := strings.Cut(member, ":")
	label := map[string]string{"serviceAccount": "service account", "principal": "Kubernetes workload", "user": "user", "group": "group"}[kind]
	note := ""
	if _, subject, ok := strings.Cut(member, "/subject/"); ok { // ns/NAMESPACE/sa/ACCOUNT
		name, note = strings.ReplaceAll(strings.TrimPrefix(subject, "ns/"), "/sa/", " / "), "namespace / service account"
	} else if user, domain, ok := strings.Cut(name, "@"); ok {
		name, note = user, domain
	}
	if label == "" {
		label = kind
	}
	p.add(1, box{ID: member, Kind: label, Label: name, Note: note, Href: "/console/identities"})
}

// identities adds whom grants on secrets name, and joins workloads of Kubernetes to the clusters: the pool is the project's.
func (p *picture) identities(v consoleView) {
	for _, s := range v.Secrets {
		for _, g := range v.Grants {
			if !strings.HasSuffix(g.Resource, "/secrets/"+lastSegment(s.GetName())) || g.Role != "roles/secretmanager.secretAccessor" {
				continue
			}
			p.identity(g.Member)
			p.Wires = append(p.Wires, wire{From: g.Member, To: s.GetName(), Pending: g.Pending})
		}
	}
	for _, b := range p.Columns[1] {
		for _, c := range v.Clusters {
			if strings.HasPrefix(b.ID, "principal:") && c.GetWorkloadIdentityConfig().GetWorkloadPool() != "" {
				p.Wires = append(p.Wires, wire{From: c.Name, To: b.ID})
			}
		}
	}
}

// place gives the boxes their corners.
func (p *picture) place() {
	for column := range p.Columns {
		for row := range p.Columns[column] {
			p.Columns[column][row].X = pictureMargin + column*(boxWidth+columnGap)
			p.Columns[column][row].Y = 30 + row*(boxHeight+rowGap)
		}
	}
}

// Width and Height are the picture's, in the units of its view box.
func (p picture) Width() int { return 2*pictureMargin + 3*boxWidth + 2*columnGap }

// Height is that of the longest column.
func (p picture) Height() int {
	rows := max(len(p.Columns[0]), len(p.Columns[1]), len(p.Columns[2]))
	return 30 + rows*(boxHeight+rowGap) + pictureMargin
}

// Empty says whether there is nothing to draw.
func (p picture) Empty() bool { return len(p.Columns[0])+len(p.Columns[1])+len(p.Columns[2]) == 0 }

// Paths are the wires whose ends are drawn, as curves.
func (p picture) Paths() []template.HTMLAttr {
	at := map[string]box{}
	for _, column := range p.Columns {
		for _, b := range column {
			at[b.ID] = b
		}
	}
	var paths []template.HTMLAttr
	for _, w := range p.Wires {
		from, ok := at[w.From]
		to, there := at[w.To]
		if !ok || !there {
			continue
		}
		class := "wire"
		if w.Pending {
			class = "wire pending"
		}
		x1, y1, x2, y2 := from.X+boxWidth, from.Y+boxHeight/2, to.X, to.Y+boxHeight/2
		// Numbers and words of ours only: nothing here comes from a client.
		paths = append(paths, template.HTMLAttr(fmt.Sprintf(`class="%s" d="M%d %d C%d %d %d %d %d %d"`, class, x1, y1, x1+55, y1, x2-55, y2, x2, y2))) //nolint:gosec // see above
	}
	return paths
}

// trafficOf says which revision gets how much.
func trafficOf(s *runpb.Service, revision string) string {
	var parts []string
	for _, t := range s.GetTrafficStatuses() {
		latest := t.GetType() == runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
		if t.GetRevision() == lastSegment(revision) || latest && s.GetLatestReadyRevision() == revision {
			parts = append(parts, fmt.Sprintf("%d %%", t.GetPercent()))
			if t.GetTag() != "" {
				parts = append(parts, "tag "+t.GetTag())
			}
		}
	}
	return strings.Join(parts, ", ")
}
