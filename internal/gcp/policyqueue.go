package gcp

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// policyQueue collects the changes to one policy. One goroutine at a time works on it, so that changes of this
// process never meet each other, and all that is pending goes out in one write.
type policyQueue struct {
	mu      sync.Mutex
	pending []*policyChange
	arrived int // changes that ever came in, so that the worker sees whether another one did
	running bool
	wake    context.CancelFunc // ends the worker's pause, when it pauses
	runs    int                // announced runs that have not ended
}

// policyChange is one caller's wish: grants that are to be in the policy, and grants that are not to be in it.
type policyChange struct {
	ctx       context.Context
	add, drop []Grant
	existing  bool       // the members should be there: a missing one is waited for no longer than MemberGrace
	newObject bool       // this run made the policy's object: it is waited for however long IAM does not know it
	done      chan error // buffered: the caller may be gone

	last     atomic.Pointer[error] // why it is still waiting
	tries    int                   // how often it had to wait
	failures int                   // transient failures in a row
	due      time.Time             // when it is tried again; zero for at once
	held     bool                  // its member is missing: it does not join the others' writes before it is due
	passed   int                   // rounds in a row in which it was put off because members of others were missing
	missing  time.Time             // when IAM first did not know a member; zero until then
	unknown  time.Time             // when IAM first did not know the policy's object; zero until then
}

// ended is the answer to a caller whose context has ended.
func (c *policyChange) ended(ref PolicyRef) error {
	var last error
	if p := c.last.Load(); p != nil {
		last = *p
	}
	return fmt.Errorf("changing the policy of %s: %w", ref, ended(context.Cause(c.ctx), last))
}

// wait has the change tried again after its next pause.
func (c *policyChange) wait(now time.Time, b Backoff, held bool) {
	c.due, c.held = now.Add(b.next(c.tries)), held
	c.tries++
}

func (p *Policies) change(ref PolicyRef, c *policyChange) error {
	if len(c.add) == 0 && len(c.drop) == 0 {
		return nil
	}
	if err := refusePublicMember(ref, c.add); err != nil {
		return err
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
	q.arrived++
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
	fruitless := 0 // rounds in a row that met missing members, and none that had become known
	for {
		p.gather(q, len(waiting) > 0)
		fresh, goOn := q.take(len(waiting) > 0)
		if !goOn {
			return
		}
		ready, held := p.ready(dropEnded(ref, append(waiting, fresh...)))
		round := &policyRound{p: p, ref: ref}
		waiting = append(held, round.run(ready)...)
		fruitless = round.pace(waiting, fruitless)
		if len(waiting) > 0 {
			p.pause(q, waiting)
		}
	}
}

// The window in which changes gather before a write. Terraform begins many resources at about the same time, and a
// policy takes about one write in a second: so a write waits until nothing has come in for a quarter of the poll interval
// (250 ms), and for four times that at most. While fewer than half of the announced runs have come with their changes, it
// waits for up to three poll intervals: runs that IAM answers at different speeds would get a write each otherwise. It is no
// wait for IAM: nothing is assumed to be true after it.
const (
	gatherFraction = 4
	gatherWindows  = 4
	gatherAtMost   = 3 * gatherFraction
)

// gather waits until no change has come in for a window, if any is pending. With others waiting out a conflict it never
// waits for announced runs: only who tries often gets through.
func (p *Policies) gather(q *policyQueue, conflict bool) {
	window := p.c.opts.PollInterval / gatherFraction
	for n := 1; n <= gatherAtMost; n++ {
		q.mu.Lock()
		pending, arrived := q.pending, q.arrived
		q.mu.Unlock()
		if len(pending) == 0 {
			return
		}
		_ = p.c.opts.Clock.Sleep(context.WithoutCancel(pending[0].ctx), window) // never longer than the windows together
		q.mu.Lock()
		quiet := q.arrived == arrived
		few := !conflict && 2*len(q.pending) < q.runs
		q.mu.Unlock()
		if !few && (quiet || n >= gatherWindows) {
			return
		}
	}
}

// Announce tells the policies that a run has begun which changes them, until done is called. Terraform runs a limited number
// of resources at a time, so that runs which are past their change count, too: when they end others begin.
func (p *Policies) Announce(refs ...PolicyRef) (done func()) {
	count := func(by int) {
		for _, ref := range refs {
			q := p.queue(ref)
			q.mu.Lock()
			q.runs += by
			q.mu.Unlock()
		}
	}
	count(1)
	return func() { count(-1) }
}

// ready gives the changes of the next write. Those that wait out a conflict join any write; those whose member is missing
// would only have it refused, so they wait until they are due.
func (p *Policies) ready(waiting []*policyChange) (ready, held []*policyChange) {
	now := p.c.opts.Clock.Now()
	for _, c := range waiting {
		if c.held && now.Before(c.due) {
			held = append(held, c)
		} else {
			ready = append(ready, c)
		}
	}
	return ready, held
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

// pause waits before the next round: until the first change is due, a new one comes in or one of the contexts ends.
func (p *Policies) pause(q *policyQueue, waiting []*policyChange) {
	ctx, wake := context.WithCancel(context.WithoutCancel(waiting[0].ctx))
	defer wake()
	first := waiting[0].due
	for _, c := range waiting {
		defer context.AfterFunc(c.ctx, wake)()
		if c.due.Before(first) {
			first = c.due
		}
	}
	q.mu.Lock()
	if len(q.pending) > 0 {
		wake()
	}
	q.wake = wake
	q.mu.Unlock()
	_ = p.c.opts.Clock.Sleep(ctx, max(0, first.Sub(p.c.opts.Clock.Now()))) // why it woke shows in the next round
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
