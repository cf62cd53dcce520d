package cloudrun

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

// portName says HTTP/1; an app that speaks gRPC would need "h2c". Source: run.v2, ContainerPort.name.
const portName = "http1"

func webContainer(in Input, p app.Process) *runpb.Container {
	c := container(in, app.Web, p)
	c.Ports = []*runpb.ContainerPort{{Name: portName, ContainerPort: int32(p.Port)}}
	c.StartupProbe, c.LivenessProbe, c.ReadinessProbe = probe(p.Startup), probe(p.Liveness), probe(p.Readiness)
	// Both are what the API sets when no resources are named; with resources it takes a missing value for false.
	// Source: run.v2, ResourceRequirements.cpu_idle.
	c.Resources.CpuIdle, c.Resources.StartupCpuBoost = true, true
	return c
}

func container(in Input, name string, p app.Process) *runpb.Container {
	return &runpb.Container{
		Name:         name,
		Image:        in.App.Image,
		Command:      p.Command,
		Args:         p.Args,
		Env:          env(in),
		Resources:    &runpb.ResourceRequirements{Limits: map[string]string{"cpu": cpu(p.CPU), "memory": p.Memory}},
		VolumeMounts: mounts(in, p),
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
func env(in Input) []*runpb.EnvVar {
	var vars []*runpb.EnvVar
	for _, name := range slices.Sorted(maps.Keys(in.App.Config)) {
		vars = append(vars, &runpb.EnvVar{Name: name, Values: &runpb.EnvVar_Value{Value: in.App.Config[name]}})
	}
	for _, name := range slices.Sorted(maps.Keys(in.App.Secrets)) {
		vars = append(vars, &runpb.EnvVar{Name: name, Values: &runpb.EnvVar_ValueSource{ValueSource: &runpb.EnvVarSource{
			SecretKeyRef: secretRef(in, in.App.Secrets[name]),
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

// volumes are the scratch paths, by path, and the files. Scratch paths take from the instance's memory; the root filesystem is writable on
// Cloud Run, but without a bound.
func volumes(in Input, p app.Process) []*runpb.Volume {
	var all []*runpb.Volume
	for i, path := range slices.Sorted(maps.Keys(p.Scratch)) {
		all = append(all, &runpb.Volume{Name: volumeName(i), VolumeType: &runpb.Volume_EmptyDir{EmptyDir: &runpb.EmptyDirVolumeSource{
			Medium: runpb.EmptyDirVolumeSource_MEMORY, SizeLimit: p.Scratch[path],
		}}})
	}
	files, _ := fileVolumes(in)
	return append(all, files...)
}

func mounts(in Input, p app.Process) []*runpb.VolumeMount {
	var all []*runpb.VolumeMount
	for i, path := range slices.Sorted(maps.Keys(p.Scratch)) {
		all = append(all, &runpb.VolumeMount{Name: volumeName(i), MountPath: path})
	}
	_, files := fileVolumes(in)
	return append(all, files...)
}

func volumeName(i int) string { return "scratch-" + strconv.Itoa(i) }

// probe leaves the port out: the API takes the container's.
func probe(p *app.Probe) *runpb.Probe {
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
		out.ProbeType = &runpb.Probe_Grpc{Grpc: &runpb.GRPCAction{}}
	case p.Path != "":
		out.ProbeType = &runpb.Probe_HttpGet{HttpGet: &runpb.HTTPGetAction{Path: p.Path}}
	default:
		out.ProbeType = &runpb.Probe_TcpSocket{TcpSocket: &runpb.TCPSocketAction{}}
	}
	return out
}
