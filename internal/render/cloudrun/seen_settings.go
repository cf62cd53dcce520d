package cloudrun

import (
	"cloud.google.com/go/run/apiv2/runpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

// seenSettings are the settings of cloud_run of a live service.
func seenSettings(live *runpb.Service) app.RunSettings {
	template := live.GetTemplate()
	r := app.RunSettings{
		VPC:                  seenVPC(template.GetVpcAccess()),
		InvokerIAMDisabled:   live.GetInvokerIamDisabled(),
		DefaultURIDisabled:   live.GetDefaultUriDisabled(),
		CustomAudiences:      live.GetCustomAudiences(),
		SessionAffinity:      template.GetSessionAffinity(),
		ExecutionEnvironment: nameOf(environments, template.GetExecutionEnvironment()),
		RequestTimeout:       template.GetTimeout().AsDuration(),
	}
	if c := seenContainer(template.GetContainers()); c != nil {
		r.CPUAlwaysAllocated = !c.GetResources().GetCpuIdle()
		if !c.GetResources().GetStartupCpuBoost() {
			r.StartupCPUBoost = new(false)
		}
		if ports := c.GetPorts(); len(ports) > 0 && ports[0].GetName() == app.ProtocolH2C {
			r.Protocol = app.ProtocolH2C
		}
	}
	// A revision without bounds of its own gets the API's.
	if s := template.GetScaling(); s.GetMinInstanceCount() > 0 || s.GetMaxInstanceCount() > 0 && s.GetMaxInstanceCount() != app.DefaultRunMax {
		r.RevisionScale = &app.RevisionScale{Min: int(s.GetMinInstanceCount()), Max: int(s.GetMaxInstanceCount())}
	}
	return r
}

// seenVPC describes Direct VPC egress; a connector, which an app cannot have, is drift.
func seenVPC(v *runpb.VpcAccess) *app.VPC {
	if len(v.GetNetworkInterfaces()) == 0 {
		return nil
	}
	first := v.GetNetworkInterfaces()[0]
	seen := &app.VPC{Network: first.GetNetwork(), Subnetwork: first.GetSubnetwork(), Tags: first.GetTags(), Egress: nameOf(egresses, v.GetEgress())}
	drop(&seen.Egress, app.EgressPrivate)
	return seen
}

func nameOf[T comparable](names map[string]T, value T) string {
	for name, v := range names {
		if v == value {
			return name
		}
	}
	return ""
}

// seenScale are the bounds of the service.
func seenScale(live *runpb.Service) app.Scale {
	s := app.Scale{
		Min: int(live.GetScaling().GetMinInstanceCount()), Max: int(live.GetScaling().GetMaxInstanceCount()),
		Concurrency: int(live.GetTemplate().GetMaxInstanceRequestConcurrency()),
	}
	s.MinSet = s.Min > 0
	return s
}
