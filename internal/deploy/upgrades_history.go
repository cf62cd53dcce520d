package deploy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"k8s.io/apimachinery/pkg/util/version"
)

// parseGKEVersion reads a full version: 1.34.5-gke.100. Its order is that of semantic versions, where the number after
// gke compares as a number.
func parseGKEVersion(text string) (*version.Version, error) {
	v, err := version.ParseSemantic(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a GKE version such as 1.34.5-gke.100", text)
	}
	return v, nil
}

// upgradePart is a control plane or a node pool: what has a version of its own.
type upgradePart struct {
	what    string
	version string
	history []*containerpb.UpgradeDetails
}

// versionSpan is a time in which a part had a version.
type versionSpan struct {
	text    string
	version *version.Version
	// since is when it began. It is exact where GKE tells it; otherwise it is the latest time that it can have been, or
	// zero when nothing is known.
	since time.Time
	exact bool
}

// spans are the versions that a part has had, the present one first, as far back as GKE's history leads without a gap. The
// history holds recent and automatic upgrades, so it may say nothing of the present version. born is the version that
// the cluster was created with.
//
// An upgrade of nodes that runs, or failed and was not repeated, has left nodes at its initial version: that counts.
func (p upgradePart) spans(born string, created time.Time) ([]versionSpan, error) {
	history := slices.Clone(p.history)
	slices.SortStableFunc(history, func(a, b *containerpb.UpgradeDetails) int {
		return b.GetStartTime().AsTime().Compare(a.GetStartTime().AsTime())
	})
	now := p.version
	if len(history) > 0 && history[0].GetState() != containerpb.UpgradeDetails_SUCCEEDED {
		var err error
		if now, err = lowerVersion(now, history[0].GetInitialVersion()); err != nil {
			return nil, fmt.Errorf("%s: %w", p.what, err)
		}
	}
	span, err := newSpan(now)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.what, err)
	}
	var spans []versionSpan
	for _, upgrade := range history {
		if upgrade.GetState() != containerpb.UpgradeDetails_SUCCEEDED {
			continue
		}
		if upgrade.GetTargetVersion() != span.text {
			return append(spans, span), nil // something changed the version that GKE does not tell
		}
		span.since, span.exact = upgrade.GetEndTime().AsTime(), true
		spans = append(spans, span)
		before, err := newSpan(upgrade.GetInitialVersion())
		if err != nil {
			return spans, nil //nolint:nilerr // what was before cannot be compared, what came then can
		}
		before.since = upgrade.GetStartTime().AsTime()
		span = before
	}
	if span.text == born && !created.IsZero() {
		span.since, span.exact = created, true
	}
	return append(spans, span), nil
}

func newSpan(text string) (versionSpan, error) {
	v, err := parseGKEVersion(text)
	return versionSpan{text: text, version: v}, err
}

func lowerVersion(a, b string) (string, error) {
	va, err := parseGKEVersion(a)
	if err != nil {
		return "", err
	}
	vb, err := parseGKEVersion(b)
	if err != nil {
		return "", err
	}
	if vb.LessThan(va) {
		return b, nil
	}
	return a, nil
}

// atLeastSince is the span in which a part came to a version or a later one, and has not been below it since.
func atLeastSince(spans []versionSpan, v *version.Version) (first versionSpan, ok bool) {
	for _, span := range spans {
		if span.version.LessThan(v) {
			break
		}
		first, ok = span, true
	}
	return first, ok
}

// upgradeCluster is the other cluster as it was read.
type upgradeCluster struct {
	cluster *containerpb.Cluster
	info    *containerpb.ClusterUpgradeInfo
	pools   map[string]*containerpb.NodePoolUpgradeInfo
}

// gone tells whether the cluster is of no use, so that what it ran proves nothing.
func (c upgradeCluster) gone() bool {
	switch c.cluster.GetStatus() {
	case containerpb.Cluster_STOPPING, containerpb.Cluster_ERROR, containerpb.Cluster_PROVISIONING:
		return true
	default:
		return false
	}
}

// parts are the control plane and every node pool: a version has been run when its nodes have run it too.
func (c upgradeCluster) parts() []upgradePart {
	parts := []upgradePart{{"the control plane", c.cluster.GetCurrentMasterVersion(), c.info.GetUpgradeDetails()}}
	for _, pool := range c.cluster.GetNodePools() {
		if pool.GetStatus() == containerpb.NodePool_STOPPING {
			continue
		}
		parts = append(parts, upgradePart{
			fmt.Sprintf("node pool %q", pool.GetName()), pool.GetVersion(), c.pools[pool.GetName()].GetUpgradeDetails(),
		})
	}
	return parts
}

