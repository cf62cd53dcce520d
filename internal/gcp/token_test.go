package gcp_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// tokenServer hands out token-1, token-2, …, which live for the given seconds, the last one for all that follow. It
// gives the credentials that lead there.
func tokenServer(t *testing.T, seconds ...int) secret.Bytes {
	t.Helper()
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := int(calls.Add(1))
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token": "token-%d", "token_type": "Bearer", "expires_in": %d}`, n, seconds[min(n, len(seconds))-1])
	}))
	t.Cleanup(server.Close)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "ci@acme.iam.gserviceaccount.com", "private_key_id": "1", "token_uri": server.URL,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return secret.New(file)
}

func TestFreshTokenLivesForLongEnough(t *testing.T) {
	t.Parallel()
	const hour = 3600
	for name, c := range map[string]struct {
		lives []int
		want  string
		least time.Duration // that it lives for at least
	}{
		"the one at hand is long-lived":         {lives: []int{hour}, want: "token-1", least: 59 * time.Minute},
		"the one at hand is about to end":       {lives: []int{600, hour}, want: "token-2", least: 59 * time.Minute},
		"the server has none that lives longer": {lives: []int{900, 600}, want: "token-1", least: 14 * time.Minute},
	} {
		client := gcp.New(gcp.Options{Credentials: tokenServer(t, c.lives...)})
		token, err := client.FreshToken(t.Context(), 55*time.Minute)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := string(token.Value.Reveal()); got != c.want || time.Until(token.Expires) < c.least {
			t.Errorf("%s: got %s, which lives for %s", name, got, time.Until(token.Expires))
		}
	}
}

func TestFreshTokenThatIsConfiguredHasNoKnownEnd(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]gcp.Options{
		"Google":   {AccessToken: secret.FromString("mine")},
		"emulator": {AccessToken: secret.FromString("mine"), EmulatorHost: "127.0.0.1:1"},
	} {
		token, err := gcp.New(options).FreshToken(t.Context(), time.Hour)
		if err != nil || string(token.Value.Reveal()) != "mine" || !token.Expires.IsZero() {
			t.Errorf("%s: %s until %s, %v", name, token.Value.Reveal(), token.Expires, err)
		}
	}
}

func TestFreshTokenNeedsCredentials(t *testing.T) {
	t.Parallel()
	_, err := gcp.New(gcp.Options{Credentials: secret.FromString(`{"type": "service_account"}`)}).FreshToken(t.Context(), time.Hour)
	if gcp.Classify(err) != gcp.Unauthenticated {
		t.Errorf("error %v is %s", err, gcp.Classify(err))
	}
}
