package fakegcp

import "cloud.google.com/go/run/apiv2/runpb"

// Limits of a probe in seconds. Source: the comments of Probe in google/cloud/run/v2/k8s.min.proto.
const (
	maxStartupProbe = 240
	maxOtherProbe   = 3600
)

// readinessProbe is the kind that asks by HTTP or gRPC only, and at once.
// Source: https://cloud.google.com/run/docs/configuring/healthchecks, readiness probes.
const readinessProbe = "readiness_probe"

// checkProbes refuses probes whose times are out of bounds, after defaults. The texts are not recorded.
func checkProbes(i int, c *runpb.Container) error {
	for _, p := range []struct {
		kind  string
		probe *runpb.Probe
		most  int32
	}{
		{"startup_probe", c.GetStartupProbe(), maxStartupProbe},
		{"liveness_probe", c.GetLivenessProbe(), maxOtherProbe},
		{readinessProbe, c.GetReadinessProbe(), maxOtherProbe},
	} {
		if p.probe == nil {
			continue
		}
		for _, f := range []struct {
			field              string
			value, least, most int32
		}{
			{"initial_delay_seconds", p.probe.GetInitialDelaySeconds(), 0, p.most},
			{"period_seconds", p.probe.GetPeriodSeconds(), 1, p.most},
			{"timeout_seconds", p.probe.GetTimeoutSeconds(), 1, maxOtherProbe},
		} {
			if f.value < f.least || f.value > f.most {
				return invalid("spec.template.spec.containers[%d].%s.%s: must be between %d and %d.", i, p.kind, f.field, f.least, f.most)
			}
		}
		switch {
		case p.kind == readinessProbe && p.probe.GetTcpSocket() != nil:
			return invalid("spec.template.spec.containers[%d].%s: must be an HTTP or gRPC probe.", i, p.kind)
		case p.kind == readinessProbe && p.probe.GetInitialDelaySeconds() != 0:
			return invalid("spec.template.spec.containers[%d].%s.initial_delay_seconds: must not be set.", i, p.kind)
		case p.probe.GetTimeoutSeconds() > p.probe.GetPeriodSeconds():
			return invalid("spec.template.spec.containers[%d].%s.timeout_seconds: must not be greater than period_seconds.", i, p.kind)
		case p.probe.GetFailureThreshold() < 1:
			return invalid("spec.template.spec.containers[%d].%s.failure_threshold: must be at least 1.", i, p.kind)
		}
	}
	return nil
}
