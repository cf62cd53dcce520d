package gcp_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

var down = status.Error(codes.Unavailable, "down")

func TestRetryStopsAfterTheAttempts(t *testing.T) {
	calls := 0
	err := gcp.Retry(t.Context(), clock.NewInstant(time.Unix(0, 0)), gcp.Backoff{Initial: time.Second, Max: time.Minute, Factor: 2, Attempts: 3},
		gcp.IsTransient, func(context.Context) error { calls++; return down })
	if calls != 3 || !errors.Is(err, down) {
		t.Errorf("%d calls, error %v", calls, err)
	}
}

func TestRetryPausesGrowAndAreBounded(t *testing.T) {
	clk := clock.NewInstant(time.Unix(0, 0))
	last, pauses := clk.Now(), []time.Duration{}
	_ = gcp.Retry(t.Context(), clk, gcp.Backoff{Initial: time.Second, Max: 8 * time.Second, Factor: 2, Attempts: 8},
		gcp.IsTransient, func(context.Context) error {
			pauses, last = append(pauses, clk.Now().Sub(last)), clk.Now()
			return down
		})
	for i, seconds := range []int{0, 1, 2, 4, 8, 8, 8, 8} {
		longest := time.Duration(seconds) * time.Second
		if pauses[i] > longest || pauses[i] < longest/2 {
			t.Errorf("pause %d is %s, want between %s and %s", i, pauses[i], longest/2, longest)
		}
	}
}

func TestRetryWaitsAsLongAsTheServerAsks(t *testing.T) {
	st, err := status.New(codes.Unavailable, "later").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(5 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	clk := clock.NewInstant(time.Unix(0, 0))
	_ = gcp.Retry(t.Context(), clk, gcp.Backoff{Initial: time.Millisecond, Max: time.Minute, Factor: 2, Attempts: 2},
		gcp.IsTransient, func(context.Context) error { return st.Err() })
	if waited := clk.Now().Sub(time.Unix(0, 0)); waited != 5*time.Second {
		t.Errorf("waited %s", waited)
	}
}

func TestPollTakesFourFailuresInARow(t *testing.T) {
	c := gcp.New(gcp.Options{Clock: clock.NewInstant(time.Unix(0, 0))})
	for _, failures := range []int{4, 5} {
		calls := 0
		err := c.Poll(t.Context(), "a test", func(context.Context) (bool, error) {
			if calls++; calls <= failures {
				return false, down
			}
			return true, nil
		})
		if (err == nil) != (failures == 4) {
			t.Errorf("%d failures: %v", failures, err)
		}
	}
}

func TestPollNamesWhyItEnded(t *testing.T) {
	c := gcp.New(gcp.Options{Clock: clock.NewInstant(time.Unix(0, 0))})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the timeout of 5m ended"))
	calls := 0
	err := c.Poll(ctx, "operation o", func(context.Context) (bool, error) { calls++; return false, down })
	if calls != 1 {
		t.Errorf("%d calls, want one even when the time is over", calls)
	}
	for _, want := range []string{"operation o", "the timeout of 5m ended", "down"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
}
