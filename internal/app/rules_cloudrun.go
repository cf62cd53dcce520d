package app

import (
	"fmt"
	"regexp"
	"slices"
	"time"
)

// atRun is the path of an attribute of cloud_run.
func atRun(steps ...string) []string { return append([]string{"cloud_run"}, steps...) }

// minAlwaysMemory is the least memory of an instance in the second generation execution environment, and of one whose
// CPU is always allocated. Source: Cloud Run documentation, "Configure memory limits" and "Billing settings"; the API
// says "Total memory < 512 Mi is not supported with …".
const minAlwaysMemory = 512 << 20

// checkInvokerIAM refuses what a switched off check makes meaningless.
func checkInvokerIAM(r CloudRun) []Finding {
	var all []Finding
	refuse := func(attribute, why string) {
		all = append(all, Finding{
			Path: atRun("invoker_iam_disabled"), Uses: [][]string{atRun(attribute)}, Summary: "Invoker check is off and asked for",
			Detail: "cloud_run.invoker_iam_disabled lets everybody call without a look at the policy, so that cloud_run." + attribute + " " + why,
		})
	}
	if r.InvokerIAMDisabled && r.Public {
		refuse("public", "says the same in the policy. Keep public = true where the organization allows allUsers, and invoker_iam_disabled = true "+
			"where it does not.")
	}
	if r.InvokerIAMDisabled && len(r.Invokers) > 0 {
		refuse("invokers", "has no effect. Leave one of them out.")
	}
	return all
}

// audienceForm is printable ASCII. maxAudiences is the most characters of all of them.
// Source: Cloud Run documentation, "Custom audiences".
var audienceForm = regexp.MustCompile(`^[!-~]+$`)

const (
	maxAudience  = 2048
	maxAudiences = 32_768
)

func checkAudiences(a App) []Finding {
	var all []Finding
	length := 0
	for _, audience := range a.CloudRun.CustomAudiences {
		length += len(audience)
		if len(audience) > maxAudience || !audienceForm.MatchString(audience) {
			all = append(all, Finding{
				Path: atRun("custom_audiences"), Summary: "Invalid audience",
				Detail: fmt.Sprintf("Audience %s is empty, longer than 2048 characters, or has spaces or characters beyond ASCII; for example "+
					"\"https://api.example.com\".", quote(audience)),
			})
		}
	}
	if length > maxAudiences {
		all = append(all, Finding{
			Path: atRun("custom_audiences"), Summary: "Too many audiences",
			Detail: fmt.Sprintf("The audiences have %d characters together, and a service takes %d (Cloud Run, Custom audiences).", length, maxAudiences),
		})
	}
	return all
}

// The names of networks, subnetworks and network tags. Source: Compute Engine documentation, "Naming resources" and
// "Add network tags"; run.v2, VpcAccess.NetworkInterface.
var (
	networkForm    = regexp.MustCompile(`^(projects/[a-z0-9.:-]+/global/networks/)?[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)
	subnetworkForm = regexp.MustCompile(`^(projects/[a-z0-9.:-]+/regions/([a-z0-9-]+)/subnetworks/)?[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)
	networkTagForm = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)
)

// maxTags is the most network tags of an instance.
const maxTags = 64

func checkVPC(a App) []Finding {
	v := a.CloudRun.VPC
	if v == nil {
		return nil
	}
	all := fromError("Unknown egress", checkOneOf("egress", v.Egress, Egresses()), atRun("vpc", "egress")...)
	if v.Network == "" && v.Subnetwork == "" {
		all = append(all, Finding{
			Path: atRun("vpc"), Uses: [][]string{atRun("vpc", "network"), atRun("vpc", "subnetwork")}, Summary: "Network is missing",
			Detail: "A way into a VPC network needs network or subnetwork (run.v2, VpcAccess.NetworkInterface); for example " +
				"vpc = { subnetwork = \"apps\" }. With network alone its subnetwork of the same name is taken.",
		})
	}
	if v.Network != "" && !networkForm.MatchString(v.Network) {
		all = append(all, Finding{
			Path: atRun("vpc", "network"), Summary: "Invalid network",
			Detail: fmt.Sprintf("%s is neither the name of a network nor projects/PROJECT/global/networks/NAME; for example \"default\".", quote(v.Network)),
		})
	}
	return append(append(all, checkSubnetwork(a, v.Subnetwork)...), checkTags(v.Tags)...)
}

func checkSubnetwork(a App, subnetwork string) []Finding {
	parts := subnetworkForm.FindStringSubmatch(subnetwork)
	f := Finding{Path: atRun("vpc", "subnetwork"), Summary: "Invalid subnetwork"}
	switch {
	case subnetwork == "":
		return nil
	case parts == nil:
		f.Detail = fmt.Sprintf("%s is neither the name of a subnetwork nor projects/PROJECT/regions/REGION/subnetworks/NAME; for example \"apps\".",
			quote(subnetwork))
	case parts[2] != "" && a.CloudRun.Location != "" && parts[2] != a.CloudRun.Location:
		f.Summary = "Subnetwork in another region"
		f.Uses = [][]string{atRun("location")}
		f.Detail = fmt.Sprintf("%s is in %s, but the service runs in %s, and its instances get addresses of a subnetwork of their own region. Name "+
			"one there.", quote(subnetwork), parts[2], a.CloudRun.Location)
	default:
		return nil
	}
	return []Finding{f}
}

