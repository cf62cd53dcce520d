package gcp

import (
	"errors"
	"slices"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
)

// policyTolerance is how many transient failures in a row one change takes. A read-modify-write with an etag may be
// repeated whatever became of the first. "Not found" counts as one, because a new account can be unknown to IAM.
const policyTolerance = 5

// refusalsPerRound is how often one round takes a missing member out and writes the rest. With many new accounts each
// of them would cost a refused write otherwise, again and again.
const refusalsPerRound = 4

// errNotSeen is why a change that was written is not done.
var errNotSeen = errors.New("the grants were written, but the policy that was read after that is not as it was written: " +
	"another writer took the change back, or the read was behind")

// policyRound is one try of all changes that are ready.
type policyRound struct {
	p        *Policies
	ref      PolicyRef
	refusals int  // writes that were refused for a missing member
	known    bool // a member that had been missing no longer is
}

// maxPassed is in how many rounds a change may be put off because members of others are missing.
const maxPassed = 3

// run tries the changes. Those that were put off too often go first and by themselves: the members that are named in
// refusals may be the same ones for ever, and the others must not wait for them.
func (r *policyRound) run(changes []*policyChange) []*policyChange {
	var first, rest []*policyChange
	for _, c := range changes {
		if c.passed >= maxPassed {
			first = append(first, c)
		} else {
			rest = append(rest, c)
		}
	}
	left := r.attempt(first)
	return append(left, r.attempt(rest)...)
}

// attempt tries changes together and gives those that have to wait. A member that IAM does not know is taken out with its
// change; when something else is refused, halves find out whose fault it is, so that the others still share writes.
func (r *policyRound) attempt(changes []*policyChange) []*policyChange {
	if len(changes) == 0 {
		return nil
	}
	unseen, read, err := r.p.write(r.ref, changes)
	switch {
	case err == nil:
		r.known = r.known || slices.ContainsFunc(changes, func(c *policyChange) bool { return c.held })
		return r.p.settleWritten(changes, unseen)
	case len(changes) == 1, read, !isContent(err):
		return r.p.settle(r.ref, changes, err)
	}
	if refused, rest := refusedFor(changes, err); len(refused) > 0 {
		for _, c := range refused {
			c.passed = 0
		}
		left := r.p.settle(r.ref, refused, err)
		if r.refusals++; r.refusals < refusalsPerRound {
			return append(left, r.attempt(rest)...)
		}
		return append(left, r.postpone(rest, err)...)
	}
	half := len(changes) / 2
	left := r.attempt(changes[:half])
	return append(left, r.attempt(changes[half:])...)
}

// postpone keeps changes whose members may be as unknown as those that were refused for the next round. What only takes
// grants out needs no member, so it is tried.
func (r *policyRound) postpone(changes []*policyChange, err error) []*policyChange {
	var out, left []*policyChange
	for _, c := range changes {
		if len(c.add) == 0 {
			out = append(out, c)
			continue
		}
		c.last.Store(&err)
		c.held = true
		c.passed++
		left = append(left, c)
	}
	return append(left, r.attempt(out)...)
}

// pace sets when the changes whose members are missing are tried again: all at one time, later after every round that was
// fruitless, and at once when a member has become known. Accounts that were made together become known together, and so
// share a write.
func (r *policyRound) pace(waiting []*policyChange, fruitless int) int {
	if r.refusals == 0 && !r.known {
		return fruitless
	}
	due := r.p.c.opts.Clock.Now()
	if r.known {
		fruitless = 0
	} else {
		due = due.Add(r.p.c.backoff().next(fruitless))
		fruitless++
	}
	for _, c := range waiting {
		if c.held {
			c.due = due
		}
	}
	return fruitless
}

// isContent tells whether a failure may come from what was written, and so from one change only.
func isContent(err error) bool {
	switch Classify(err) {
	case Invalid, FailedPrecondition, PermissionDenied, Unknown:
		return true // denied, too: a caller may be allowed to grant some roles only
	default:
		return false
	}
}

// refusedFor parts the changes that a refusal for a missing member names from the others.
func refusedFor(changes []*policyChange, err error) (refused, rest []*policyChange) {
	if !isMemberMissing(err) {
		return nil, changes
	}
	for _, c := range changes {
		if memberNamed(c.add, err) != "" {
			refused = append(refused, c)
		} else {
			rest = append(rest, c)
		}
	}
	return refused, rest
}

// settleWritten ends the changes that the policy shows and gives the others another try.
func (p *Policies) settleWritten(changes []*policyChange, unseen map[*policyChange]bool) []*policyChange {
	var left []*policyChange
	for _, c := range changes {
		if !unseen[c] {
			c.done <- nil
			continue
		}
		err := errNotSeen
		c.last.Store(&err)
		c.failures = 0
		c.wait(p.c.opts.Clock.Now(), p.conflictBackoff(), false)
		left = append(left, c)
	}
	return left
}

