package gcp

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
)

// Backoff says how long to pause between attempts. Each pause is drawn between half and the whole of the current
// length, so that callers that met a conflict together do not meet again.
type Backoff struct {
	Initial, Max time.Duration
	Factor       float64
	// Attempts bounds the number of tries; zero means until the context ends.
	Attempts int
}

// next gives the pause after the given attempt (0 is the first).
func (b Backoff) next(attempt int) time.Duration {
	d := float64(b.Initial)
	for range attempt {
		if d *= b.Factor; d >= float64(b.Max) {
			d = float64(b.Max)
			break
		}
	}
	return time.Duration(d/2 + rand.Float64()*d/2)
}

// Retry calls f until it succeeds, fails with something that is not retryable, the attempts are used up, or ctx
// ends. When ctx ends the error holds both the context's cause and the last failure.
func Retry(ctx context.Context, clk clock.Clock, b Backoff, retryable func(error) bool, f func(context.Context) error) error {
	for attempt := 0; ; attempt++ {
		err := f(ctx)
		if err == nil || !retryable(err) {
			return err
		}
		if b.Attempts > 0 && attempt+1 >= b.Attempts {
			return err
		}
		if cause := clk.Sleep(ctx, max(b.next(attempt), min(requestedPause(err), b.Max))); cause != nil {
			return ended(cause, err)
		}
	}
}

// requestedPause is what the server asked for (google.rpc.RetryInfo), or zero.
func requestedPause(err error) time.Duration {
	st, _ := status.FromError(err)
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// ended joins why the waiting ended with what was being waited out.
func ended(cause, last error) error {
	if last == nil || errors.Is(last, cause) {
		return cause
	}
	return fmt.Errorf("%w; the last attempt failed with: %w", cause, last)
}

// backoff is the pause of this client's retries and polls: one second growing by half to ten, unless configured.
func (c *Client) backoff() Backoff {
	return Backoff{Initial: c.opts.PollInterval, Max: 10 * c.opts.PollInterval, Factor: 1.5}
}

// pollTolerance is how many transient failures in a row a wait takes: an operation of twenty minutes should not be
// lost to a server's restart.
const pollTolerance = 4

// Poll calls f until it reports done, fails, or ctx ends; what names the thing waited for. Up to four transient
// failures in a row are taken. It tries at least once.
func (c *Client) Poll(ctx context.Context, what string, f func(context.Context) (done bool, err error)) error {
	b, failures := c.backoff(), 0
	for attempt := 0; ; attempt++ {
		done, err := f(ctx)
		switch {
		case err == nil && done:
			return nil
		case err == nil:
			failures = 0
		case !IsTransient(err) || failures >= pollTolerance:
			return err
		default:
			failures++
		}
		if cause := c.opts.Clock.Sleep(ctx, b.next(attempt)); cause != nil {
			return fmt.Errorf("waiting for %s: %w", what, ended(cause, err))
		}
	}
}
