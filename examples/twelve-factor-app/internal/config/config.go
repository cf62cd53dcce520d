// Package config reads what differs between deployments from the environment, once, when a process starts. A process that
// could not work says everything that is wrong and does not start.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"example.com/twelve-factor-app/internal/session"
)

// Config is the configuration of one process. What the process does not use is not set.
type Config struct {
	// Address is where it listens.
	Address string
	// StoreURL is the attached store, with its credentials.
	StoreURL *url.URL
	// StorePassword is what the development store asks for; empty asks for nothing.
	StorePassword string
	// Ring are the session keys, newest first.
	Ring session.Ring
	// DrainDelay is for how long web goes on taking requests after SIGTERM, while load balancers learn that it is leaving.
	DrainDelay time.Duration
	// DrainTime bounds what comes after that: the requests, or the job, at hand.
	DrainTime time.Duration
	// WorkTime is how long a job takes, for want of work in an example.
	WorkTime time.Duration
	// Lease is for how long a claimed job is kept from other workers.
	Lease time.Duration
}

// reader collects what is wrong.
type reader struct {
	getenv func(string) string
	wrong  []error
}

// Load reads the configuration of a process. Its error names every variable that is missing or wrong, and repeats no
// value that may be secret.
func Load(process string, getenv func(string) string) (Config, error) {
	r := &reader{getenv: getenv}
	c := Config{DrainTime: r.duration("DRAIN_TIME", "6s")}
	if process == "web" || process == "store" {
		c.Address = r.address()
	}
	if process != "store" {
		c.StoreURL = r.storeURL()
	}
	switch process {
	case "web":
		c.DrainDelay = r.duration("DRAIN_DELAY", "2s")
		ring, err := session.ParseRing(getenv("SESSION_KEYS"))
		c.Ring = ring
		r.add(err)
	case "worker":
		c.WorkTime = r.duration("WORK_TIME", "0s")
		c.Lease = r.duration("LEASE", "30s")
	case "store":
		c.StorePassword = getenv("STORE_PASSWORD")
	}
	return c, errors.Join(r.wrong...)
}

func (r *reader) add(err error) {
	if err != nil {
		r.wrong = append(r.wrong, err)
	}
}

func (r *reader) duration(name, usual string) time.Duration {
	d, err := time.ParseDuration(cmp.Or(r.getenv(name), usual))
	if err != nil || d < 0 {
		r.add(fmt.Errorf("%s is not a duration such as %q", name, usual))
	}
	return d
}

// address is PORT on all addresses; HOST is for trying it out on one machine. Port 0 takes a free one.
func (r *reader) address() string {
	port := cmp.Or(r.getenv("PORT"), "8080")
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		r.add(fmt.Errorf("PORT %q is not a port such as 8080", port))
	}
	return net.JoinHostPort(r.getenv("HOST"), port)
}

func (r *reader) storeURL() *url.URL {
	text := r.getenv("STORE_URL")
	if text == "" {
		r.add(errors.New("STORE_URL is not set: the store's address, such as http://app:PASSWORD@127.0.0.1:9000"))
		return nil
	}
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		r.add(errors.New("STORE_URL is not an address such as http://app:PASSWORD@127.0.0.1:9000")) // it may hold a password
	}
	return u
}
