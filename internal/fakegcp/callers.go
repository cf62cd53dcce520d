package fakegcp

import (
	"context"
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
	return developer
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
