package app

import (
	"fmt"
	"regexp"
	"strconv"
)

var (
	cpuForm    = regexp.MustCompile(`^([0-9]{1,6})(?:\.([0-9]{1,3}))?(m?)$`)
	memoryForm = regexp.MustCompile(`^([0-9]{1,9})(Ki|Mi|Gi|k|M|G)$`)
)

var memoryUnits = map[string]int64{"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "k": 1e3, "M": 1e6, "G": 1e9}

// ParseCPU reads a Kubernetes CPU quantity ("250m", "1", "0.5") and gives millicores, at least 1.
func ParseCPU(quantity string) (millis int, err error) {
	m := cpuForm.FindStringSubmatch(quantity)
	if m == nil || m[2] != "" && m[3] != "" {
		return 0, fmt.Errorf("CPU %s is not a quantity of cores; for example \"250m\" (a quarter of a core) or \"1\"", quote(quantity))
	}
	millis, _ = strconv.Atoi(m[1]) // at most six digits, by cpuForm
	if m[3] == "" {
		fraction, _ := strconv.Atoi((m[2] + "000")[:3])
		millis = millis*1000 + fraction
	}
	if millis == 0 {
		return 0, fmt.Errorf("CPU %s is zero; for example \"250m\" (a quarter of a core) or \"1\"", quote(quantity))
	}
	return millis, nil
}

// ParseMemory reads a Kubernetes memory quantity with its unit ("256Mi", "1Gi") and gives bytes, at least 1 MiB. A
// number without a unit is refused: it would mean bytes.
func ParseMemory(quantity string) (bytes int64, err error) {
	m := memoryForm.FindStringSubmatch(quantity)
	if m == nil {
		return 0, fmt.Errorf("size %s is not a whole number with a unit (Ki, Mi, Gi, k, M, G); for example \"256Mi\"", quote(quantity))
	}
	n, _ := strconv.ParseInt(m[1], 10, 64) // at most nine digits, by memoryForm
	bytes = n * memoryUnits[m[2]]
	if bytes < 1<<20 {
		return 0, fmt.Errorf("size %s is less than 1Mi; for example \"256Mi\"", quote(quantity))
	}
	return bytes, nil
}
