package gcp

import (
	"context"
	"errors"
	"time"

	"cloud.google.com/go/auth"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// Token is an access token that is handed to somebody who cannot ask for the next one.
type Token struct {
	Value secret.Bytes
	// Expires is zero when that is not known, as with a configured access token.
	Expires time.Time
}

// FreshToken gives the token at hand if it lives for least, and otherwise a new one if that lives longer: the client's
// own is used until four minutes before its end. A metadata server may answer with the token that it has.
func (c *Client) FreshToken(ctx context.Context, least time.Duration) (Token, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.RequestTimeout)
	defer cancel()
	if c.opts.EmulatorHost != "" {
		source, err := c.TokenSource(ctx)
		if err != nil {
			return Token{}, err
		}
		token, err := source.Token()
		if err != nil {
			return Token{}, err
		}
		return Token{Value: secret.FromString(token.AccessToken)}, nil
	}
	shared, err := c.credentials(ctx)
	if err != nil {
		return Token{}, err
	}
	token, err := shared.Token(ctx)
	if err != nil {
		return Token{}, err
	}
	if token.Expiry.IsZero() || token.Expiry.Sub(c.opts.Clock.Now()) >= least {
		return tokenOf(token)
	}
	fresh, err := c.newCredentials()
	if err != nil {
		return Token{}, err
	}
	another, err := fresh.Token(ctx)
	if err != nil {
		return Token{}, err
	}
	if another.Expiry.After(token.Expiry) {
		token = another
	}
	return tokenOf(token)
}

func tokenOf(token *auth.Token) (Token, error) {
	if token.Value == "" {
		return Token{}, &CredentialsError{Err: errors.New("the answer holds no access token")}
	}
	return Token{Value: secret.FromString(token.Value), Expires: token.Expiry}, nil
}
