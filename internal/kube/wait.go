package kube

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// tolerance is how many failures in a row a call or a wait takes while the API server is restarted or moved.
	tolerance = 4
	// maxPause is the longest pause, in poll intervals.
	maxPause = 8
)

// retry repeats a call that may be repeated (every call of this package may: writes are applies and deletes) while
// the server answers that it cannot serve at the moment.
func (c *Client) retry(ctx context.Context, call func(context.Context) error) error {
	for attempt := 0; ; attempt++ {
		err := call(ctx)
		if err == nil || !IsTransient(err) || attempt >= tolerance {
			return err
		}
		if cause := c.clock.Sleep(ctx, c.pause(attempt)); cause != nil {
			return ended(cause, err)
		}
	}
}

// poll looks until look reports done, fails, or ctx ends; what names the thing waited for. It looks at least once.
// progress may tell what the last look found, for the error of a wait that ends too early.
func (c *Client) poll(ctx context.Context, what string, look func(context.Context) (done bool, progress error, err error)) error {
	for attempt := 0; ; attempt++ {
		done, progress, err := look(ctx)
		if err != nil || done {
			return err
		}
		if cause := c.clock.Sleep(ctx, c.pause(attempt)); cause != nil {
			return fmt.Errorf("waiting for %s: %w", what, ended(cause, progress))
		}
	}
}

// pause grows from one interval to maxPause of them.
func (c *Client) pause(attempt int) time.Duration {
	return c.interval * time.Duration(min(1+attempt/2, maxPause))
}

// ended joins why the waiting ended with what it waited out.
func ended(cause, last error) error {
	if last == nil || errors.Is(last, cause) {
		return cause
	}
	return fmt.Errorf("%w; the last look showed: %w", cause, last)
}
