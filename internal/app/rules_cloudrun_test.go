package app_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

func settings(f func(*app.CloudRun)) func(*app.App) {
	return func(a *app.App) { f(a.CloudRun) }
}

func vpc(v app.VPC) func(*app.App) {
	return settings(func(r *app.CloudRun) { r.VPC = &v })
}

func revisions(least, most int) func(*app.App) {
	return settings(func(r *app.CloudRun) { r.RevisionScale = &app.RevisionScale{Min: least, Max: most} })
}

func webSize(cpu, memory string) func(*app.App) {
	return process("web", func(p *app.Process) { p.CPU, p.Memory, p.Scale.Concurrency = cpu, memory, 0 })
}

var (
	gen2   = settings(func(r *app.CloudRun) { r.ExecutionEnvironment = app.Gen2 })
	always = settings(func(r *app.CloudRun) { r.CPUAlwaysAllocated = true })
)

var runRuleRows = map[string]ruleRow{
	"network by short name":     {onRun(vpc(app.VPC{Network: "default"})), nil},
	"subnetwork by full name":   {onRun(vpc(app.VPC{Subnetwork: "projects/host/regions/asia-northeast1/subnetworks/apps", Tags: []string{"a", "b"}})), nil},
	"both and all traffic":      {onRun(vpc(app.VPC{Network: "projects/example.com:host/global/networks/shared", Subnetwork: "apps", Egress: app.EgressAll})), nil},
	"no network":                {onRun(vpc(app.VPC{})), []string{"vpc at cloud_run.vpc"}},
	"network URL":               {onRun(vpc(app.VPC{Network: "https://www.googleapis.com/compute/v1/projects/p/global/networks/n"})), []string{"vpc at cloud_run.vpc.network"}},
	"subnetwork as network":     {onRun(vpc(app.VPC{Network: "projects/p/regions/r/subnetworks/n"})), []string{"vpc at cloud_run.vpc.network"}},
	"subnetwork in upper case":  {onRun(vpc(app.VPC{Subnetwork: "Apps"})), []string{"vpc at cloud_run.vpc.subnetwork"}},
	"subnetwork elsewhere":      {onRun(vpc(app.VPC{Subnetwork: "projects/p/regions/europe-west1/subnetworks/apps"})), []string{"vpc at cloud_run.vpc.subnetwork"}},
	"egress":                    {onRun(vpc(app.VPC{Network: "default", Egress: "some"})), []string{"vpc at cloud_run.vpc.egress"}},
	"tag":                       {onRun(vpc(app.VPC{Network: "default", Tags: []string{"a_b"}})), []string{"vpc at cloud_run.vpc.tags"}},
	"tag twice":                 {onRun(vpc(app.VPC{Network: "default", Tags: []string{"a", "a"}})), []string{"vpc at cloud_run.vpc.tags"}},
	"65 tags":                   {onRun(vpc(app.VPC{Network: "default", Tags: slices.Repeat([]string{"a"}, 65)})), []string{"vpc at cloud_run.vpc.tags"}},
	"unknown protocol":          {onRun(settings(func(r *app.CloudRun) { r.Protocol = "http2" })), []string{"protocol at cloud_run.protocol"}},
	"h2c":                       {onRun(settings(func(r *app.CloudRun) { r.Protocol = app.ProtocolH2C })), nil},
	"requests of an hour":       {onRun(settings(func(r *app.CloudRun) { r.RequestTimeout = time.Hour })), nil},
	"requests beyond an hour":   {onRun(settings(func(r *app.CloudRun) { r.RequestTimeout = time.Hour + time.Second })), []string{"request-timeout at cloud_run.request_timeout"}},
	"requests of half a second": {onRun(settings(func(r *app.CloudRun) { r.RequestTimeout = time.Second / 2 })), []string{"request-timeout at cloud_run.request_timeout"}},
	"revisions":                 {onRun(revisions(1, 200)), nil},
	"revisions without bounds":  {onRun(revisions(0, 0)), []string{"revision-scale at cloud_run.revision_scale"}},
	"revisions out of bounds":   {onRun(revisions(0, 10_001)), []string{"revision-scale at cloud_run.revision_scale"}},
	"revisions turned around":   {onRun(revisions(3, 2)), []string{"revision-scale at cloud_run.revision_scale"}},
	"revision above service":    {onRun(revisions(101, 0)), []string{"revision-scale at cloud_run.revision_scale"}},
	"revision below service": {
		onRun(revisions(0, 2), process("web", func(p *app.Process) { p.Scale.Min = 3 })), []string{"revision-scale at cloud_run.revision_scale"},
	},
	"unknown environment":   {onRun(settings(func(r *app.CloudRun) { r.ExecutionEnvironment = "gen3" })), []string{"execution-environment at cloud_run.execution_environment"}},
	"gen2":                  {onRun(gen2), nil},
	"gen2 on half a CPU":    {onRun(gen2, webSize("500m", "512Mi")), []string{"execution-environment at cloud_run.execution_environment"}},
	"gen2 in little memory": {onRun(gen2, webSize("1", "256Mi")), []string{"execution-environment at cloud_run.execution_environment"}},
	"gen1 is small":         {onRun(settings(func(r *app.CloudRun) { r.ExecutionEnvironment = app.Gen1 }), webSize("80m", "128Mi")), nil},
	"CPU always":            {onRun(always), nil},
	"half a CPU always":     {onRun(always, webSize("500m", "512Mi")), []string{"cpu-allocation at cloud_run.cpu_always_allocated"}},
	"CPU in little memory":  {onRun(always, webSize("1", "511Mi")), []string{"cpu-allocation at cloud_run.cpu_always_allocated"}},
	"CPU that is none":      {onRun(always, webSize("lots", "512Mi")), []string{"resources at processes.web.cpu"}},
	"worker in little memory": {
		onRun(process("worker", func(p *app.Process) { p.Memory = "256Mi" })), []string{"resources at processes.worker.memory"},
	},
	"audiences":       {onRun(settings(func(r *app.CloudRun) { r.CustomAudiences = []string{"https://api.example.com", "api"} })), nil},
	"empty audience":  {onRun(settings(func(r *app.CloudRun) { r.CustomAudiences = []string{""} })), []string{"custom-audience at cloud_run.custom_audiences"}},
	"audience, space": {onRun(settings(func(r *app.CloudRun) { r.CustomAudiences = []string{"a b"} })), []string{"custom-audience at cloud_run.custom_audiences"}},
	"many audiences": {
		onRun(settings(func(r *app.CloudRun) { r.CustomAudiences = slices.Repeat([]string{strings.Repeat("a", 2000)}, 17) })),
		[]string{"custom-audience at cloud_run.custom_audiences"},
	},
	"no check of a public service": {
		onRun(settings(func(r *app.CloudRun) { r.InvokerIAMDisabled = true })), []string{"invokers at cloud_run.invoker_iam_disabled"},
	},
	"no check with invokers": {
		onRun(settings(func(r *app.CloudRun) {
			r.Public, r.InvokerIAMDisabled, r.Invokers = false, true, []string{"group:a@acme.example"}
		})), []string{"invokers at cloud_run.invoker_iam_disabled"},
	},
	"no check": {onRun(settings(func(r *app.CloudRun) { r.Public, r.InvokerIAMDisabled = false, true })), nil},
}

func TestDefaultsOfCloudRun(t *testing.T) {
	t.Parallel()
	declared := onRun(vpc(app.VPC{Network: "default"}))
	full := app.WithDefaults(declared).CloudRun
	if full.RequestTimeout != 300*time.Second || full.Protocol != app.ProtocolHTTP1 || !*full.StartupCPUBoost ||
		full.VPC.Egress != app.EgressPrivate || full.ExecutionEnvironment != "" || full.RevisionScale != nil {
		t.Errorf("defaults: %+v", full.RunSettings)
	}
	if declared.CloudRun.VPC.Egress != "" {
		t.Error("the declaration was changed")
	}
	boost := false
	if off := app.WithDefaults(onRun(settings(func(r *app.CloudRun) { r.StartupCPUBoost = &boost }))); *off.CloudRun.StartupCPUBoost {
		t.Error("the boost is on although it was switched off")
	}
}
