package gcp

import (
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// API names one Google Cloud API as the provider's attribute endpoints does.
type API string

// The APIs that the provider calls.
const (
	Container       API = "container"
	Run             API = "run"
	SecretManager   API = "secret_manager"
	IAM             API = "iam"
	ResourceManager API = "resource_manager"
)

// APIs lists every API in alphabetical order.
func APIs() []API { return []API{Container, IAM, ResourceManager, Run, SecretManager} }

// DefaultRequestTimeout bounds one request, not a whole operation: the longest that Google's own clients allow for
// the methods used here (secretmanager_grpc_service_config.json: 60 s).
const DefaultRequestTimeout = 60 * time.Second

// Options configures a Client. The zero value uses application default credentials and Google's own endpoints.
type Options struct {
	// Project and Region are the defaults of the provider; the client itself takes full names.
	Project, Region string
	// BillingProject is charged for quota (x-goog-user-project).
	BillingProject string
	// Credentials is the content of a credentials file, or the path to one.
	Credentials secret.Bytes
	// AccessToken is a ready OAuth token; it goes before Credentials.
	AccessToken secret.Bytes
	// ImpersonateServiceAccount is the email of the account that the calls are made as.
	ImpersonateServiceAccount string
	// UniverseDomain is googleapis.com when empty.
	UniverseDomain string
	// Endpoints replaces the address of single APIs: https://HOST[:PORT], or http:// for a loopback address. That of
	// Secret Manager is for global and regional secrets alike.
	Endpoints map[string]string
	// EmulatorHost (HOST:PORT, loopback) takes every API, without credentials.
	EmulatorHost string
	// UserAgent is sent with every request.
	UserAgent string
	// RequestTimeout bounds one request; zero means DefaultRequestTimeout.
	RequestTimeout time.Duration
	// Clock is the time that waits go through; nil means the system's.
	Clock clock.Clock
	// PollInterval is the first pause between two looks at an operation; it grows by half up to ten times its size.
	// Zero means one second.
	PollInterval time.Duration
}

// withDefaults fills what was left out.
func (o Options) withDefaults() Options {
	if o.RequestTimeout <= 0 {
		o.RequestTimeout = DefaultRequestTimeout
	}
	if o.Clock == nil {
		o.Clock = clock.Real{}
	}
	if o.PollInterval <= 0 {
		o.PollInterval = time.Second
	}
	return o
}