func checkTags(tags []string) []Finding {
	f := Finding{Path: atRun("vpc", "tags"), Summary: "Invalid network tag"}
	if len(tags) > maxTags {
		f.Detail = fmt.Sprintf("There are %d network tags; an instance may have %d.", len(tags), maxTags)
		return []Finding{f}
	}
	seen := map[string]bool{}
	for _, tag := range tags {
		switch {
		case !networkTagForm.MatchString(tag):
			f.Detail = fmt.Sprintf("Network tag %s is not 1 to 63 lower-case letters, digits and hyphens, beginning with a letter and not ending with a "+
				"hyphen; for example \"egress-database\".", quote(tag))
		case seen[tag]:
			f.Detail = fmt.Sprintf("Network tag %s is there twice. Leave one out.", quote(tag))
		default:
			seen[tag] = true
			continue
		}
		return []Finding{f}
	}
	return nil
}

func checkProtocol(a App) []Finding {
	return fromError("Unknown protocol", checkOneOf("protocol", a.CloudRun.Protocol, Protocols()), atRun("protocol")...)
}

// maxRequestTimeout is Cloud Run's. Source: Cloud Run documentation, "Set request timeout".
const maxRequestTimeout = time.Hour

func checkRequestTimeout(a App) []Finding {
	if t := a.CloudRun.RequestTimeout; t >= time.Second && t <= maxRequestTimeout && t%time.Second == 0 {
		return nil
	}
	return []Finding{{
		Path: atRun("request_timeout"), Summary: "Invalid request timeout",
		Detail: fmt.Sprintf("Request timeout %s is not a whole number of seconds between 1s and 3600s (Cloud Run, Set request timeout); for example "+
			"\"300s\". What takes longer is work for a worker.", a.CloudRun.RequestTimeout),
	}}
}

func checkRevisionScale(a App) []Finding {
	r := a.CloudRun.RevisionScale
	if r == nil {
		return nil
	}
	web := a.Processes[Web].Scale
	least, most := atRun("revision_scale", "min"), atRun("revision_scale", "max")
	f := Finding{Path: atRun("revision_scale"), Uses: [][]string{least, most}, Summary: "Invalid scale of revisions"}
	ofWeb := func(steps []string) [][]string {
		return [][]string{least, most, under(Web, nil), under(Web, steps), under(Web, []string{"scale"})}
	}
	switch {
	case *r == (RevisionScale{}):
		f.Detail = "revision_scale names neither min nor max. Leave it out, or set one, for example revision_scale = { max = 1000 }."
	case slices.ContainsFunc([]int{r.Min, r.Max}, func(n int) bool { return n < 0 || n > maxInstances }):
		f.Detail = fmt.Sprintf("revision_scale min %d, max %d is not between 0 and %d; for example revision_scale = { max = 1000 }.", r.Min, r.Max, maxInstances)
	case r.Max != 0 && r.Min > r.Max:
		f.Detail = fmt.Sprintf("revision_scale min %d is above max %d. Raise max or lower min.", r.Min, r.Max)
	case r.Min > web.Max:
		f.Uses = ofWeb(maxPath)
		f.Detail = fmt.Sprintf("revision_scale.min %d is above processes.web.scale.max %d, the most instances of all revisions together. Lower min, or "+
			"raise processes.web.scale.max.", r.Min, web.Max)
	case r.Max != 0 && r.Max < web.Min:
		f.Uses = ofWeb(minPath)
		f.Detail = fmt.Sprintf("revision_scale.max %d is below processes.web.scale.min %d, the fewest instances that one revision with all the traffic "+
			"keeps. Raise max, or lower processes.web.scale.min.", r.Max, web.Min)
	default:
		return nil
	}
	return []Finding{f}
}

func checkExecution(a App) []Finding {
	environment := a.CloudRun.ExecutionEnvironment
	if environment == "" {
		return nil
	}
	at := atRun("execution_environment")
	if err := checkOneOf("execution environment", environment, ExecutionEnvironments()); err != nil {
		return fromError("Unknown execution environment", err, at...)
	}
	if environment != Gen2 {
		return nil
	}
	return checkLarge(a, at, "The second generation execution environment",
		"leave execution_environment out: Cloud Run takes gen1 then")
}

func checkCPUAllocation(a App) []Finding {
	if !a.CloudRun.CPUAlwaysAllocated {
		return nil
	}
	return checkLarge(a, atRun("cpu_always_allocated"), "CPU that is always allocated", "leave cpu_always_allocated out")
}

// checkLarge refuses an instance of web that is too small, with its sidecars, for what needs a whole CPU and 512 MiB.
func checkLarge(a App, at []string, what, instead string) []Finding {
	web, declared := a.Processes[Web]
	millis, memory, ok := a.instanceSize(Web)
	f := Finding{Path: at, Uses: slices.Concat([][]string{under(Web, []string{"cpu"}), under(Web, []string{"memory"})}, sidecarSizes)}
	together := ""
	if len(a.SidecarsOf(Web)) > 0 {
		together = fmt.Sprintf(", with its sidecars %dm and %d MiB", millis, memory>>20)
	}
	switch {
	case !ok || !declared:
		return nil
	case millis < 1000:
		f.Summary = "Needs a whole CPU"
		f.Detail = fmt.Sprintf("%s needs at least one CPU (Cloud Run, Configure CPU limits); processes.web.cpu is %s%s. Set cpu = \"1\", or %s.",
			what, web.CPU, together, instead)
	case memory < minAlwaysMemory:
		f.Summary = "Needs 512Mi of memory"
		f.Detail = fmt.Sprintf("%s needs at least 512 MiB (Cloud Run, Configure memory limits); processes.web.memory is %s%s. Set memory = \"512Mi\", or %s.",
			what, web.Memory, together, instead)
	default:
		return nil
	}
	return []Finding{f}
}
