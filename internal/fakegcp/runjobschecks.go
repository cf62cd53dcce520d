package fakegcp

import (
	"cmp"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/genproto/googleapis/api"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Defaults and limits of a job. Source: the comments of google/cloud/run/v2/{job,task_template,execution_template}.proto and
// https://cloud.google.com/run/quotas.
const (
	defaultTaskRetries = 3
	defaultTaskTimeout = 600 * time.Second
	maxTaskTimeout     = 168 * time.Hour
	maxTaskRetries     = 10
	maxTaskCount       = 10000
)

// jobDefaults fills in what the API fills in.
func jobDefaults(s *Server, m *runpb.Job) {
	if m.GetLaunchStage() == api.LaunchStage_LAUNCH_STAGE_UNSPECIFIED {
		m.LaunchStage = api.LaunchStage_GA
	}
	if m.GetTemplate() == nil {
		m.Template = &runpb.ExecutionTemplate{}
	}
	m.Template.TaskCount = cmp.Or(m.GetTemplate().GetTaskCount(), 1)
	if m.GetTemplate().GetTemplate() == nil {
		m.Template.Template = &runpb.TaskTemplate{}
	}
	t := m.GetTemplate().GetTemplate()
	t.ServiceAccount = cmp.Or(t.GetServiceAccount(), s.defaultAccountOf(m.GetName()))
	if t.GetTimeout() == nil {
		t.Timeout = durationpb.New(defaultTaskTimeout)
	}
	if t.GetRetries() == nil {
		t.Retries = &runpb.TaskTemplate_MaxRetries{MaxRetries: defaultTaskRetries}
	}
	if t.GetExecutionEnvironment() == runpb.ExecutionEnvironment_EXECUTION_ENVIRONMENT_UNSPECIFIED {
		t.ExecutionEnvironment = runpb.ExecutionEnvironment_EXECUTION_ENVIRONMENT_GEN2
	}
	vpcDefaults(t.GetVpcAccess())
	for _, c := range t.GetContainers() {
		if c.GetResources() == nil {
			c.Resources = &runpb.ResourceRequirements{} // idle CPU and the start-up boost are a service's
		}
		limitDefaults(c)
	}
}

// checkJob refuses what only a job is refused for.
func checkJob(m *runpb.Job) error {
	if m.GetStartExecutionToken() != "" {
		return unmodelled("start_execution_token of a job: create it, then call RunJob")
	}
	if m.GetRunExecutionToken() != "" {
		return unmodelled("run_execution_token of a job: create it, then call RunJob")
	}
	return checkExecutionTemplate(m.GetTemplate())
}

// checkExecutionTemplate is what a job's template and one with overrides must keep to.
func checkExecutionTemplate(t *runpb.ExecutionTemplate) error {
	timeout := t.GetTemplate().GetTimeout().AsDuration()
	retries := t.GetTemplate().GetMaxRetries()
	switch {
	case t.GetTaskCount() < 1 || t.GetTaskCount() > maxTaskCount:
		return invalid("template.task_count: must be between 1 and %d.", maxTaskCount)
	case t.GetParallelism() < 0:
		return invalid("template.parallelism: must not be negative.")
	case retries < 0 || retries > maxTaskRetries:
		return invalid("template.template.max_retries: must be between 0 and %d.", maxTaskRetries)
	case timeout < time.Second || timeout > maxTaskTimeout:
		return invalid("template.template.timeout: must be between 1s and %.0fs.", maxTaskTimeout.Seconds())
	}
	return checkSecretNames(t.GetTemplate().GetContainers(), t.GetTemplate().GetVolumes())
}

// override applies what a RunJob request says differently to a copy of a job's template.
func override(t *runpb.ExecutionTemplate, o *runpb.RunJobRequest_Overrides) error {
	t.TaskCount = cmp.Or(o.GetTaskCount(), t.GetTaskCount())
	if o.GetTimeout() != nil {
		t.Template.Timeout = o.GetTimeout()
	}
	for _, c := range o.GetContainerOverrides() {
		into := overridden(t.GetTemplate().GetContainers(), c.GetName())
		if into == nil {
			return invalid("overrides.container_overrides: The job has no container named '%s'.", c.GetName())
		}
		if c.GetClearArgs() && len(c.GetArgs()) > 0 {
			return invalid("overrides.container_overrides: clear_args must not be set together with args.")
		}
		if c.GetClearArgs() || len(c.GetArgs()) > 0 {
			into.Args = c.GetArgs()
		}
		into.Env = mergedEnv(into.GetEnv(), c.GetEnv())
	}
	return nil
}

// overridden is the container of a name; without one it is the only container.
func overridden(containers []*runpb.Container, name string) *runpb.Container {
	for _, c := range containers {
		if c.GetName() == name || name == "" && len(containers) == 1 {
			return c
		}
	}
	return nil
}

// mergedEnv is an environment with variables replaced by name, and new ones at the end.
func mergedEnv(env, changes []*runpb.EnvVar) []*runpb.EnvVar {
	for _, change := range changes {
		found := false
		for i, e := range env {
			if e.GetName() == change.GetName() {
				env[i], found = change, true
			}
		}
		if !found {
			env = append(env, change)
		}
	}
	return env
}
