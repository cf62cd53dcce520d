package fakegcp

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// OperationRule says how operations go that are accepted from now on: how long they take, whether they end by themselves,
// and whether they fail. The first rule that an operation is due for decides, when it is accepted.
type OperationRule struct {
	// Kind is part of the operation's type, such as CREATE_CLUSTER, UPGRADE_NODES, or ROLLOUT and DELETE on Cloud Run; empty
	// matches every type.
	Kind string
	// Target is part of the full name of the object that changes; empty matches every object.
	Target string
	// Occurrence is which of the matching operations it is, from 1; 0 is each of them.
	Occurrence int
	// Times is how many from Occurrence on, 1 by default.
	Times int
	// Duration is how long they run, by the virtual clock; 0 leaves that as it is. In JSON a text such as "10m".
	Duration time.Duration
	// Hold has them run until ReleaseOperations.
	Hold bool
	// Code and Message fail them in the end, with what a failure leaves behind; OK lets them end as they would.
	Code    codes.Code
	Message string
	// Conditions are the codes of the conditions that a failed operation of GKE shows, such as GCE_STOCKOUT.
	Conditions []string
}

// operationRule is a rule in force.
type operationRule struct {
	OperationRule
	seen, ruled int
	initial     bool // from Options.Control
}

// operationRuleJSON is an OperationRule in the control API.
type operationRuleJSON struct {
	Kind       string     `json:"kind"`
	Target     string     `json:"target"`
	Occurrence int        `json:"occurrence"`
	Times      int        `json:"times"`
	Duration   string     `json:"duration,omitempty"`
	Hold       bool       `json:"hold"`
	Code       codes.Code `json:"code"`
	Message    string     `json:"message,omitempty"`
	Conditions []string   `json:"conditions,omitempty"`
}

// MarshalJSON writes the duration and the code as texts.
func (r OperationRule) MarshalJSON() ([]byte, error) {
	j := operationRuleJSON{r.Kind, r.Target, r.Occurrence, r.Times, "", r.Hold, r.Code, r.Message, r.Conditions}
	if r.Duration != 0 {
		j.Duration = r.Duration.String()
	}
	return json.Marshal(struct {
		operationRuleJSON
		Code string `json:"code"`
	}{j, statusName(r.Code)})
}

func (r OperationRule) check() (OperationRule, error) {
	if r.Times == 0 && r.Occurrence > 0 {
		r.Times = 1
	}
	if r.Code != codes.OK && r.Message == "" {
		r.Message = "injected failure"
	}
	switch {
	case r.Occurrence < 0 || r.Times < 0 || r.Times > 0 && r.Occurrence == 0:
		return r, fmt.Errorf("operation rule: occurrence %d, times %d: 1 is the next matching operation, 0 each; times counts from an occurrence on", r.Occurrence, r.Times)
	case r.Duration < 0:
		return r, fmt.Errorf("operation rule: duration %s: want one such as 10m", r.Duration)
	case r.Duration == 0 && !r.Hold && r.Code == codes.OK:
		return r, errors.New("operation rule: it would change nothing: want a duration, hold or a code")
	case r.Code == codes.OK && (r.Message != "" || len(r.Conditions) > 0):
		return r, errors.New("operation rule: message and conditions are those of a failure: want a code other than OK")
	}
	for _, c := range r.Conditions {
		if _, ok := containerpb.StatusCondition_Code_value[c]; !ok {
			return r, fmt.Errorf("operation rule: condition %q is not a code of GKE's, such as GCE_STOCKOUT", c)
		}
	}
	return r, nil
}

// SetOperation adds a rule; the error says what is accepted.
func (s *Server) SetOperation(r OperationRule) error {
	r, err := r.check()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	s.rules = append(s.rules, &operationRule{OperationRule: r, initial: s.applying.Load()})
	return nil
}

// ClearOperations takes the rules away. Operations that were accepted under one keep to it.
func (s *Server) ClearOperations() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	s.rules = nil
}