// spans are those of every part, in the order of parts.
func (c upgradeCluster) spans() ([][]versionSpan, error) {
	created, _ := time.Parse(time.RFC3339, c.cluster.GetCreateTime()) // zero: not known
	var all [][]versionSpan
	for _, part := range c.parts() {
		spans, err := part.spans(c.cluster.GetInitialClusterVersion(), created)
		if err != nil {
			return nil, err
		}
		all = append(all, spans)
	}
	return all, nil
}

// lowest is the lowest version that a part runs now, and which part that is.
func (c upgradeCluster) lowest() (v *version.Version, what string, err error) {
	all, err := c.spans()
	if err != nil {
		return nil, "", err
	}
	for i, part := range c.parts() {
		if now := all[i][0].version; v == nil || now.LessThan(v) {
			v, what = now, part.what
		}
	}
	return v, what, nil
}

// since is the time since which no part has been below a version. What GKE does not tell counts from when this provider
// first saw it, which the last decision holds.
func (c upgradeCluster) since(v *version.Version, f upgradeFacts) time.Time {
	all, err := c.spans()
	if err != nil {
		return f.now
	}
	var latest time.Time
	for _, spans := range all {
		span, ok := atLeastSince(spans, v)
		if !ok {
			return f.now
		}
		if since := f.sinceSpan(span, v); since.After(latest) {
			latest = since
		}
	}
	return latest.UTC().Truncate(time.Second)
}

func (f upgradeFacts) sinceSpan(span versionSpan, v *version.Version) time.Time {
	if span.exact {
		return span.since
	}
	seen := f.now
	if last, err := parseGKEVersion(f.rule.Last.Running); err == nil && !last.LessThan(v) && !f.rule.Last.RunningSince.IsZero() {
		seen = f.rule.Last.RunningSince
	}
	if !span.since.IsZero() && span.since.Before(seen) {
		return span.since
	}
	return seen
}

// soaked tells whether every part has been at a version or a later one for long enough. A part whose history has been
// forgotten is believed if the version had soaked before.
func (c upgradeCluster) soaked(all [][]versionSpan, v *version.Version, f upgradeFacts) bool {
	last, err := parseGKEVersion(f.rule.Last.Soaked)
	before := err == nil && !last.LessThan(v)
	for _, spans := range all {
		span, ok := atLeastSince(spans, v)
		if !ok {
			return false
		}
		if !span.exact && before {
			continue
		}
		if f.sinceSpan(span, v).Add(f.rule.Soak).After(f.now) {
			return false
		}
	}
	return true
}

// soakVersion is the version that must have been run for a target to count as soaked.
func (r UpgradeAfter) soakVersion(v *version.Version) *version.Version {
	if r.Granularity == UpgradeByMinor {
		return version.MajorMinor(v.Major(), v.Minor())
	}
	return v
}

// fill says what the other cluster runs and what of it has soaked: the highest version that it has had, and that no part
// of it is below now.
func (c upgradeCluster) fill(d *UpgradeDecision, f upgradeFacts) {
	d.Soaked, d.Running, d.RunningSince = "", "", time.Time{}
	all, err := c.spans()
	if err != nil {
		return
	}
	lowest, _, err := c.lowest()
	if err != nil {
		return
	}
	var candidates []versionSpan
	for _, spans := range all {
		if spans[0].version.EqualTo(lowest) {
			d.Running, d.RunningSince = spans[0].text, c.since(lowest, f)
		}
		candidates = append(candidates, spans...)
	}
	if last, err := newSpan(f.rule.Last.Soaked); err == nil {
		candidates = append(candidates, last)
	}
	slices.SortStableFunc(candidates, func(a, b versionSpan) int {
		return cmp.Or(boolCompare(a.version.LessThan(b.version), b.version.LessThan(a.version)), cmp.Compare(a.text, b.text))
	})
	for _, candidate := range candidates {
		if !lowest.LessThan(candidate.version) && c.soaked(all, f.rule.soakVersion(candidate.version), f) {
			d.Soaked = candidate.text
			return
		}
	}
}

// boolCompare sorts the higher version first.
func boolCompare(lower, higher bool) int {
	switch {
	case lower:
		return 1
	case higher:
		return -1
	default:
		return 0
	}
}
