package kube

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"golang.org/x/oauth2"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
)

// Config says where a cluster is and how to talk to it.
type Config struct {
	// Endpoint is the control plane's host, or host:port, without a scheme: the connection is always https.
	Endpoint string
	// CACertificate is the cluster's own authority: PEM in base64, as GKE hands it out. It is not used with DNS.
	CACertificate string
	// DNS says that Endpoint is the DNS-based endpoint, whose certificate comes from a public authority.
	DNS bool
	// Token authenticates every request. It is sent to Endpoint only.
	Token oauth2.TokenSource
	// UserAgent is sent with every request.
	UserAgent string
	// Timeout bounds one request; zero means one minute.
	Timeout time.Duration
	// Clock is the time that waits go through; nil means the system's.
	Clock clock.Clock
	// PollInterval is the pause between two looks; zero means one second.
	PollInterval time.Duration
}

const (
	defaultTimeout = time.Minute
	dialTimeout    = 15 * time.Second
	// maxBody is well above etcd's limit for one object (1.5 MiB) and above a page of a listing.
	maxBody   = 10 << 20
	maxHeader = 64 << 10
)

// Client talks to one cluster. It is safe for concurrent use.
type Client struct {
	base     string // https://HOST[:PORT]
	agent    string
	http     *http.Client
	objects  dynamic.Interface
	metadata metadata.Interface
	clock    clock.Clock
	interval time.Duration
}

// Connect prepares a client. It makes no request: whether the cluster can be reached shows with the first one.
func Connect(c Config) (*Client, error) {
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	if c.PollInterval <= 0 {
		c.PollInterval = time.Second
	}
	hc, err := httpClient(c)
	if err != nil {
		return nil, err
	}
	client := &Client{base: "https://" + c.Endpoint, agent: c.UserAgent, http: hc, clock: c.Clock, interval: c.PollInterval}
	config := &rest.Config{
		Host:                      client.base,
		UserAgent:                 c.UserAgent,
		QPS:                       -1, // the API server has its own fair queues
		WarningHandlerWithContext: warningCollector{},
	}
	if client.objects, err = dynamic.NewForConfigAndClient(config, hc); err != nil {
		return nil, err
	}
	client.metadata, err = metadata.NewForConfigAndClient(metadata.ConfigFor(config), hc)
	return client, err
}

func httpClient(c Config) (*http.Client, error) {
	if err := CheckEndpoint(c.Endpoint); err != nil {
		return nil, err
	}
	if c.Token == nil {
		return nil, errors.New("no token source for the cluster")
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if !c.DNS {
		authority, err := parseAuthority(c.CACertificate)
		if err != nil {
			return nil, err
		}
		trust.RootCAs = authority
	}
	wire := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:        trust,
		TLSHandshakeTimeout:    dialTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: maxHeader,
	}
	return &http.Client{
		Transport: capped{&oauth2.Transport{Source: tokens{c.Token}, Base: wire}},
		Timeout:   c.Timeout,
		// A redirect would take the token to a host of the server's choice.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}