// ReleaseOperations ends the operations that a rule holds and whose target's full name has the part (empty: all), as their
// rule says, and returns the names of those. The error says which are held when there is none of that target.
func (s *Server) ReleaseOperations(target string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	var released, held []string
	for _, op := range slices.Clone(s.operations.order) {
		switch {
		case op.done || !op.held():
		case !strings.Contains(op.target, target):
			held = append(held, op.target)
		default:
			s.schedule(s.clock.Now(), func() { s.complete(op) })
			released = append(released, op.name)
		}
	}
	s.settle()
	if len(released) == 0 {
		return nil, fmt.Errorf("no operation is held for a target with %q; there are: %s", target, strings.Join(held, ", "))
	}
	return released, nil
}

// rule finds the rule for an operation that is being accepted. The caller holds the lock.
func (s *Server) rule(op *operation) {
	for _, r := range s.rules {
		if !strings.Contains(op.kind, r.Kind) || !strings.Contains(op.target, r.Target) {
			continue
		}
		r.seen++
		if r.Occurrence != 0 && (r.seen < r.Occurrence || r.seen >= r.Occurrence+r.Times) {
			continue
		}
		r.ruled++
		op.rule = r
		if r.Duration != 0 {
			op.duration = r.Duration
			op.ends = op.runs.Add(op.duration)
		}
		return
	}
}

// held says whether only ReleaseOperations ends the operation.
func (op *operation) held() bool { return op.rule != nil && op.rule.Hold }

// err is what the rule has an operation fail with, nil for nothing.
func (r *operationRule) err() error {
	if r == nil || r.Code == codes.OK {
		return nil
	}
	return status.Error(r.Code, r.Message)
}

// explain puts the rule's conditions on a failed operation of GKE.
func (r *operationRule) explain(op *operation) {
	detail, ok := op.detail.(*containerDetail)
	if r == nil || !ok {
		return
	}
	for _, c := range r.Conditions {
		code := containerpb.StatusCondition_Code(containerpb.StatusCondition_Code_value[c])
		detail.conditions = append(detail.conditions, &containerpb.StatusCondition{Code: code, Message: r.Message})
	}
}

// Operation is an operation as the control API shows it.
type Operation struct {
	// Name and Target are full names; Kind is the type as its API spells it.
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Target string `json:"target"`
	// Done says that it has ended, Held that only a release ends it.
	Done bool `json:"done"`
	Held bool `json:"held"`
	// Accepted is when it began, Ends when it ends or ended; nobody knows of one that is held.
	Accepted time.Time  `json:"accepted"`
	Ends     *time.Time `json:"ends,omitempty"`
	// Error is how it failed.
	Error string `json:"error,omitempty"`
}

// RuleCount is a rule in force and what it has done so far.
type RuleCount struct {
	Rule OperationRule `json:"rule"`
	// Seen is how many operations have matched, Ruled for how many of them it decided.
	Seen  int `json:"seen"`
	Ruled int `json:"ruled"`
}

// Operations lists the operations, the oldest first, and the rules for those to come.
func (s *Server) Operations() ([]Operation, []RuleCount) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	all, rules := []Operation{}, []RuleCount{}
	for _, op := range s.operations.order {
		o := Operation{Name: op.name, Kind: op.kind, Target: op.target, Done: op.done, Held: op.held() && !op.done, Accepted: op.accepted}
		if !o.Held && (op.done || !op.open) {
			ends := op.ends
			o.Ends = &ends
		}
		if op.failure != nil {
			o.Error = status.Convert(op.failure).Message()
		}
		all = append(all, o)
	}
	for _, r := range s.rules {
		rules = append(rules, RuleCount{r.OperationRule, r.seen, r.ruled})
	}
	return all, rules
}

// outcome is the failure that a rule or a fault ends the operation with, or nil.
func (s *Server) outcome(op *operation) error {
	if err := op.rule.err(); err != nil {
		return err
	}
	return s.faults.operation(op)
}
