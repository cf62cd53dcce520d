package fakegcp

import (
	"context"
	"net"
	"runtime/debug"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// intercept is what every call goes through: caller, permission, faults, lock, clock, handler, journal.
func (s *Server) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	method := strings.TrimPrefix(info.FullMethod, "/")
	message, _ := request.(proto.Message)
	call := Call{Method: method, Resource: requestResource(message), Principal: s.caller(ctx), ValidateOnly: validatesOnly(message)}
	call.Mutating = mutating(method) && !call.ValidateOnly

	fault, struck := s.faults.strike(method, call.Resource)
	if struck {
		call.Fault = fault.String()
	}
	if struck && fault.changesRequest() {
		request, struck = fault.change(request), false
	}
	var response any
	var err error
	if !struck || fault.When == After {
		response, err = s.handleWaiting(ctx, call, request, handle)
	}
	if late := s.delay(ctx, call); late != nil {
		call.Code = statusName(status.Code(late))
		s.record(call)
		return nil, late
	}
	if struck {
		return s.answer(ctx, call, fault, response, err)
	}
	call.Code = statusName(status.Code(err))
	s.record(call)
	return response, err
}

func (s *Server) record(call Call) {
	call.Time = s.clock.Now()
	s.journal.add(call)
}

// handle runs the handler, and returns when the state file, if there is one, has what the answer shows.
func (s *Server) handle(ctx context.Context, call Call, request any, handle grpc.UnaryHandler) (any, error) {
	s.order.RLock()
	defer s.order.RUnlock()
	response, err := s.handleLocked(ctx, call, request, handle)
	if lost := s.file.flush(); lost != nil && call.Mutating {
		return nil, lost
	}
	return response, err
}

// handleLocked runs the handler under the lock, as one atomic step at one moment.
func (s *Server) handleLocked(ctx context.Context, call Call, request any, handle grpc.UnaryHandler) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now().Round(0) // without the monotonic part, which a state file cannot keep
	s.settleUntil(now)
	s.armTimer()
	if err := s.authorize(call); err != nil {
		return nil, err
	}
	if err := s.authorizeActing(call, request); err != nil {
		return nil, err
	}
	if err := s.file.failure(); err != nil && call.Mutating {
		return nil, err
	}
	scheduled := s.agenda.next
	response, err := s.handleAt(ctx, now, call, request, handle)
	// A call that is refused has no effect; one that panicked may have had half of it.
	if call.Mutating && (err == nil || status.Code(err) == codes.Internal || s.agenda.next != scheduled) {
		s.file.keepCall(now, s.clock.base.Now(), call, request, err)
	}
	return response, err
}

// handleAt is the handler's step. A handler that panics fails its call only. The caller holds the lock.
func (s *Server) handleAt(ctx context.Context, now time.Time, call Call, request any, handle grpc.UnaryHandler) (response any, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.options.Log.Error("handler panicked", "method", call.Method, "resource", call.Resource, "panic", p, "stack", string(debug.Stack()))
			response, err = nil, status.Errorf(codes.Internal, "fakegcp: %s panicked: %v", call.Method, p)
		}
	}()
	s.atMoment(now, s.file.seed("record", s.file.next()), func() {
		response, err = handle(context.WithValue(ctx, callerKey{}, call.Principal), request)
	})
	if status.Code(err) == codes.Unimplemented && !strings.HasPrefix(status.Convert(err).Message(), unmodelledPrefix) {
		return notServed(call.Method)(ctx, request) // a generated method, whose text names neither service nor fake
	}
	return response, err
}

// answer is what a struck call gets. An error that the handler had anyway is not masked by one that is to come after
// the effect, as there was none.
func (s *Server) answer(ctx context.Context, call Call, fault Fault, response any, handled error) (any, error) {
	switch fault.Kind {
	case FaultHang:
		s.record(call)
		return nil, s.faults.hang(ctx)
	case FaultReset:
		s.record(call)
		return nil, resetConnection(ctx)
	case FaultMalformed:
		call.Code = statusName(codes.OK)
		s.record(call)
		return malformed(), nil
	case FaultTruncated:
		call.Code = statusName(status.Code(handled))
		s.record(call)
		if handled != nil {
			return nil, handled
		}
		truncate(ctx)
		if response == nil { // the fault came before the effect
			response = malformed()
		}
		return response, nil
	default:
		err := fault.err()
		if handled != nil {
			err = handled
		}
		call.Code = statusName(status.Code(err))
		s.record(call)
		return nil, err
	}
}

// hang waits for the caller to give up. Its deadline is the server's too, so either side may notice first.
func (fs *faults) hang(ctx context.Context) error {
	fs.mu.Lock()
	cleared := fs.cleared
	fs.mu.Unlock()
	select {
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	case <-cleared:
		return status.Error(codes.Unavailable, "the call hung until the fault was cleared")
	}
}

// malformedField is field 1 with a length that nothing follows: no message type decodes it.
var malformedField = []byte{0x0a, 0x7f}

func malformed() *emptypb.Empty {
	m := &emptypb.Empty{}
	m.ProtoReflect().SetUnknown(malformedField)
	return m
}

func isMalformed(m proto.Message) bool {
	e, ok := m.(*emptypb.Empty)
	return ok && string(e.ProtoReflect().GetUnknown()) == string(malformedField)
}

type (
	connectionKey struct{}
	callerKey     struct{}
)

// resetConnection ends the caller's TCP connection with RST instead of FIN.
func resetConnection(ctx context.Context) error {
	conn, ok := ctx.Value(connectionKey{}).(net.Conn)
	if !ok {
		return status.Error(codes.Unavailable, "connection reset by peer")
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // only makes the end ruder
	}
	_ = conn.Close() // the end is what was asked for, however it goes
	return status.Error(codes.Unavailable, "connection reset by peer")
}
