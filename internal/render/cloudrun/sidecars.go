package cloudrun

import (
	"cloud.google.com/go/run/apiv2/runpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

// withSidecars adds the sidecars of a process after its own container, in the order of their start. The process waits for
// those that say when they have started, as it does on GKE; the API takes no others for depends_on.
// Source: GoogleCloudPlatform/cloud-run-samples#230, "Dependent container 'sidecar' must have startup probe specified".
func withSidecars(in Input, process string, main *runpb.Container) []*runpb.Container {
	containers := []*runpb.Container{main}
	for _, name := range in.App.SidecarsOf(process) {
		s := in.App.Sidecars[name]
		containers = append(containers, sidecar(in, name, s, main))
		if s.Startup != nil {
			main.DependsOn = append(main.DependsOn, name)
		}
	}
	return containers
}

// sidecar renders a further container. When an instance has its CPU is the same for all of its containers.
func sidecar(in Input, name string, s app.Sidecar, main *runpb.Container) *runpb.Container {
	return &runpb.Container{
		Name:    name,
		Image:   s.Image,
		Command: s.Command,
		Args:    s.Args,
		Env:     env(in, s.Config, s.Secrets),
		Resources: &runpb.ResourceRequirements{
			Limits:          map[string]string{"cpu": cpu(s.CPU), "memory": s.Memory},
			CpuIdle:         main.GetResources().GetCpuIdle(),
			StartupCpuBoost: main.GetResources().GetStartupCpuBoost(),
		},
		StartupProbe:  probe(s.Startup, s.Port),
		LivenessProbe: probe(s.Liveness, s.Port),
		VolumeMounts:  mounts(scratchVolume+name+"-", s.Scratch),
		DependsOn:     s.After,
	}
}
