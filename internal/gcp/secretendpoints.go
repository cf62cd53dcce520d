package gcp

import (
	"context"
	"errors"
	"sync"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// googleDomain is the universe of Google Cloud itself.
const googleDomain = "googleapis.com"

// secretConns are the clients of Secret Manager by the location of the secrets that they are for; "" is for global ones.
// The service of each location answers for its own secrets only, and the global one for none of them.
type secretConns struct {
	mu    sync.Mutex
	conns map[string]*lazy[*secretmanager.Client]
}

// at gives the place of a location's client, which is made on first use.
func (s *secretConns) at(location string) *lazy[*secretmanager.Client] {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.conns[location]
	if !ok {
		l = &lazy[*secretmanager.Client]{}
		if s.conns == nil {
			s.conns = map[string]*lazy[*secretmanager.Client]{}
		}
		s.conns[location] = l
	}
	return l
}

// Close closes every client that was made.
func (s *secretConns) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, l := range s.conns {
		errs = append(errs, closeShared(l))
	}
	return errors.Join(errs...)
}

// secretsAPI gives the client that answers for a name: of a secret, of something in one, or of the parent of secrets.
// A location that has not the form of one is refused before anything is looked up by it.
func (c *Client) secretsAPI(ctx context.Context, name string) (*secretmanager.Client, error) {
	location, err := names.SecretLocation(name)
	if err != nil {
		return nil, err
	}
	at, err := c.endpoint(SecretManager)
	if err != nil {
		return nil, err
	}
	if at.Host == "" {
		at = c.secretHost(location)
	} else {
		location = "" // one address for all of them, so one client
	}
	return c.secrets.at(location).get(func() (*secretmanager.Client, error) {
		return connect(ctx, c, at, secretmanager.NewClient, func(g *secretmanager.Client) {
			*g.CallOptions = secretmanager.CallOptions{}
		})
	})
}

// secretHost is where Secret Manager keeps the regional secrets of a location, their versions and their policies; the zero
// endpoint, which is the API's own, for global ones. There the names of regional secrets are refused ("does not match the
// expected format", googleapis/google-cloud-python#13389).
// Source: https://cloud.google.com/secret-manager/docs/locations, "Regional endpoints", and Google's samples in Go.
func secretHost(location, universe string) Endpoint {
	switch {
	case location == "":
		return Endpoint{}
	case universe == "":
		universe = googleDomain
	}
	return Endpoint{Host: "secretmanager." + location + ".rep." + universe + ":443"}
}
