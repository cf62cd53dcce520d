package gcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/credentials/impersonate"
	"cloud.google.com/go/auth/oauth2adapt"
	"golang.org/x/oauth2"
)

// cloudPlatform is the one scope that every API used here accepts.
const cloudPlatform = "https://www.googleapis.com/auth/cloud-platform"

// emulatorToken is sent to an emulator's clusters when no access token is configured.
const emulatorToken = "emulator"

// quiet keeps Google's libraries from logging: at debug level (GOOGLE_SDK_GO_LOGGING_LEVEL) they write whole request
// bodies, secret payloads among them.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// TokenSource gives the tokens that the Kubernetes API of a cluster takes. With an emulator it is the configured
// access token, or a fixed word.
func (c *Client) TokenSource(ctx context.Context) (oauth2.TokenSource, error) {
	if c.opts.EmulatorHost != "" {
		token := emulatorToken
		if !c.opts.AccessToken.IsZero() {
			token = string(c.opts.AccessToken.Reveal())
		}
		return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token}), nil
	}
	creds, err := c.credentials(ctx)
	if err != nil {
		return nil, err
	}
	return oauth2adapt.TokenSourceFromTokenProvider(creds), nil
}

func (c *Client) credentials(context.Context) (*auth.Credentials, error) {
	return c.creds.get(c.newCredentials)
}

// newCredentials have no token yet.
func (c *Client) newCredentials() (*auth.Credentials, error) {
	base, err := c.baseCredentials()
	if err != nil {
		return nil, &CredentialsError{Err: err}
	}
	if c.opts.ImpersonateServiceAccount == "" {
		return base, nil
	}
	creds, err := impersonate.NewCredentials(&impersonate.CredentialsOptions{
		TargetPrincipal: c.opts.ImpersonateServiceAccount,
		Scopes:          []string{cloudPlatform},
		Credentials:     base,
		UniverseDomain:  c.opts.UniverseDomain,
		Logger:          quiet(),
	})
	if err != nil {
		return nil, &CredentialsError{Err: err}
	}
	return creds, nil
}

// baseCredentials is the access token, the configured credentials, or application default credentials: the order of
// hashicorp/google.
func (c *Client) baseCredentials() (*auth.Credentials, error) {
	if !c.opts.AccessToken.IsZero() {
		token := string(c.opts.AccessToken.Reveal())
		return auth.NewCredentials(&auth.CredentialsOptions{
			TokenProvider: oauth2adapt.TokenProviderFromTokenSource(
				oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token})),
			UniverseDomainProvider: auth.CredentialsPropertyFunc(func(context.Context) (string, error) {
				return c.opts.UniverseDomain, nil
			}),
		}), nil
	}
	detect := &credentials.DetectOptions{
		Scopes: []string{cloudPlatform}, UniverseDomain: c.opts.UniverseDomain, Logger: quiet(),
	}
	if c.opts.Credentials.IsZero() {
		return credentials.DetectDefault(detect)
	}
	content, err := credentialsContent(string(c.opts.Credentials.Reveal()))
	if err != nil {
		return nil, err
	}
	kind, err := credentialsType(content)
	if err != nil {
		return nil, err
	}
	return credentials.NewCredentialsFromJSON(kind, content, detect)
}

// credentialsContent tells content from a path as hashicorp/google does: JSON starts with a brace.
func credentialsContent(value string) ([]byte, error) {
	if strings.HasPrefix(strings.TrimSpace(value), "{") {
		return []byte(value), nil
	}
	content, err := os.ReadFile(value)
	if err != nil {
		// The error of os.ReadFile names the path, and the "path" may be a mistyped key.
		var pathError *os.PathError
		if errors.As(err, &pathError) {
			err = pathError.Err
		}
		return nil, fmt.Errorf("credentials is neither JSON nor a readable file: %w", err)
	}
	return content, nil
}

// credentialsType reads the type field, which says how the rest is used. Its value may be shown, the rest never.
func credentialsType(content []byte) (credentials.CredType, error) {
	var file struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(content, &file); err != nil || file.Type == "" {
		return "", errors.New(`credentials is not the JSON of a credentials file: it has no field "type"`)
	}
	return credentials.CredType(file.Type), nil
}

// CredentialsError says that no usable credentials were found.
type CredentialsError struct{ Err error }

// Error names the places where credentials are looked for.
func (e *CredentialsError) Error() string {
	return fmt.Sprintf("no usable Google Cloud credentials (access_token, credentials, GOOGLE_OAUTH_ACCESS_TOKEN, "+
		"GOOGLE_CREDENTIALS, application default credentials): %v", e.Err)
}

// Unwrap gives the cause.
func (e *CredentialsError) Unwrap() error { return e.Err }
