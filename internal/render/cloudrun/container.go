package cloudrun

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

func webContainer(in Input, p app.Process) *runpb.Container {
	c := container(in, app.Web, p)
	c.Ports = []*runpb.ContainerPort{{Name: in.App.CloudRun.Protocol, ContainerPort: int32(p.Port)}}
	c.StartupProbe, c.LivenessProbe, c.ReadinessProbe = startupProbe(p.Startup, p.Port), probe(p.Liveness, p.Port), probe(p.Readiness, p.Port)
	// Both are said always: with resources the API takes a missing value for false.
	// Source: run.v2, ResourceRequirements.cpu_idle.
	c.Resources.CpuIdle, c.Resources.StartupCpuBoost = !in.App.CloudRun.CPUAlwaysAllocated, *in.App.CloudRun.StartupCPUBoost
	return c
}

// workerContainer has no ports, which worker pools do not take: its checks name the port themselves, and the process is
// told here what Cloud Run tells only the one that takes the requests.
// Source: run.v2, Container.ports; Cloud Run documentation, "Configure container health checks for worker pools".
func workerContainer(in Input, name string, p app.Process) *runpb.Container {
	c := container(in, name, p)
	c.StartupProbe, c.LivenessProbe = probe(p.Startup, p.Port), probe(p.Liveness, p.Port)
	if p.Port != 0 {
		told := &runpb.EnvVar{Name: "PORT", Values: &runpb.EnvVar_Value{Value: strconv.Itoa(p.Port)}}
		c.Env = append([]*runpb.EnvVar{told}, c.Env...)
	}
	return c
}

func container(in Input, name string, p app.Process) *runpb.Container {
	return &runpb.Container{
		Name:         name,
		Image:        in.App.Image,
		Command:      p.Command,
		Args:         p.Args,
		Env:          env(in, in.App.Config, in.App.Secrets),
		Resources:    &runpb.ResourceRequirements{Limits: map[string]string{"cpu": cpu(p.CPU), "memory": p.Memory}},
		VolumeMounts: append(mounts(scratchVolume, p.Scratch), fileMounts(in)...),
	}
}

// cpu writes whole cores as Cloud Run does ("1", not "1000m"), parts as millicores ("500m").
func cpu(quantity string) string {
	millis, err := app.ParseCPU(quantity)
	switch {
	case err != nil:
		return quantity // the API refuses it in its own words
	case millis%1000 == 0:
		return strconv.Itoa(millis / 1000)
	default:
		return strconv.Itoa(millis) + "m"
	}
}

// env lists config and then secrets, each by name. PORT is Cloud Run's own.
func env(in Input, config, secrets map[string]string) []*runpb.EnvVar {
	var vars []*runpb.EnvVar
	for _, name := range slices.Sorted(maps.Keys(config)) {
		vars = append(vars, &runpb.EnvVar{Name: name, Values: &runpb.EnvVar_Value{Value: config[name]}})
	}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		vars = append(vars, &runpb.EnvVar{Name: name, Values: &runpb.EnvVar_ValueSource{ValueSource: &runpb.EnvVarSource{
			SecretKeyRef: secretRef(in, secrets[name]),
		}}})
	}
	return vars
}

// secretRef pins a version of a global secret: there is no name for a regional one, which a rule refuses. The API wants the short name of a secret of the service's own project and the full name of
// another project's. Source: run.v2, SecretKeySelector.secret.
func secretRef(in Input, version string) *runpb.SecretKeySelector {
	ref, err := app.ParseSecretVersion(version)
	if err != nil || ref.Location != "" {
		return &runpb.SecretKeySelector{Secret: version} // the API refuses it in its own words
	}
	name := ref.Secret
	if ref.Project != in.App.CloudRun.Project {
		name = "projects/" + ref.Project + "/secrets/" + name
	}
	return &runpb.SecretKeySelector{Secret: name, Version: ref.Version}
}

// scratchVolume begins the names of the volumes of scratch paths; those of a sidecar have its name next.
const scratchVolume = "scratch-"

// volumes are the scratch paths of all containers and the files of the process. Scratch paths take from the instance's memory; the root filesystem is writable
// on Cloud Run, but without a bound.
func volumes(in Input, process string, p app.Process) []*runpb.Volume {
	all := scratch(scratchVolume, p.Scratch)
	for _, name := range in.App.SidecarsOf(process) {
		all = append(all, scratch(scratchVolume+name+"-", in.App.Sidecars[name].Scratch)...)
	}
	files, _ := fileVolumes(in)
	return append(all, files...)
}

// scratch lists volumes by path.
func scratch(prefix string, sizes map[string]string) []*runpb.Volume {
	var all []*runpb.Volume
	for i, path := range slices.Sorted(maps.Keys(sizes)) {
		all = append(all, &runpb.Volume{Name: prefix + strconv.Itoa(i), VolumeType: &runpb.Volume_EmptyDir{EmptyDir: &runpb.EmptyDirVolumeSource{
			Medium: runpb.EmptyDirVolumeSource_MEMORY, SizeLimit: sizes[path],
		}}})
	}
	return all
}

func fileMounts(in Input) []*runpb.VolumeMount {
	_, files := fileVolumes(in)
	return files
}

func mounts(prefix string, sizes map[string]string) []*runpb.VolumeMount {
	var all []*runpb.VolumeMount
	for i, path := range slices.Sorted(maps.Keys(sizes)) {
		all = append(all, &runpb.VolumeMount{Name: prefix + strconv.Itoa(i), MountPath: path})
	}
	return all
}

func probe(p *app.Probe, port int) *runpb.Probe {
	if p == nil {
		return nil
	}
	out := &runpb.Probe{
		PeriodSeconds:    int32(p.Period / time.Second),
		TimeoutSeconds:   int32(p.Timeout / time.Second),
		FailureThreshold: int32(p.FailureThreshold),
	}
	switch {
	case p.GRPC:
		out.ProbeType = &runpb.Probe_Grpc{Grpc: &runpb.GRPCAction{Port: int32(port), Service: p.GRPCService}}
	case p.Path != "":
		out.ProbeType = &runpb.Probe_HttpGet{HttpGet: &runpb.HTTPGetAction{Path: p.Path, Port: int32(port)}}
	default:
		out.ProbeType = &runpb.Probe_TcpSocket{TcpSocket: &runpb.TCPSocketAction{Port: int32(port)}}
	}
	return out
}
