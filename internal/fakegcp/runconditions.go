package fakegcp

import (
	"strings"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func (s *Server) condition(kind string, state runpb.Condition_State, message string) *runpb.Condition {
	return &runpb.Condition{Type: kind, State: state, Message: message, LastTransitionTime: s.timestamp()}
}

// failedCondition gives the reason that goes with the error; successful conditions have none.
func (s *Server) failedCondition(kind string, err error) *runpb.Condition {
	st := status.Convert(err)
	c := s.condition(kind, runpb.Condition_CONDITION_FAILED, st.Message())
	switch {
	case st.Code() == codes.NotFound:
		c.Reasons = &runpb.Condition_Reason{Reason: runpb.Condition_CONTAINER_MISSING}
	case strings.Contains(st.Message(), "on secret:"):
		c.Reasons = &runpb.Condition_Reason{Reason: runpb.Condition_SECRETS_ACCESS_CHECK_FAILED}
	case strings.Contains(st.Message(), "user-provided container"):
		c.Reasons = &runpb.Condition_RevisionReason_{RevisionReason: runpb.Condition_HEALTH_CHECK_CONTAINER_ERROR}
	default:
		c.Reasons = &runpb.Condition_Reason{Reason: runpb.Condition_REVISION_FAILED}
	}
	return c
}

// runConditions are the conditions besides the terminal one, in the order in which the API returns them.
func (s *Server) runConditions(collection string, err error) []*runpb.Condition {
	kinds := []string{"RoutesReady", "ConfigurationsReady"}
	switch collection {
	case "workerPools":
		kinds = []string{"ConfigurationsReady"}
	case "jobs":
		kinds = []string{"ResourcesAvailable"}
	}
	var all []*runpb.Condition
	for _, kind := range kinds {
		c := s.condition(kind, runpb.Condition_CONDITION_SUCCEEDED, "")
		if err != nil {
			c = s.failedCondition(kind, err)
		}
		all = append(all, c)
	}
	return all
}
