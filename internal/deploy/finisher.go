package deploy

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Finisher holds back the last write of every create, the one that takes the creating mark off, until Terraform ends
// the provider.
//
// A finished object is never taken over, and Terraform and OpenTofu may save a state as late as 20 seconds after, or at
// the end of the run. Were the mark taken off at once, a run that is killed in between would leave finished objects that
// no state knows and that the next run has to refuse. So they stay unfinished for as long as the process lives: a killed
// process leaves its marks, and the next run goes on.
type Finisher struct {
	mu      sync.Mutex
	pending []func(context.Context) error
}

// Finish does the writes that were held back, side by side. What fails, or does not end in time, shows in the next plan
// as a create that has to be finished.
func (f *Finisher) Finish(ctx context.Context) error {
	f.mu.Lock()
	pending := f.pending
	f.pending = nil
	f.mu.Unlock()
	failures := make([]error, len(pending))
	var group errgroup.Group
	for i, write := range pending {
		group.Go(func() error {
			failures[i] = write(ctx)
			return nil
		})
	}
	_ = group.Wait() // every failure is kept above
	return errors.Join(failures...)
}

// holdsMarks tells whether creates leave their marks to the Finisher.
func (c *Cloud) holdsMarks() bool { return c.Finisher != nil }

// endCreate takes the mark of a create off: now, or when the Finisher says so.
func (c *Cloud) endCreate(ctx context.Context, write func(context.Context) error) error {
	if !c.holdsMarks() {
		return write(ctx)
	}
	c.Finisher.mu.Lock()
	defer c.Finisher.mu.Unlock()
	c.Finisher.pending = append(c.Finisher.pending, write)
	return nil
}
