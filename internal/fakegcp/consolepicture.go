package fakegcp

import (
	"cmp"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"
)

// The wiring is drawn in three columns: what runs, as whom, and which secrets that identity may read.
const (
	boxWidth, boxHeight = 290, 44
	lineHeight          = 16 // of a third line
	headHeight          = 30
	columnGap, rowGap   = 150, 14
	pictureMargin       = 8
	maxBoxes            = 40 // of a column; more are counted, not drawn
)

// box is something in the picture. Href is its page.
type box struct {
	ID, Kind, Label, Note, More, Href string
	X, Y, Width, Height               int
}

// wire joins two boxes by their ids. Its class says whether it holds: pending is a grant that is not effective yet.
type wire struct {
	From, To, Class string
}

// picture is the wiring of a view.
type picture struct {
	Columns [3][]box
	Wires   []wire
	Omitted int

	height  int
	joined  map[wire]bool
	drawn   map[string]bool
	omitted map[string]bool
}

// draw finds what runs, as whom, and what that may read.
func draw(v consoleView) picture {
	p := picture{joined: map[wire]bool{}, drawn: map[string]bool{}, omitted: map[string]bool{}}
	names := map[string][]string{}
	for _, u := range v.Uses {
		names[u.Runner] = append(names[u.Runner], lastSegment(u.Secret)+":"+u.Version)
	}
	for _, c := range v.Clusters {
		p.add(0, box{ID: c.Name, Kind: "GKE cluster", Label: c.GetName(), Note: c.GetLocation(), Href: objectLink(c.Name)})
	}
	for _, s := range v.Services {
		p.runs(s.GetName(), "Cloud Run service", s.GetTemplate().GetServiceAccount(), names)
	}
	for _, w := range v.Workers {
		p.runs(w.GetName(), "Cloud Run worker pool", w.GetTemplate().GetServiceAccount(), names)
	}
	for _, j := range v.Jobs {
		p.runs(j.GetName(), "Cloud Run job", j.GetTemplate().GetTemplate().GetServiceAccount(), names)
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
	case p.drawn[b.ID]:
	case len(p.Columns[column]) >= maxBoxes:
		p.omitted[b.ID] = true
		p.Omitted = len(p.omitted)
	default:
		p.drawn[b.ID] = true
		b.Width, b.Height = boxWidth, boxHeight
		if b.More != "" {
			b.Height += lineHeight
		}
		p.Columns[column] = append(p.Columns[column], b)
	}
}

// runs adds something of Cloud Run, the versions of secrets that it is given, and the account that it runs as.
func (p *picture) runs(name, kind, account string, given map[string][]string) {
	b := box{ID: name, Kind: kind, Label: lastSegment(name), Note: segment(name, 3), Href: objectLink(name)}
	if all := given[name]; len(all) > 0 {
		b.More = "given " + strings.Join(slices.Compact(all), ", ")
	}
	p.add(0, b)
	member := "serviceAccount:" + account
	p.identity(member)
	p.wire(wire{From: name, To: member, Class: "wire"})
}

// identityKinds are the forms of members that have a name of their own in the picture.
var identityKinds = map[string]string{"serviceAccount": "service account", "principal": "Kubernetes", "user": "user", "group": "group"}

func (p *picture) identity(member string) {
	kind, name, _ := strings.Cut(member, ":")
	label := cmp.Or(identityKinds[kind], kind)
	note := ""
	if _, subject, ok := strings.Cut(member, "/subject/"); ok { // ns/NAMESPACE/sa/ACCOUNT
		name, note = strings.ReplaceAll(strings.TrimPrefix(subject, "ns/"), "/sa/", " / "), "namespace / service account"
	} else if user, domain, ok := strings.Cut(name, "@"); ok {
		name, note = user, strings.TrimSuffix(domain, ".iam.gserviceaccount.com")
	}
	if note == "developer.gserviceaccount.com" {
		note = "default of Compute Engine"
	}
	p.add(1, box{ID: member, Kind: label, Label: cmp.Or(name, member), Note: note, Href: "/console/identities?" + url.Values{"filter": {strings.TrimPrefix(member, kind+":")}}.Encode()})
}

// identities adds whom grants let read a secret, and joins workloads of Kubernetes to the clusters of their pool. A wire that
// is refused says that something is given a secret that its identity may not read.
func (p *picture) identities(v consoleView) {
	for _, s := range v.Secrets {
		for _, g := range s.Accessors {
			p.identity(g.Member)
			p.wire(wire{From: g.Member, To: s.GetName(), Class: pendingClass(g.Pending)})
		}
	}
	for _, u := range v.Uses {
		if u.State == "refused" {
			p.wire(wire{From: "serviceAccount:" + u.Account, To: u.Secret, Class: "wire refused"})
		}
	}
	for _, b := range p.Columns[1] {
		for _, c := range v.Clusters {
			if pool := c.GetWorkloadIdentityConfig().GetWorkloadPool(); pool != "" && strings.Contains(b.ID, "/workloadIdentityPools/"+pool+"/") {
				p.wire(wire{From: c.Name, To: b.ID, Class: "wire"})
			}
		}
	}
}

func pendingClass(pending bool) string {
	if pending {
		return "wire pending"
	}
	return "wire"
}

// wire joins two boxes. One that is there already stays: two grants may say the same.
func (p *picture) wire(w wire) {
	if !p.joined[w] {
		p.joined[w] = true
		p.Wires = append(p.Wires, w)
	}
}

// place gives the boxes their corners.
func (p *picture) place() {
	for column := range p.Columns {
		y := headHeight
		for row := range p.Columns[column] {
			b := &p.Columns[column][row]
			b.X, b.Y = pictureMargin+column*(boxWidth+columnGap), y
			y += b.Height + rowGap
		}
		p.height = max(p.height, y)
	}
}

// Headings are those of the columns, by where they begin.
func (p picture) Headings() map[int]string {
	return map[int]string{
		pictureMargin:                          "Runs",
		pictureMargin + boxWidth + columnGap:   "Identity",
		pictureMargin + 2*(boxWidth+columnGap): "Secrets it may read",
	}
}

// Width and Height are the picture's, in the units of its view box.
func (p picture) Width() int { return 2*pictureMargin + 3*boxWidth + 2*columnGap }

// Height is that of the longest column.
func (p picture) Height() int { return p.height + pictureMargin }

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
		x1, y1, x2, y2 := from.X+boxWidth, from.Y+from.Height/2, to.X, to.Y+to.Height/2
		// Numbers and words of ours only, so it needs no escaping: nothing here comes from a client.
		paths = append(paths, template.HTMLAttr(fmt.Sprintf(`class="%s" d="M%d %d C%d %d %d %d %d %d"`, w.Class, x1, y1, x1+75, y1, x2-75, y2, x2, y2)))
	}
	return paths
}

// Lines are the box's texts, each cut to what fits: SVG does not wrap.
func (b box) Lines() []boxLine {
	note := b.Kind
	if b.Note != "" {
		note += " · " + b.Note
	}
	lines := []boxLine{{"label", 19, shorten(b.Label, 36)}, {"note", 35, shorten(note, 44)}}
	if b.More != "" {
		lines = append(lines, boxLine{"note", 51, shorten(b.More, 44)})
	}
	return lines
}

// boxLine is a line of text, Y below the top of its box.
type boxLine struct {
	Class string
	Y     int
	Text  string
}

// shorten cuts a text to so many characters, the last of which says so.
func shorten(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}
