// Package worker is the process that does the jobs.
package worker

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"example.com/twelve-factor-app/internal/config"
	"example.com/twelve-factor-app/internal/queue"
)

const (
	// batch is how many jobs are claimed at a time.
	batch = 4
	// idle is how long an empty, or an absent, store is left alone.
	idle = 200 * time.Millisecond
)

// Run does jobs until ctx ends. Then it finishes the one at hand and gives the others back. A worker that is killed loses
// none either: its jobs come back when their lease is over. So a job may be done twice, and has to bear it.
func Run(ctx context.Context, c config.Config, q *queue.Queue, log *slog.Logger) error {
	log.Info("waiting for jobs")
	for ctx.Err() == nil {
		jobs, err := q.Claim(ctx, batch, c.Lease)
		if err != nil && ctx.Err() == nil {
			log.Warn("no jobs", "error", err.Error())
		}
		if len(jobs) == 0 {
			select {
			case <-ctx.Done():
			case <-time.After(idle):
			}
			continue
		}
		if err := work(ctx, c, q, jobs, log); err != nil {
			return err
		}
	}
	return nil
}

func work(ctx context.Context, c config.Config, q *queue.Queue, jobs []queue.Job, log *slog.Logger) error {
	last := context.WithoutCancel(ctx)
	var failures []error
	for _, job := range jobs {
		if ctx.Err() != nil {
			log.Info("job given back", "job", job.ID)
			failures = append(failures, q.GiveBack(last, job.ID))
			continue
		}
		log.Info("job begun", "job", job.ID)
		if err := do(ctx, c, job); err != nil {
			log.Warn("job given back", "job", job.ID, "error", err.Error())
			failures = append(failures, q.GiveBack(last, job.ID))
			continue
		}
		if err := q.Done(last, job.ID); err != nil {
			log.Error("job done and not noted", "job", job.ID, "error", err.Error()) // it comes back with its lease
			continue
		}
		log.Info("job done", "job", job.ID)
	}
	return errors.Join(failures...)
}

// do stands for the work. After SIGTERM it has the drain's time left.
func do(ctx context.Context, c config.Config, job queue.Job) error {
	finish := time.NewTimer(c.WorkTime)
	defer finish.Stop()
	select {
	case <-finish.C:
	case <-ctx.Done():
		select {
		case <-finish.C:
		case <-time.After(c.DrainTime):
			return fmt.Errorf("not done in %s after the signal", c.DrainTime)
		}
	}
	_ = sha256.Sum256([]byte(job.Text))
	return nil
}
