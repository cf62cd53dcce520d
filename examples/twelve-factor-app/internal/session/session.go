// Package session keeps who is signed in, in a signed cookie: no process holds anything that another one would need.
package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	cookieName = "__Host-session"
	lifetime   = 14 * 24 * time.Hour
	// shortest is less than any key of a twelvefactor_session_key has as text: what is shorter is not a key.
	shortest = 16
)

// Ring are session keys, newest first: the newest signs, all verify. It prints as nothing of them.
type Ring struct{ keys []string }

// ParseRing reads SESSION_KEYS, as a twelvefactor_session_key stores it: CURRENT,PREVIOUS and so on.
func ParseRing(text string) (Ring, error) {
	var ring Ring
	for _, key := range strings.Split(text, ",") {
		if key = strings.TrimSpace(key); key != "" {
			ring.keys = append(ring.keys, key)
		}
	}
	if len(ring.keys) == 0 {
		return Ring{}, errors.New("SESSION_KEYS is not set: the ring of keys, newest first, such as $(openssl rand -hex 32)")
	}
	for i, key := range ring.keys {
		if len(key) < shortest {
			return Ring{}, fmt.Errorf("SESSION_KEYS: key %d is shorter than %d characters", i+1, shortest)
		}
	}
	return ring, nil
}

// String is the number of keys.
func (r Ring) String() string { return fmt.Sprintf("ring of %d keys", len(r.keys)) }

// GoString is the same, for %#v.
func (r Ring) GoString() string { return r.String() }

// content is what the cookie says, readable for whoever holds it.
type content struct {
	User    string `json:"user"`
	Expires int64  `json:"expires"`
}

// Save signs the user in.
func (r Ring) Save(w http.ResponseWriter, user string, now time.Time) error {
	text, err := json.Marshal(content{user, now.Add(lifetime).Unix()})
	if err != nil {
		return err
	}
	value := base64.RawURLEncoding.EncodeToString(text)
	value += "." + base64.RawURLEncoding.EncodeToString(sign(r.keys[0], value))
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: int(lifetime.Seconds()), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return nil
}

// User is who is signed in; false when nobody is.
func (r Ring) User(request *http.Request, now time.Time) (string, bool) {
	cookie, err := request.Cookie(cookieName)
	if err != nil {
		return "", false
	}
	value, signature, _ := strings.Cut(cookie.Value, ".")
	given, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || !r.signed(value, given) {
		return "", false
	}
	var c content
	text, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || json.Unmarshal(text, &c) != nil || now.Unix() > c.Expires {
		return "", false
	}
	return c.User, true
}

func (r Ring) signed(value string, given []byte) bool {
	for _, key := range r.keys {
		if hmac.Equal(sign(key, value), given) {
			return true
		}
	}
	return false
}

func sign(key, value string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = mac.Write([]byte("session " + value)) // a hash takes everything
	return mac.Sum(nil)
}
