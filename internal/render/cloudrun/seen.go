package cloudrun

import (
	"strings"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/protobuf/proto"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// Seen describes a service that another tool made in the terms of an app: what an adoption would write over, as far as an
// app can say it. What is at its default is left out. Values of plain variables are app.Hidden. Who may call the service,
// and labels, are left out: an adoption takes nothing of these away.
func Seen(id names.RunServiceID, live *runpb.Service) app.App {
	template := live.GetTemplate()
	a := app.App{
		Name: id.Name, Identity: template.GetServiceAccount(), CloudRun: &app.CloudRun{
			Project: id.Project, Location: id.Location, Ingress: nameOf(ingress, live.GetIngress()), RunSettings: seenSettings(live),
		},
	}
	web := app.Process{Scale: seenScale(live)}
	if c := seenContainer(template.GetContainers()); c != nil {
		a.Image = c.GetImage()
		a.Config, a.Secrets = seenEnv(id, c.GetEnv())
		web.Command, web.Args = c.GetCommand(), c.GetArgs()
		web.CPU, web.Memory = c.GetResources().GetLimits()["cpu"], c.GetResources().GetLimits()["memory"]
		if ports := c.GetPorts(); len(ports) > 0 {
			web.Port = int(ports[0].GetContainerPort())
		}
		web.Startup, web.Liveness, web.Readiness = seenProbe(c.GetStartupProbe()), seenProbe(c.GetLivenessProbe()), seenProbe(c.GetReadinessProbe())
		web.Scratch = seenScratch(template.GetVolumes(), c.GetVolumeMounts())
		a.SecretFiles = seenFiles(id, template.GetVolumes(), c.GetVolumeMounts())
	}
	a.Processes = map[string]app.Process{app.Web: web}
	return withoutDefaults(a)
}

// Shown is a live service as it may be compared with a rendered one: without the values of plain variables, and with
// secrets named as they are rendered.
func Shown(id names.RunServiceID, live *runpb.Service) *runpb.Service {
	shown := proto.CloneOf(live)
	for _, c := range shown.GetTemplate().GetContainers() {
		for _, e := range c.GetEnv() {
			if ref := e.GetValueSource().GetSecretKeyRef(); ref != nil {
				ref.Secret = strings.TrimPrefix(ref.GetSecret(), "projects/"+id.Project+"/secrets/")
			} else {
				e.Values = &runpb.EnvVar_Value{Value: app.Hidden}
			}
		}
	}
	if c := seenContainer(shown.GetTemplate().GetContainers()); c != nil {
		c.Name = app.Web // the name of the only container says nothing
	}
	return shown
}

// seenContainer is the one that takes the requests.
func seenContainer(containers []*runpb.Container) *runpb.Container {
	for _, c := range containers {
		if len(c.GetPorts()) > 0 || len(containers) == 1 {
			return c
		}
	}
	return nil
}

func seenEnv(id names.RunServiceID, env []*runpb.EnvVar) (config, secrets map[string]string) {
	config, secrets = map[string]string{}, map[string]string{}
	for _, e := range env {
		ref := e.GetValueSource().GetSecretKeyRef()
		if ref == nil {
			config[e.GetName()] = app.Hidden
			continue
		}
		secrets[e.GetName()] = seenVersion(id, ref.GetSecret(), ref.GetVersion())
	}
	return config, secrets
}

func seenProbe(p *runpb.Probe) *app.Probe {
	unasked := p.GetTcpSocket() != nil && p.GetPeriodSeconds() == startupSeconds && p.GetFailureThreshold() == 1
	if p == nil || unasked { // the API's own, where there is no startup check
		return nil
	}
	return &app.Probe{
		Path: p.GetHttpGet().GetPath(), TCP: p.GetTcpSocket() != nil, GRPC: p.GetGrpc() != nil, GRPCService: p.GetGrpc().GetService(),
		Period: time.Duration(p.GetPeriodSeconds()) * time.Second, Timeout: time.Duration(p.GetTimeoutSeconds()) * time.Second,
		FailureThreshold: int(p.GetFailureThreshold()),
	}
}

func seenScratch(volumes []*runpb.Volume, mounts []*runpb.VolumeMount) map[string]string {
	scratch := map[string]string{}
	for _, m := range mounts {
		for _, v := range volumes {
			if empty := v.GetEmptyDir(); empty != nil && v.GetName() == m.GetName() {
				scratch[m.GetMountPath()] = empty.GetSizeLimit()
			}
		}
	}
	return scratch
}

// withoutDefaults leaves out what is so anyway.
func withoutDefaults(a app.App) app.App {
	web := a.Processes[app.Web]
	usual := app.WithDefaults(app.App{
		Name: a.Name, CloudRun: &app.CloudRun{Project: a.CloudRun.Project, Location: a.CloudRun.Location},
		Processes: map[string]app.Process{app.Web: {Scale: app.Scale{Min: web.Scale.Min}}},
	})
	byDefault := usual.Processes[app.Web]
	drop(&web.Port, byDefault.Port)
	drop(&web.Scale.Max, byDefault.Scale.Max)
	drop(&web.Scale.Concurrency, byDefault.Scale.Concurrency)
	drop(&web.Memory, byDefault.Memory)
	if cpu(web.CPU) == byDefault.CPU {
		web.CPU = ""
	}
	drop(&a.CloudRun.Ingress, usual.CloudRun.Ingress)
	drop(&a.CloudRun.RequestTimeout, usual.CloudRun.RequestTimeout)
	a.Processes = map[string]app.Process{app.Web: web}
	return a
}

func drop[T comparable](value *T, byDefault T) {
	var zero T
	if *value == byDefault {
		*value = zero
	}
}