// settle ends the changes that have failed for good and gives those that wait for another try.
func (p *Policies) settle(ref PolicyRef, changes []*policyChange, err error) []*policyChange {
	var left []*policyChange
	now := p.c.opts.Clock.Now()
	for _, c := range changes {
		backoff := p.c.backoff()
		if c.ctx.Err() != nil {
			left = append(left, c) // dropEnded answers it
			continue
		}
		c.last.Store(&err)
		missing := isMemberMissing(err)
		switch {
		case missing && graceEnded(&c.missing, now) && c.existing:
			c.done <- &MissingMemberError{Member: memberNamed(c.add, err), Err: err}
			continue
		case Classify(err) == Conflict:
			backoff, c.failures = p.conflictBackoff(), 0
		case missing, c.outwaits(ref, err, now):
			c.failures = 0
		case IsRateLimited(err): // the next minute has a quota of its own
			c.failures = 0
		case (IsTransient(err) || c.young(ref, err)) && c.failures < policyTolerance:
			c.failures++
		default:
			c.done <- err
			continue
		}
		c.wait(now, backoff, missing)
		left = append(left, c)
	}
	return left
}

// conflictBackoff begins with an eighth of the poll interval (125 ms): what was in the way of a write is over when it is
// refused, and only who tries often gets through to a policy that others write all the time.
func (p *Policies) conflictBackoff() Backoff {
	b := p.c.backoff()
	b.Initial /= 8
	return b
}

// young tells that the object of a policy may be too new to be known everywhere.
func (c *policyChange) young(ref PolicyRef, err error) bool {
	return ref.Kind != ServiceAccountPolicy && len(c.add) > 0 && IsNotFound(err)
}

// outwaits tells whether a change waits for the service account whose policy it is for: one that is new is unknown to IAM
// for a while, which says "not found" or "denied, or it may not exist".
func (c *policyChange) outwaits(ref PolicyRef, err error, now time.Time) bool {
	if ref.Kind != ServiceAccountPolicy || len(c.add) == 0 || !IsNotVisible(err) {
		return false
	}
	return !graceEnded(&c.unknown, now) || c.newObject
}

// graceEnded notes when something was first unknown, and tells whether that is longer than MemberGrace ago.
func graceEnded(since *time.Time, now time.Time) bool {
	if since.IsZero() {
		*since = now
	}
	return now.Sub(*since) >= MemberGrace
}

// write reads the policy, applies the changes, writes it back if that changed anything, and reads it again: a grant is
// there when a read shows it, not when a write was answered. unseen are the changes that the last read does not show; read
// tells that it was reading that failed.
func (p *Policies) write(ref PolicyRef, changes []*policyChange) (unseen map[*policyChange]bool, read bool, err error) {
	ctx, stop := whileAnyone(changes)
	defer stop()
	policy, err := p.get(ctx, ref)
	if err != nil {
		return nil, true, err
	}
	if !applyChanges(policy, changes) {
		return nil, false, nil
	}
	if len(policy.GetEtag()) == 0 {
		return nil, false, errNoEtag
	}
	policy.Version = policyVersion
	written, err := p.set(ctx, ref, policy)
	p.forget(ref)
	if err != nil {
		return nil, false, err
	}
	seen, err := p.get(ctx, ref)
	if err != nil {
		return nil, true, err
	}
	if len(written.GetEtag()) > 0 && string(seen.GetEtag()) == string(written.GetEtag()) {
		return nil, false, nil
	}
	unseen = unseenIn(seen, changes)
	for c := range unseenIn(policy, changes) {
		delete(unseen, c) // a later change of the same write took it back
	}
	return unseen, false, nil
}

func unseenIn(policy *iampb.Policy, changes []*policyChange) map[*policyChange]bool {
	unseen := map[*policyChange]bool{}
	has := func(g Grant) bool { return policyHas(policy, g) }
	lacks := func(g Grant) bool { return !policyHas(policy, g) }
	for _, c := range changes {
		if slices.ContainsFunc(c.add, lacks) || slices.ContainsFunc(c.drop, has) {
			unseen[c] = true
		}
	}
	return unseen
}

func applyChanges(policy *iampb.Policy, changes []*policyChange) bool {
	changed := false
	for _, c := range changes {
		for _, g := range c.add {
			changed = addGrant(policy, g) || changed
		}
		for _, g := range c.drop {
			changed = removeGrant(policy, g) || changed
		}
	}
	return changed
}
