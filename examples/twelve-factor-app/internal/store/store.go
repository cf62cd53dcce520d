// Package store is a job store in memory behind HTTP, for development and tests only: what it holds goes with it. It stands
// where a database or a message queue stands in production.
package store

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"example.com/twelve-factor-app/internal/config"
	"example.com/twelve-factor-app/internal/queue"
	"example.com/twelve-factor-app/internal/serve"
)

type job struct {
	queue.Job
	until time.Time // of the lease
	done  bool
}

type store struct {
	mu     sync.Mutex
	schema int
	jobs   []*job // by id, from 1
}

// Run serves until ctx ends.
func Run(ctx context.Context, c config.Config, log *slog.Logger) error {
	log.Warn("for development only: the jobs go with this process")
	return serve.Until(ctx, c, guarded(c.StorePassword, (&store{}).routes()), func() {}, log)
}

func guarded(password string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, given, _ := r.BasicAuth()
		if password != "" && subtle.ConstantTimeCompare([]byte(given), []byte(password)) == 0 {
			http.Error(w, "wrong password", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *store) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]func(*http.Request) (status int, answer any){
		"GET /schema":              func(*http.Request) (int, any) { return http.StatusOK, s.schema },
		"PUT /migrations/{number}": s.migrate,
		"GET /jobs":                s.counts,
		"POST /jobs":               s.add,
		"POST /jobs/claim":         s.claim,
		"POST /jobs/{id}/done":     s.change(func(j *job) { j.done = true }),
		"POST /jobs/{id}/release":  s.change(func(j *job) { j.until = time.Time{} }),
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			status, answer := handle(r)
			text, err := json.Marshal(answer)
			s.mu.Unlock()
			if err != nil {
				status = http.StatusInternalServerError
			}
			w.WriteHeader(status)
			_, _ = w.Write(text) // a client that has gone needs no answer
		})
	}
	return mux
}

// migrate takes the next migration, and those that it has already without doing them again.
func (s *store) migrate(r *http.Request) (int, any) {
	number, err := strconv.Atoi(r.PathValue("number"))
	switch {
	case err != nil || number < 1 || number > s.schema+1:
		return http.StatusConflict, nil
	case number <= s.schema:
		return http.StatusOK, nil
	}
	s.schema = number
	return http.StatusCreated, nil
}

func (s *store) counts(*http.Request) (int, any) {
	var counts queue.Counts
	for _, j := range s.jobs {
		switch {
		case j.done:
			counts.Done++
		case j.until.After(time.Now()):
			counts.Claimed++
		default:
			counts.Waiting++
		}
	}
	return http.StatusOK, counts
}

func (s *store) add(r *http.Request) (int, any) {
	var added queue.Job
	if s.schema < len(queue.Migrations) || json.NewDecoder(r.Body).Decode(&added) != nil {
		return http.StatusBadRequest, nil
	}
	added.ID = len(s.jobs) + 1
	s.jobs = append(s.jobs, &job{Job: added})
	return http.StatusCreated, added
}

func (s *store) claim(r *http.Request) (int, any) {
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	lease, err2 := time.ParseDuration(r.URL.Query().Get("lease"))
	if err != nil || err2 != nil {
		return http.StatusBadRequest, nil
	}
	claimed := []queue.Job{}
	for _, j := range s.jobs {
		if len(claimed) < limit && !j.done && !j.until.After(time.Now()) {
			j.until = time.Now().Add(lease)
			claimed = append(claimed, j.Job)
		}
	}
	return http.StatusOK, claimed
}

func (s *store) change(to func(*job)) func(*http.Request) (int, any) {
	return func(r *http.Request) (int, any) {
		id, err := strconv.Atoi(r.PathValue("id"))
		if err != nil || id < 1 || id > len(s.jobs) {
			return http.StatusNotFound, nil
		}
		to(s.jobs[id-1])
		return http.StatusOK, nil
	}
}
