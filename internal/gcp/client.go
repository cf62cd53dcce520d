package gcp

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"cloud.google.com/go/auth"
	container "cloud.google.com/go/container/apiv1"
	admin "cloud.google.com/go/iam/admin/apiv1"
	resourcemanager "cloud.google.com/go/resourcemanager/apiv3"
	run "cloud.google.com/go/run/apiv2"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Client holds the connections to the APIs. It is safe for concurrent use.
type Client struct {
	opts     Options
	creds    lazy[*auth.Credentials]
	loopback loopbackConns

	clusters lazy[*container.ClusterManagerClient]
	services lazy[*run.ServicesClient]
	pools    lazy[*run.WorkerPoolsClient]
	revs     lazy[*run.RevisionsClient]
	secrets  secretConns
	accounts lazy[*admin.IamClient]
	projects lazy[*resourcemanager.ProjectsClient]

	numbersMu sync.Mutex
	numbers   map[string]string

	policies *Policies

	// secretHost is where Google keeps the secrets of a location; "" is for global ones.
	secretHost func(location string) Endpoint
}

// New prepares a client. It does no I/O: credentials are looked for and connections are made on first use, because
// Terraform configures the provider for every command, validate included.
func New(o Options) *Client {
	c := &Client{opts: o.withDefaults(), numbers: map[string]string{}}
	c.secretHost = func(location string) Endpoint { return secretHost(location, o.UniverseDomain) }
	c.policies = &Policies{c: c, queues: map[PolicyRef]*policyQueue{}}
	return c
}

// Close ends the connections that were made.
func (c *Client) Close() error {
	var errs []error
	for _, closer := range []io.Closer{
		&c.clusters, &c.services, &c.pools, &c.revs, &c.secrets, &c.accounts, &c.projects, &c.loopback,
	} {
		errs = append(errs, closeShared(closer))
	}
	return errors.Join(errs...)
}

// closeShared closes what may be closed already: clients of a loopback address share a connection, and each of them
// closes it. Canceled is "closed before".
func closeShared(closer io.Closer) error {
	if err := closer.Close(); status.Code(err) != codes.Canceled {
		return err
	}
	return nil
}

// dial makes the generated client of one API on first use. Google's generated retries are switched off by setup, so
// that there is one retry, ours, which goes through the injected clock.
func dial[T io.Closer](
	ctx context.Context, c *Client, l *lazy[T], api API,
	create func(context.Context, ...option.ClientOption) (T, error), setup func(T),
) (T, error) {
	return l.get(func() (T, error) {
		at, err := c.endpoint(api)
		if err != nil {
			var zero T
			return zero, err
		}
		return connect(ctx, c, at, create, setup)
	})
}

// connect makes a generated client of what is reached there; the zero endpoint is Google's own.
func connect[T any](
	ctx context.Context, c *Client, at Endpoint, create func(context.Context, ...option.ClientOption) (T, error), setup func(T),
) (T, error) {
	opts, err := c.dialOptions(ctx, at)
	if err != nil {
		var zero T
		return zero, err
	}
	// The connection outlives the call that happens to make it.
	client, err := create(context.WithoutCancel(ctx), opts...)
	if err == nil {
		setup(client)
	}
	return client, err
}

func (c *Client) containerAPI(ctx context.Context) (*container.ClusterManagerClient, error) {
	return dial(ctx, c, &c.clusters, Container, container.NewClusterManagerClient, func(g *container.ClusterManagerClient) {
		g.CallOptions = &container.ClusterManagerCallOptions{}
	})
}

func (c *Client) servicesAPI(ctx context.Context) (*run.ServicesClient, error) {
	return dial(ctx, c, &c.services, Run, run.NewServicesClient, func(g *run.ServicesClient) {
		*g.CallOptions = run.ServicesCallOptions{}
	})
}

func (c *Client) workerPoolsAPI(ctx context.Context) (*run.WorkerPoolsClient, error) {
	return dial(ctx, c, &c.pools, Run, run.NewWorkerPoolsClient, func(g *run.WorkerPoolsClient) {
		*g.CallOptions = run.WorkerPoolsCallOptions{}
	})
}

func (c *Client) revisionsAPI(ctx context.Context) (*run.RevisionsClient, error) {
	return dial(ctx, c, &c.revs, Run, run.NewRevisionsClient, func(g *run.RevisionsClient) {
		*g.CallOptions = run.RevisionsCallOptions{}
	})
}

func (c *Client) accountsAPI(ctx context.Context) (*admin.IamClient, error) {
	return dial(ctx, c, &c.accounts, IAM, admin.NewIamClient, func(g *admin.IamClient) {
		*g.CallOptions = admin.IamCallOptions{}
	})
}

func (c *Client) projectsAPI(ctx context.Context) (*resourcemanager.ProjectsClient, error) {
	return dial(ctx, c, &c.projects, ResourceManager, resourcemanager.NewProjectsClient, func(g *resourcemanager.ProjectsClient) {
		*g.CallOptions = resourcemanager.ProjectsCallOptions{}
	})
}

// lazy holds a value that is made on first use. A failed attempt is not kept: the next use tries again.
type lazy[T any] struct {
	mu    sync.Mutex
	made  bool
	value T
}

func (l *lazy[T]) get(create func() (T, error)) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.made {
		return l.value, nil
	}
	v, err := create()
	if err != nil {
		return v, err
	}
	l.value, l.made = v, true
	return v, nil
}

// Close closes the value when it was made and can be closed.
func (l *lazy[T]) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	closer, ok := any(l.value).(io.Closer)
	if !l.made || !ok {
		return nil
	}
	l.made = false
	return closer.Close()
}

// PollInterval is the first pause of this client's waits, for others that wait for the same run.
func (c *Client) PollInterval() time.Duration { return c.opts.PollInterval }

// RequestTimeout bounds one request.
func (c *Client) RequestTimeout() time.Duration { return c.opts.RequestTimeout }
