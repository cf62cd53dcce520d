package cloudrun

import (
	"cloud.google.com/go/run/apiv2/runpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

// environments and egresses are what the API calls the settings of cloud_run.
var (
	environments = map[string]runpb.ExecutionEnvironment{
		app.Gen1: runpb.ExecutionEnvironment_EXECUTION_ENVIRONMENT_GEN1,
		app.Gen2: runpb.ExecutionEnvironment_EXECUTION_ENVIRONMENT_GEN2,
	}
	egresses = map[string]runpb.VpcAccess_VpcEgress{
		app.EgressPrivate: runpb.VpcAccess_PRIVATE_RANGES_ONLY,
		app.EgressAll:     runpb.VpcAccess_ALL_TRAFFIC,
	}
)

// revisionScaling bounds a revision. The bounds of processes.web.scale are the service's, so that changing them makes no
// revision; only where the revision's own limit would cap them is it raised with them. The limit is always said: the
// API's own depends on the project's quota, and a limit that somebody else set (gcloud sets the revision's) would not show.
func revisionScaling(r app.CloudRun, web app.Scale) *runpb.RevisionScaling {
	var declared app.RevisionScale
	if r.RevisionScale != nil {
		declared = *r.RevisionScale
	}
	if declared.Max == 0 {
		declared.Max = max(web.Max, app.DefaultRunMax)
	}
	return &runpb.RevisionScaling{MinInstanceCount: int32(declared.Min), MaxInstanceCount: int32(declared.Max)}
}

func vpcAccess(in Input) *runpb.VpcAccess {
	v := in.App.CloudRun.VPC
	if v == nil {
		return nil
	}
	return &runpb.VpcAccess{
		Egress:            egresses[v.Egress],
		NetworkInterfaces: []*runpb.VpcAccess_NetworkInterface{{Network: v.Network, Subnetwork: v.Subnetwork, Tags: v.Tags}},
	}
}

// startupSeconds is how long the API lets a container take that has no startup check of its own.
const startupSeconds = 240

// startupProbe says the check explicitly that the API adds where there is none, so that a change of it shows.
// Source: a service's JSON as firebase-tools records it.
func startupProbe(p *app.Probe, port int) *runpb.Probe {
	if p != nil {
		return probe(p, port)
	}
	return &runpb.Probe{
		PeriodSeconds: startupSeconds, TimeoutSeconds: startupSeconds, FailureThreshold: 1,
		ProbeType: &runpb.Probe_TcpSocket{TcpSocket: &runpb.TCPSocketAction{Port: int32(port)}},
	}
}
