// Command app is a twelve-factor application of three processes from one build: web takes jobs, worker does them, migrate
// brings the store's schema to what this build needs. The fourth, store, stands in for a database while one develops.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"example.com/twelve-factor-app/internal/config"
	"example.com/twelve-factor-app/internal/logs"
	"example.com/twelve-factor-app/internal/queue"
	"example.com/twelve-factor-app/internal/store"
	"example.com/twelve-factor-app/internal/web"
	"example.com/twelve-factor-app/internal/worker"
)

var processes = map[string]func(context.Context, config.Config, *slog.Logger) error{
	"web": func(ctx context.Context, c config.Config, log *slog.Logger) error {
		return web.Run(ctx, c, queue.New(c.StoreURL), log)
	},
	"worker": func(ctx context.Context, c config.Config, log *slog.Logger) error {
		return worker.Run(ctx, c, queue.New(c.StoreURL), log)
	},
	"migrate": func(ctx context.Context, c config.Config, log *slog.Logger) error {
		return queue.New(c.StoreURL).Migrate(ctx, log)
	},
	"store": func(ctx context.Context, c config.Config, log *slog.Logger) error { return store.Run(ctx, c, log) },
}

func main() {
	process := strings.Join(os.Args[1:], " ")
	run, known := processes[process]
	if !known {
		fmt.Fprintln(os.Stderr, "usage: app web | worker | migrate | store (for development only)")
		os.Exit(2)
	}
	log := logs.New(os.Stdout).With("process", process)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	c, err := config.Load(process, os.Getenv)
	if err == nil {
		err = run(ctx, c, log)
	}
	if err != nil {
		log.Error("ended", "error", err.Error())
		os.Exit(1)
	}
	log.Info("ended")
}
