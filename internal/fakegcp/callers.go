package fakegcp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc/metadata"
)

// developer is who calls with any token, or none.
const developer = "developer@example.com"

// caller is the principal behind the call's bearer token.
func (s *Server) caller(ctx context.Context) string {
	token := bearerToken(ctx)
	if token != "" && token == s.options.ReadOnlyToken {
		return s.reader()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if principal, ok := s.callers.principals[token]; ok {
		return principal
	}
	return developer
}

// callers are the principals that a test has given tokens, whose permissions come from the policies.
type callers struct {
	principals map[string]string // e-mail address by token
	members    map[string]string // "serviceAccount:EMAIL" or "user:EMAIL" by e-mail address
}

// AddToken makes a bearer token that of a principal ("serviceAccount:EMAIL" or "user:EMAIL"), who has the permissions that
// policies grant it by roles that the fake knows, on the resource itself or on its project, and no others. It is how a
// configuration is tried with the least privilege that it claims to need. The error names what is wrong with an argument.
func (s *Server) AddToken(token, member string) error {
	kind, email, _ := strings.Cut(member, ":")
	switch {
	case token == "" || token == s.options.ReadOnlyToken:
		return errors.New("token: want one that is not empty and not the read-only token")
	case kind != "serviceAccount" && kind != "user" || !strings.Contains(email, "@"):
		return fmt.Errorf(`member %q: want "serviceAccount:EMAIL" or "user:EMAIL"`, member)
	case email == developer || email == s.reader():
		return fmt.Errorf("member %q has its permissions without policies: take another", member)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	if s.callers.principals == nil {
		s.callers = callers{principals: map[string]string{}, members: map[string]string{}}
	}
	email = strings.ToLower(email)
	s.callers.principals[token], s.callers.members[email] = email, kind+":"+email
	return nil
}

// memberCan says whether policies give a member a permission on a resource; a service account must be there and enabled.
// The caller holds the lock.
func (s *Server) memberCan(member, permission, resource string) bool {
	if email, ok := strings.CutPrefix(member, "serviceAccount:"); ok {
		return s.accountCan(email, permission, resource)
	}
	return s.effective(member, permission, resource)
}

// controlPrincipals lists the principals that have a token, never the token.
func (s *Server) controlPrincipals(*http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, slices.Sorted(maps.Values(s.callers.members))...), nil
}

func (s *Server) controlTokens(r *http.Request) (any, error) {
	in, err := controlInput[struct {
		Token  string `json:"token"`
		Member string `json:"member"`
	}](r)
	if err != nil {
		return nil, err
	}
	return nil, s.AddToken(in.Token, in.Member)
}

// reader is the principal of the read-only token.
func (s *Server) reader() string {
	return "reader@" + s.options.Project + ".iam.gserviceaccount.com"
}

// callerOf is the principal of the call that a handler is serving.
func callerOf(ctx context.Context) string {
	p, _ := ctx.Value(callerKey{}).(string)
	return p
}

func bearerToken(ctx context.Context) string {
	md, _ := metadata.FromIncomingContext(ctx)
	for _, v := range md.Get("authorization") {
		if token, ok := strings.CutPrefix(v, "Bearer "); ok {
			return token
		}
	}
	return ""
}
