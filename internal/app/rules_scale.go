package app

import "fmt"

var (
	minPath         = []string{"scale", "min"}
	maxPath         = []string{"scale", "max"}
	concurrencyPath = []string{"scale", "concurrency"}
	cpuPercentPath  = []string{"scale", "cpu_percent"}
)

// maxInstances is beyond what both runtimes can be asked for; it keeps numbers within the API's 32 bits.
const maxInstances = 10_000

func checkScaleBounds(a App) []Finding {
	return each(a, func(_ string, p Process) []Finding {
		switch s := p.Scale; {
		case s.Min < 0, s.Max < 0, s.Min > maxInstances, s.Max > maxInstances:
			return []Finding{{
				Path: []string{"scale"}, Uses: [][]string{minPath, maxPath}, Summary: "Invalid scale",
				Detail: fmt.Sprintf("Scale min %d, max %d is not between 0 and %d; for example scale = { min = 1, max = 3 }.", s.Min, s.Max, maxInstances),
			}}
		case s.Max < s.Min && a.Runtime() != "":
			return []Finding{{
				Path: maxPath, Uses: [][]string{minPath, maxPath}, Summary: "Scale has min above max",
				Detail: fmt.Sprintf("Scale min %d is above max %d. Raise max or lower min; for example scale = { min = %d, max = %d }.",
					s.Min, s.Max, s.Max, s.Min),
			}}
		}
		return nil
	})
}

// maxConcurrency is Cloud Run's. Source: Cloud Run documentation, "Maximum concurrent requests per instance".
const maxConcurrency = 1000

func checkConcurrency(a App) []Finding {
	return append(notOffered("concurrency")(a), each(a, func(name string, p Process) []Finding {
		finding := Finding{Path: concurrencyPath, Summary: "Concurrency does not apply"}
		switch c := p.Scale.Concurrency; {
		case c == 0 || a.Runtime() != CloudRunRuntime:
			return nil
		case name != Web:
			finding.Detail = fmt.Sprintf("Worker %s takes no requests. Leave scale.concurrency out.", quote(name))
		case c < 0 || c > maxConcurrency:
			finding.Summary = "Invalid concurrency"
			finding.Detail = fmt.Sprintf("Concurrency %d is not between 1 and %d (Cloud Run, maximum concurrent requests per instance); for example %d.",
				c, maxConcurrency, DefaultRunConcurrency)
		default:
			return nil
		}
		return []Finding{finding}
	})...)
}

func checkCPUPercent(a App) []Finding {
	return append(notOffered("cpu-percent")(a), each(a, func(_ string, p Process) []Finding {
		finding := Finding{Path: cpuPercentPath, Summary: "CPU utilization does not apply"}
		switch percent := p.Scale.CPUPercent; {
		case percent == 0 || a.Runtime() != GKERuntime:
			return nil
		case percent < 0 || percent > 100:
			finding.Summary = "Invalid CPU utilization"
			finding.Detail = fmt.Sprintf("CPU utilization %d is not between 1 and 100 percent of the requested CPU; for example %d.", percent, DefaultCPUPercent)
		default:
			return nil
		}
		return []Finding{finding}
	})...)
}
