package fakegcp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// openState takes the state file for this process and brings back what is in it; a file that is not there is begun.
func (s *Server) openState() error {
	if !oneState.CompareAndSwap(false, true) {
		return errors.New("state file: a process has one fake with a state file at a time")
	}
	name, err := filepath.Abs(s.options.StateFile) // Kubernetes' programs run elsewhere
	if err != nil {
		oneState.Store(false)
		return fmt.Errorf("state file: %w", err)
	}
	lock, err := lockFile(name + ".lock")
	if err != nil {
		oneState.Store(false)
		return fmt.Errorf("state file %s: %w", name, err)
	}
	s.file = &stateFile{name: name, lock: lock}
	content, err := os.ReadFile(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		now := s.clock.Now().Round(0)
		err = s.file.restart(s.initial, now, s.clock.base.Now())
		s.found(now)
		return err
	case err != nil:
		return fmt.Errorf("state file: %w", err)
	}
	if err := s.restore(content); err != nil {
		return fmt.Errorf("state file %s is left as it is: %w", name, err)
	}
	return nil
}

// restore does again what a state file says, and opens it for more.
func (s *Server) restore(content []byte) error {
	began := time.Now()
	// A last line without an end was cut off by a kill before its call was answered.
	whole := content[:bytes.LastIndexByte(content, '\n')+1]
	r := replay{s: s, lines: bufio.NewReader(bytes.NewReader(whole))}
	if err := r.run(); err != nil {
		return err
	}
	file, err := os.OpenFile(s.file.name, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	s.file.file = file
	if len(whole) < len(content) {
		if err := file.Truncate(int64(len(whole))); err != nil {
			return err
		}
	}
	s.options.Log.Info("state restored", "file", s.file.name, "changes", s.file.lines, "took", time.Since(began).Round(time.Millisecond))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock.resume(r.at, r.real)
	s.settle()
	now := s.clock.Now().Round(0)
	start := startOf(s.initial)
	s.restarted(r.start, start)
	s.file.add(stateLine{At: now, Real: s.clock.base.Now(), Start: start})
	return s.file.flush()
}

// restarted is what a start does to what was there: it disarms what is not kept (faults.restarted), or comes again from
// Options.Control, and where an option is not what it was at the
// start before, it becomes what it is now. The caller holds the lock.
func (s *Server) restarted(before, now *stateStart) {
	s.faults.restarted()
	s.rules = slices.DeleteFunc(s.rules, func(r *operationRule) bool { return r.initial })
	for name, d := range durationsOf(&s.options) {
		if wanted, ok := now.Durations[name]; ok && wanted != before.Durations[name] {
			*d = wanted
		}
	}
}

// replay is the reading back of one state file.
type replay struct {
	s        *Server
	lines    *bufio.Reader
	number   int
	start    *stateStart // the latest start
	at, real time.Time   // of the latest line
}

func (r *replay) run() error {
	r.s.mu.Lock()
	r.s.replaying = true
	r.s.mu.Unlock()
	defer func() {
		r.s.mu.Lock()
		defer r.s.mu.Unlock()
		r.s.replaying = false
	}()
	if err := r.begin(); err != nil {
		return err
	}
	for {
		line, err := r.read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = r.repeat(line)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", r.number, err)
		}
		r.at, r.real = line.At, line.Real
	}
}

func (r *replay) read() (stateLine, error) {
	text, err := r.lines.ReadString('\n')
	if err != nil {
		return stateLine{}, err
	}
	r.number++
	return decodeLine(text[:len(text)-1])
}

// begin reads the header and the first start.
func (r *replay) begin() error {
	first, err := r.read()
	if errors.Is(err, io.EOF) || err == nil && first.Header == nil {
		err = errDamaged
	}
	if err != nil {
		return err
	}
	h, o := first.Header, r.s.initial
	switch {
	case h.Format != stateFormat || len(h.Secret) != len(r.s.file.secret):
		return errDamaged
	case h.Version != stateVersion:
		return fmt.Errorf("it has version %d, this fakegcp reads version %d", h.Version, stateVersion)
	case h.Project != o.Project || h.ProjectNumber != o.ProjectNumber:
		return fmt.Errorf("it is of project %s=%s, not %s=%s: start with that project, or with another file", h.Project, h.ProjectNumber, o.Project, o.ProjectNumber)
	}
	copy(r.s.file.secret[:], h.Secret)
	second, err := r.read()
	if errors.Is(err, io.EOF) || err == nil && second.Start == nil {
		err = errDamaged
	}
	if err != nil {
		return err
	}
	r.start = second.Start
	for name, d := range durationsOf(&r.s.options) {
		if was, ok := r.start.Durations[name]; ok {
			*d = was
		}
	}
	r.at, r.real = second.At, second.Real
	r.s.clock.pin(second.At)
	r.s.found(second.At)
	return nil
}

// repeat does what a line says, at its time.
func (r *replay) repeat(line stateLine) error {
	r.s.clock.pin(line.At)
	r.s.Settle()
	switch {
	case line.Call != nil:
		return r.call(line)
	case line.Change != nil:
		return r.change(line.Change)
	case line.Start != nil:
		r.s.mu.Lock()
		defer r.s.mu.Unlock()
		before := r.start
		r.start = line.Start
		r.s.restarted(before, line.Start)
		return nil
	case line.End != nil:
		return nil
	}
	return errDamaged
}

// call handles a call again, past permissions and faults, which it had passed.
func (r *replay) call(line stateLine) error {
	c := line.Call
	target, ok := r.s.handlers.byMethod["/"+c.Method]
	if !ok {
		return fmt.Errorf("another version of fakegcp wrote it: %s is not served", c.Method)
	}
	decode := func(into any) error {
		m, ok := into.(proto.Message)
		if !ok {
			return errDamaged
		}
		return proto.Unmarshal(c.Request, m)
	}
	again := func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		r.s.mu.Lock()
		defer r.s.mu.Unlock()
		return r.s.handleAt(ctx, line.At, Call{Method: c.Method, Principal: c.Principal}, request, handle)
	}
	_, err := target.desc.Handler(target.server, context.Background(), decode, again)
	r.s.file.lines++
	if got := statusName(status.Code(err)); got != c.Code {
		return fmt.Errorf("another version of fakegcp wrote it: %s was answered %s then, %s now", c.Method, c.Code, got)
	}
	return nil
}

// change makes a change of the control API again.
func (r *replay) change(c *stateChange) error {
	request, err := http.NewRequest(c.Verb, c.Target, bytes.NewReader(c.Body))
	if err != nil {
		return errDamaged
	}
	route, ok := r.s.control.find(c.Verb, request.URL.Path[min(len(controlPrefix), len(request.URL.Path)):])
	if !ok {
		return fmt.Errorf("another version of fakegcp wrote it: there is no %s %s", c.Verb, request.URL.Path)
	}
	defer ids.restore(ids.use(r.s.file.seed("record", r.s.file.next())))
	r.s.applying.Store(c.Initial)
	defer r.s.applying.Store(false)
	_, err = route.serve(request)
	r.s.file.lines++
	if err != nil {
		return fmt.Errorf("another version of fakegcp wrote it: %s %s is refused now: %w", c.Verb, c.Target, err)
	}
	return nil
}
