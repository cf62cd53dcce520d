package fakegcp

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// notices are the settings under which things go other than by themselves. The caller holds the lock.
func (s *Server) notices() []string {
	all := s.clock.notices()
	for _, f := range s.Faults() {
		all = append(all, joinWords("fault:", f.Fault.String(), f.Fault.Method, f.Fault.Resource))
	}
	for _, r := range s.rules {
		all = append(all, joinWords("operations ruled:", cmp.Or(r.Kind, "any kind"), r.Target))
	}
	for _, l := range s.latencies {
		all = append(all, joinWords("answered", l.Duration.String(), "late:", cmp.Or(l.Method, "every call"), l.Resource))
	}
	for _, zone := range slices.Sorted(maps.Keys(s.clusters.stockout)) {
		if s.clusters.stockout[zone] {
			all = append(all, "no machines in "+cmp.Or(zone, "any zone"))
		}
	}
	all = append(all, s.denials()...)
	for _, image := range slices.Sorted(maps.Keys(s.images)) {
		all = append(all, "image "+image+": "+string(s.images[image]))
	}
	if d := s.options.PropagationDelay; d > 0 {
		all = append(all, "policies take "+d.String()+" to be effective")
	}
	return all
}

// denials words the permissions that are denied and the APIs that are disabled.
func (s *Server) denials() []string {
	var all []string
	for d, on := range s.denied {
		switch {
		case !on:
		case strings.HasSuffix(d.permission, apiSuffix):
			all = append(all, "API disabled: "+d.permission)
		case d.principal == "":
			all = append(all, "denied: "+d.permission)
		default:
			all = append(all, "denied: "+d.permission+" to "+d.principal)
		}
	}
	slices.Sort(all)
	return all
}

// notices says where the virtual clock has left its base.
func (c *virtualClock) notices() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	switch ahead := c.now().Sub(c.base.Now()).Round(time.Second); {
	case ahead > 0:
		all = append(all, fmt.Sprintf("clock %s ahead", ahead))
	case ahead < 0:
		all = append(all, fmt.Sprintf("clock %s behind", -ahead))
	}
	switch c.speed {
	case 0:
		all = append(all, "clock stopped")
	case 1:
	default:
		all = append(all, fmt.Sprintf("clock runs ×%v", c.speed))
	}
	return all
}

// joinWords puts spaces between the words that are not empty.
func joinWords(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}
