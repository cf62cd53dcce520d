package clock_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
)

var start = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func TestInstantTurnsForwardInsteadOfWaiting(t *testing.T) {
	t.Parallel()
	c := clock.NewInstant(start)
	began := time.Now()
	if err := c.Sleep(t.Context(), 720*time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := c.Now(); !got.Equal(start.Add(720 * time.Hour)) {
		t.Errorf("the clock says %s", got)
	}
	if time.Since(began) > time.Minute {
		t.Error("Sleep waited")
	}
}

func TestEveryClockStopsWaitingWithTheContext(t *testing.T) {
	t.Parallel()
	cause := errors.New("interrupted")
	instant := clock.NewInstant(start)
	for name, c := range map[string]clock.Clock{"real": clock.Real{}, "offset": &clock.Offset{}, "instant": instant} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		if err := c.Sleep(ctx, time.Hour); !errors.Is(err, cause) {
			t.Errorf("%s: %v, want the context's cause", name, err)
		}
	}
	if !instant.Now().Equal(start) {
		t.Error("an interrupted Sleep turned the clock")
	}
}

func TestRealSleepEnds(t *testing.T) {
	t.Parallel()
	if err := (clock.Real{}).Sleep(t.Context(), time.Millisecond); err != nil {
		t.Error(err)
	}
}

func TestOffsetIsAheadByWhatItWasAdvanced(t *testing.T) {
	t.Parallel()
	var c clock.Offset
	c.Advance(time.Hour)
	c.Advance(time.Hour)
	ahead := time.Until(c.Now())
	if ahead < 2*time.Hour-time.Minute || ahead > 2*time.Hour {
		t.Errorf("the clock is ahead by %s, want 2h", ahead)
	}
}
