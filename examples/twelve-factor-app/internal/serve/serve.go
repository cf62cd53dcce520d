// Package serve answers requests until the process is to end, and then without losing any.
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"example.com/twelve-factor-app/internal/config"
)

// readHeaderTime keeps slow clients from holding connections.
const readHeaderTime = 5 * time.Second

// Until serves until ctx ends. Then it calls leaving, which turns readiness off, goes on for the drain's delay, because load
// balancers send requests until they have noticed, takes no more, and waits for those at hand.
func Until(ctx context.Context, c config.Config, handler http.Handler, leaving func(), log *slog.Logger) error {
	listener, err := net.Listen("tcp", c.Address)
	if err != nil {
		return err
	}
	log.Info("listening", "address", listener.Addr().String())
	server := &http.Server{Handler: handler, ReadHeaderTimeout: readHeaderTime}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	leaving()
	log.Info("draining", "delay", c.DrainDelay.String())
	select {
	case err := <-ended:
		return err
	case <-time.After(c.DrainDelay):
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.DrainTime)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return fmt.Errorf("not every request was finished in %s: %w", c.DrainTime, err)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
