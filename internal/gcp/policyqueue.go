package gcp

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
)

// policyQueue collects the changes to one policy. One goroutine at a time works on it, so that changes of this
// process never meet each other, and all that is pending goes out in one write.
type policyQueue struct {
	mu      sync.Mutex
	pending []*policyChange
	running bool
	wake    context.CancelFunc // ends the worker's pause, when it pauses
}

// policyChange is one caller's wish.
type policyChange struct {
	ctx      context.Context
	grants   []Grant
	remove   bool
	existing bool       // the members should be there: a missing one is waited for no longer than MemberGrace
	done     chan error // buffered: the caller may be gone

	last     atomic.Pointer[error] // why it is still waiting
	failures int                   // transient failures in a row
	alone    bool                  // held up a common write once: written by itself from then on
	missing  time.Time             // when IAM first did not know a member; zero until then
}

// ended is the answer to a caller whose context has ended.
func (c *policyChange) ended(ref PolicyRef) error {
	var last error
	if p := c.last.Load(); p != nil {
		last = *p
	}
	return fmt.Errorf("changing the policy of %s: %w", ref, ended(context.Cause(c.ctx), last))
}

// policyTolerance is how many transient failures in a row one change takes. A read-modify-write with an etag may be
// repeated whatever became of the first. "Not found" counts as one, because a new account can be unknown to IAM.
const policyTolerance = 5

func (p *Policies) change(ref PolicyRef, c *policyChange) error {
	if len(c.grants) == 0 {
		return nil
	}
	c.done = make(chan error, 1)
	q := p.queue(ref)
	q.submit(c, func() { p.work(ref, q) })
	select {
	case err := <-c.done:
		return err
	case <-c.ctx.Done():
		return c.ended(ref)
	}
}

func (p *Policies) queue(ref PolicyRef) *policyQueue {
	p.mu.Lock()
	defer p.mu.Unlock()
	q, ok := p.queues[ref]
	if !ok {
		q = &policyQueue{}
		p.queues[ref] = q
	}
	return q
}

// submit adds a change, and starts the worker when none is running.
func (q *policyQueue) submit(c *policyChange, work func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending = append(q.pending, c)
	switch {
	case !q.running:
		q.running = true
		go work()
	case q.wake != nil:
		q.wake()
	}
}

// take gives everything that is pending. Without anything pending or waiting the worker has to end.
func (q *policyQueue) take(waiting bool) (fresh []*policyChange, goOn bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	fresh, q.pending = q.pending, nil
	q.running = waiting || len(fresh) > 0
	return fresh, q.running
}

// work writes what is pending until nothing is left.
func (p *Policies) work(ref PolicyRef, q *policyQueue) {
	var waiting []*policyChange
	for attempt := 0; ; attempt++ {
		fresh, goOn := q.take(len(waiting) > 0)
		if !goOn {
			return
		}
		waiting = p.round(ref, dropEnded(ref, append(waiting, fresh...)))
		if len(waiting) > 0 {
			p.pause(q, waiting, attempt)
		}
	}
}

// round tries every waiting change once: those without trouble together, the others one by one. It gives the changes
// that have to wait.
func (p *Policies) round(ref PolicyRef, waiting []*policyChange) []*policyChange {
	var together, alone, left []*policyChange
	for _, c := range waiting {
		if c.alone {
			alone = append(alone, c)
		} else {
			together = append(together, c)
		}
	}
	if err := p.write(ref, together); len(together) > 1 && err != nil && Classify(err) != Conflict {
		// One of them may be at fault: from now on each answers for itself.
		alone = append(together, alone...)
	} else {
		left = append(left, settle(ref, together, err, p.c.opts.Clock.Now())...)
	}
	for _, c := range alone {
		c.alone = true
		err := p.write(ref, []*policyChange{c})
		left = append(left, settle(ref, []*policyChange{c}, err, p.c.opts.Clock.Now())...)
	}
	return left
}

// settle ends the changes that are done or have failed for good and gives those that wait for another try.
func settle(ref PolicyRef, changes []*policyChange, err error, now time.Time) []*policyChange {
	var left []*policyChange
	for _, c := range changes {
		if err == nil {
			c.done <- nil
			continue
		}
		if c.ctx.Err() != nil {
			left = append(left, c) // dropEnded answers it
			continue
		}
		c.last.Store(&err)
		switch {
		case isMemberMissing(err) && c.graceEnded(now):
			c.done <- &MissingMemberError{Member: memberNamed(c.grants, err), Err: err}
		case Classify(err) == Conflict, isMemberMissing(err):
			c.failures = 0
			left = append(left, c)
		case (IsTransient(err) || !c.remove && isYoung(ref, err)) && c.failures < policyTolerance:
			c.failures++
			left = append(left, c)
		default:
			c.done <- err
		}
	}
	return left
}

// graceEnded tells, at each refusal for a member that IAM does not know, whether there were such for long enough.
func (c *policyChange) graceEnded(now time.Time) bool {
	if c.missing.IsZero() {
		c.missing = now
	}
	return c.existing && now.Sub(c.missing) >= MemberGrace
}

// isYoung tells that the object of a policy may be too new to be known everywhere.
func isYoung(ref PolicyRef, err error) bool {
	return IsNotFound(err) || ref.Kind == ServiceAccountPolicy && IsNotVisible(err)
}

// write reads the policy, applies the changes, and writes it back if that changed anything.
func (p *Policies) write(ref PolicyRef, changes []*policyChange) error {
	if len(changes) == 0 {
		return nil
	}
	ctx, stop := whileAnyone(changes)
	defer stop()
	policy, err := p.get(ctx, ref)
	if err != nil {
		return err
	}
	if !applyChanges(policy, changes) {
		return nil
	}
	if len(policy.GetEtag()) == 0 {
		return errNoEtag
	}
	policy.Version = policyVersion
	return p.set(ctx, ref, policy)
}

func applyChanges(policy *iampb.Policy, changes []*policyChange) bool {
	changed := false
	for _, c := range changes {
		apply := addGrant
		if c.remove {
			apply = removeGrant
		}
		for _, g := range c.grants {
			changed = apply(policy, g) || changed
		}
	}
	return changed
}

// dropEnded answers the changes whose context has ended and gives the others.
func dropEnded(ref PolicyRef, changes []*policyChange) []*policyChange {
	var live []*policyChange
	for _, c := range changes {
		if c.ctx.Err() == nil {
			live = append(live, c)
			continue
		}
		c.done <- c.ended(ref)
	}
	return live
}

// pause waits before the next round: until a new change comes in or one of the contexts ends, at the latest.
func (p *Policies) pause(q *policyQueue, waiting []*policyChange, attempt int) {
	ctx, wake := context.WithCancel(context.WithoutCancel(waiting[0].ctx))
	defer wake()
	for _, c := range waiting {
		defer context.AfterFunc(c.ctx, wake)()
	}
	q.mu.Lock()
	if len(q.pending) > 0 {
		wake()
	}
	q.wake = wake
	q.mu.Unlock()
	_ = p.c.opts.Clock.Sleep(ctx, p.c.backoff().next(attempt)) // why it woke shows in the next round
	q.mu.Lock()
	q.wake = nil
	q.mu.Unlock()
}

// whileAnyone is a context that ends when every caller's has.
func whileAnyone(changes []*policyChange) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(changes[0].ctx))
	var mu sync.Mutex
	live := len(changes)
	stops := []func() bool{}
	for _, c := range changes {
		stops = append(stops, context.AfterFunc(c.ctx, func() {
			mu.Lock()
			defer mu.Unlock()
			if live--; live == 0 {
				cancel()
			}
		}))
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}
