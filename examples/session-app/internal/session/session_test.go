package session_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/session-app/internal/session"
)

func store(t *testing.T, lifetime time.Duration, keys ...string) *session.Store {
	t.Helper()
	var ring [][]byte
	for _, key := range keys {
		ring = append(ring, []byte(strings.Repeat(key, 32)))
	}
	s, err := session.NewStore(ring, lifetime)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func save(t *testing.T, s *session.Store) *http.Cookie {
	t.Helper()
	w := httptest.NewRecorder()
	if err := s.Save(w, session.Session{User: "alice", Since: time.Now()}); err != nil {
		t.Fatal(err)
	}
	return w.Result().Cookies()[0]
}

func accepted(s *session.Store, cookie *http.Cookie) bool {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(cookie)
	got, ok := s.Load(r)
	return ok && got.User == "alice"
}

func TestNewestKeySignsAndAllVerify(t *testing.T) {
	both, old, next, other := store(t, time.Hour, "b", "a"), store(t, time.Hour, "a"), store(t, time.Hour, "b"), store(t, time.Hour, "c")
	byOld, byBoth := save(t, old), save(t, both)
	for name, c := range map[string]struct {
		store  *session.Store
		cookie *http.Cookie
		want   bool
	}{
		"signed before the rotation":             {both, byOld, true},
		"signed with the newest key":             {next, byBoth, true},
		"not signed with the previous":           {old, byBoth, false},
		"signed with a key that left the ring":   {next, byOld, false},
		"signed with a key that never was in it": {both, save(t, other), false},
	} {
		if got := accepted(c.store, c.cookie); got != c.want {
			t.Errorf("%s: accepted %v, want %v", name, got, c.want)
		}
	}
}

func TestCookieIsGuarded(t *testing.T) {
	s := store(t, time.Hour, "a")
	cookie := save(t, s)
	if !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.MaxAge != 3600 || cookie.Path != "/" {
		t.Errorf("the cookie is %+v", cookie)
	}
	if strings.Contains(cookie.Value, "alice") {
		t.Error("the cookie is not encrypted")
	}
	for i := range cookie.Value {
		changed := *cookie
		flipped := byte('A')
		if changed.Value[i] == flipped {
			flipped = 'B'
		}
		changed.Value = changed.Value[:i] + string(flipped) + changed.Value[i+1:]
		if accepted(s, &changed) && i < len(cookie.Value)-1 { // the last character may hold unused bits
			t.Fatalf("a cookie with another character at %d is accepted", i)
		}
	}
}

func TestSessionEndsAfterItsLifetime(t *testing.T) {
	cookie := save(t, store(t, time.Second, "a"))
	if !accepted(store(t, time.Hour, "a"), cookie) {
		t.Fatal("the cookie is not good at all")
	}
	deadline := time.Now().Add(10 * time.Second)
	for short := store(t, time.Second, "a"); accepted(short, cookie); {
		if time.Now().After(deadline) {
			t.Fatal("the cookie is still good after ten times its lifetime")
		}
		<-time.After(50 * time.Millisecond)
	}
}
