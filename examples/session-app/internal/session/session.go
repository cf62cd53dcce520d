// Package session keeps who is signed in in a cookie that is encrypted and signed, so that the app keeps nothing.
package session

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/securecookie"
)

// CookieName has the prefix by which browsers take the cookie only over TLS, for this host and every path.
const CookieName = "__Host-session"

// Session is what the cookie holds.
type Session struct {
	User  string    `json:"user"`
	Since time.Time `json:"since"`
}

// Store signs with the newest key and accepts every key of the ring.
type Store struct {
	codecs   []securecookie.Codec
	lifetime time.Duration
}

// What the keys that are made of a ring's key are for. A change of these words ends all sessions.
const (
	signing    = "session-app: session cookie, HMAC-SHA-256"
	encryption = "session-app: session cookie, AES-256"
)

// keyBytes is the length that both HMAC-SHA-256 and AES-256 want.
const keyBytes = 32

// NewStore makes a store of a ring, newest key first. Cookies are good for the lifetime, in whole seconds.
//
// The ring's keys are not used as they are. HKDF (RFC 5869) makes one key for signing and one for encrypting of each: no key
// serves two purposes, each has the length that its algorithm wants whatever "bytes" and "encoding" are, and what else the
// app should need a key for (tokens in mail, CSRF) gets one of its own by another text, from the same ring.
func NewStore(ring [][]byte, lifetime time.Duration) (*Store, error) {
	var pairs [][]byte
	for _, key := range ring {
		for _, purpose := range []string{signing, encryption} {
			derived, err := hkdf.Key(sha256.New, key, nil, purpose, keyBytes)
			if err != nil {
				return nil, fmt.Errorf("deriving a key: %w", err)
			}
			pairs = append(pairs, derived)
		}
	}
	codecs := securecookie.CodecsFromPairs(pairs...)
	for _, codec := range codecs {
		if cookie, ok := codec.(*securecookie.SecureCookie); ok {
			cookie.MaxAge(int(lifetime.Seconds()))
			cookie.SetSerializer(securecookie.JSONEncoder{})
		}
	}
	return &Store{codecs: codecs, lifetime: lifetime}, nil
}

// Save puts the session into the answer's cookie. EncodeMulti takes the first codec: that of the newest key.
func (s *Store) Save(w http.ResponseWriter, session Session) error {
	value, err := securecookie.EncodeMulti(CookieName, session, s.codecs...)
	if err != nil {
		return fmt.Errorf("signing a session: %w", err)
	}
	http.SetCookie(w, cookie(value, int(s.lifetime.Seconds())))
	return nil
}

// Load gives the session of a request, and false when there is none that can be trusted: DecodeMulti tries every key.
func (s *Store) Load(r *http.Request) (Session, bool) {
	sent, err := r.Cookie(CookieName)
	if err != nil {
		return Session{}, false
	}
	var session Session
	if err := securecookie.DecodeMulti(CookieName, sent.Value, &session, s.codecs...); err != nil {
		return Session{}, false
	}
	return session, true
}

// Clear has the browser forget the session.
func (s *Store) Clear(w http.ResponseWriter) { http.SetCookie(w, cookie("", -1)) }

func cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: CookieName, Value: value, Path: "/", MaxAge: maxAge, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}
