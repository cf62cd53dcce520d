// Package queue is the client of the store that is attached by its URL. Another store behind the same methods is another
// implementation of this package, and no change of the processes.
package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// requestTime bounds one request to the store.
const requestTime = 5 * time.Second

// Job is something to do.
type Job struct {
	ID   int    `json:"id"`
	Text string `json:"text"`
}

// Counts are how many jobs are in which state.
type Counts struct {
	Waiting int `json:"waiting"`
	Claimed int `json:"claimed"`
	Done    int `json:"done"`
}

// Migrations bring the store from one schema to the next. Released ones never change; new ones are added at the end.
var Migrations = []string{"jobs", "jobs: leases"}

// Queue is the attached store.
type Queue struct {
	base   *url.URL
	client *http.Client
}

// New attaches the store at a URL. It connects with the first request.
func New(base *url.URL) *Queue { return &Queue{base, &http.Client{Timeout: requestTime}} }

// Add puts a job in.
func (q *Queue) Add(ctx context.Context, text string) (Job, error) {
	job := Job{Text: text}
	_, err := q.ask(ctx, http.MethodPost, "jobs", job, &job)
	return job, err
}

// Claim takes up to limit jobs, which come back when lease is over and they are neither done nor given back.
func (q *Queue) Claim(ctx context.Context, limit int, lease time.Duration) ([]Job, error) {
	var jobs []Job
	_, err := q.ask(ctx, http.MethodPost, fmt.Sprintf("jobs/claim?limit=%d&lease=%s", limit, lease), nil, &jobs)
	return jobs, err
}

// Done ends a claimed job.
func (q *Queue) Done(ctx context.Context, id int) error {
	_, err := q.ask(ctx, http.MethodPost, fmt.Sprintf("jobs/%d/done", id), nil, nil)
	return err
}

// GiveBack lets others have a claimed job at once.
func (q *Queue) GiveBack(ctx context.Context, id int) error {
	_, err := q.ask(ctx, http.MethodPost, fmt.Sprintf("jobs/%d/release", id), nil, nil)
	return err
}

// Counts counts the jobs.
func (q *Queue) Counts(ctx context.Context) (Counts, error) {
	var counts Counts
	_, err := q.ask(ctx, http.MethodGet, "jobs", nil, &counts)
	return counts, err
}

// Migrate makes the migrations that the store does not have yet. It may run again, and beside another one.
func (q *Queue) Migrate(ctx context.Context, log *slog.Logger) error {
	for i, name := range Migrations {
		status, err := q.ask(ctx, http.MethodPut, fmt.Sprintf("migrations/%d", i+1), name, nil)
		if err != nil {
			return fmt.Errorf("migration %d (%s): %w", i+1, name, err)
		}
		log.Info("migration", "number", i+1, "name", name, "applied", status == http.StatusCreated)
	}
	return nil
}

// Check tells whether the store answers and has the schema that this build needs.
func (q *Queue) Check(ctx context.Context) error {
	var schema int
	if _, err := q.ask(ctx, http.MethodGet, "schema", nil, &schema); err != nil {
		return err
	}
	if schema < len(Migrations) {
		return fmt.Errorf("the store has schema %d and this build needs %d: run the process migrate", schema, len(Migrations))
	}
	return nil
}

func (q *Queue) ask(ctx context.Context, method, path string, in, out any) (status int, err error) {
	path, query, _ := strings.Cut(path, "?")
	u := q.base.JoinPath(path)
	u.RawQuery = query
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return 0, err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return 0, errors.New("STORE_URL gives no address to ask") // the error would repeat it, with the password
	}
	response, err := q.client.Do(request)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // without the URL
		}
		return 0, fmt.Errorf("the store does not answer: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= http.StatusBadRequest {
		return response.StatusCode, fmt.Errorf("the store refuses %s %s: %s", method, path, response.Status)
	}
	if out == nil {
		return response.StatusCode, nil
	}
	return response.StatusCode, json.NewDecoder(response.Body).Decode(out)
}
