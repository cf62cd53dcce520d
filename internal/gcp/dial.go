package gcp

import (
	"context"
	"errors"
	"strings"
	"sync"

	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// maxAnswer caps one answer: nothing that the provider reads comes near it, and a broken server must not fill memory.
const maxAnswer = 10 << 20

// dialOptions says how an endpoint is reached: by plain text on this machine, or with TLS and credentials.
func (c *Client) dialOptions(ctx context.Context, at Endpoint) ([]option.ClientOption, error) {
	common := []option.ClientOption{option.WithLogger(quiet()), option.WithTelemetryDisabled()}
	if at.Plain {
		conn, err := c.loopback.dial(at.Host, c.interceptors(true), c.opts.UserAgent)
		if err != nil {
			return nil, err
		}
		return append(common, option.WithGRPCConn(conn)), nil
	}
	creds, err := c.credentials(ctx)
	if err != nil {
		return nil, err
	}
	opts := append(common,
		option.WithAuthCredentials(creds),
		option.WithUserAgent(c.opts.UserAgent),
		option.WithGRPCDialOption(grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer))),
		option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(c.interceptors(false)...)),
	)
	if at.Host != "" {
		opts = append(opts, option.WithEndpoint(at.Host))
	}
	if c.opts.BillingProject != "" {
		opts = append(opts, option.WithQuotaProject(c.opts.BillingProject))
	}
	if c.opts.UniverseDomain != "" {
		opts = append(opts, option.WithUniverseDomain(c.opts.UniverseDomain))
	}
	return opts, nil
}

// endpoint is where the emulator or the configuration has an API, the zero endpoint when neither says so.
func (c *Client) endpoint(api API) (Endpoint, error) {
	if h := c.opts.EmulatorHost; h != "" {
		return Endpoint{Host: h, Plain: true}, CheckLoopback(h)
	}
	raw := c.opts.Endpoints[string(api)]
	if raw == "" {
		return Endpoint{}, nil
	}
	return ParseEndpoint(raw)
}

// interceptors is what every call goes through, outermost first.
func (c *Client) interceptors(plain bool) []grpc.UnaryClientInterceptor {
	chain := []grpc.UnaryClientInterceptor{c.retryReads, c.limitTime}
	if token := c.opts.AccessToken; plain && !token.IsZero() {
		chain = append(chain, func(ctx context.Context, method string, req, reply any,
			cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+string(token.Reveal()))
			return invoke(ctx, method, req, reply, cc, opts...)
		})
	}
	return chain
}

// limitTime bounds one attempt, so that a server that never answers does not use up the whole operation's time.
func (c *Client) limitTime(ctx context.Context, method string, req, reply any,
	cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	ctx, cancel := context.WithTimeout(ctx, c.opts.RequestTimeout)
	defer cancel()
	return invoke(ctx, method, req, reply, cc, opts...)
}

// readAttempts is how often a read is tried in all.
const readAttempts = 5

// retryReads tries reads, and deletes that are the same when repeated, again after a transient failure. Deletes that
// start an operation are not among them: the second would meet the first one's operation.
func (c *Client) retryReads(ctx context.Context, method string, req, reply any,
	cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if !isRepeatable(method) {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	b := c.backoff()
	b.Attempts = readAttempts
	return Retry(ctx, c.opts.Clock, b, IsTransient, func(ctx context.Context) error {
		return invoke(ctx, method, req, reply, cc, opts...)
	})
}

// repeatablePrefixes are the beginnings of the names of methods that change nothing, and of two deletes whose second
// call at worst finds nothing.
var repeatablePrefixes = []string{"Get", "List", "Fetch", "AccessSecretVersion", "DeleteSecret", "DeleteServiceAccount"}

func isRepeatable(fullMethod string) bool {
	name := fullMethod[strings.LastIndex(fullMethod, "/")+1:]
	for _, p := range repeatablePrefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// loopbackConns shares one connection per loopback address among the APIs.
type loopbackConns struct {
	mu    sync.Mutex
	conns map[string]*grpc.ClientConn
}

func (l *loopbackConns) dial(host string, chain []grpc.UnaryClientInterceptor, userAgent string) (*grpc.ClientConn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if conn, ok := l.conns[host]; ok {
		return conn, nil
	}
	conn, err := grpc.NewClient("passthrough:///"+host,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(),
		grpc.WithUserAgent(userAgent),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)),
		grpc.WithChainUnaryInterceptor(chain...),
	)
	if err != nil {
		return nil, err
	}
	if l.conns == nil {
		l.conns = map[string]*grpc.ClientConn{}
	}
	l.conns[host] = conn
	return conn, nil
}

// Close closes every connection.
func (l *loopbackConns) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, conn := range l.conns {
		errs = append(errs, conn.Close())
	}
	l.conns = nil
	return errors.Join(errs...)
}
