package kubernetes

import (
	"regexp"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// machine is the size of a virtual machine.
type machine struct {
	milliCPU  int64
	memoryMiB int64
}

// sharedCore are the machine types whose names do not tell their size. Source: Compute Engine's list of machine types.
var sharedCore = map[string]machine{
	"e2-micro":  {2000, 1 << 10},
	"e2-small":  {2000, 2 << 10},
	"e2-medium": {2000, 4 << 10},
	"f1-micro":  {1000, 614},
	"g1-small":  {1000, 1740},
}

// memoryPerCPU is in MiB, by the class in a machine type's name; families differ a little, e2 is taken for all.
var memoryPerCPU = map[string]int64{
	"standard": 4 << 10,
	"highmem":  8 << 10,
	"highcpu":  1 << 10,
	"megamem":  14 << 10,
	"ultramem": 24 << 10,
}

var (
	sizedType  = regexp.MustCompile(`^[a-z][a-z0-9]*-(standard|highmem|highcpu|megamem|ultramem)-([1-9][0-9]*)`)
	customType = regexp.MustCompile(`^(?:[a-z][a-z0-9]*-)?custom-([1-9][0-9]*)-([1-9][0-9]*)`)
)

// machineOf tells the size that a machine type's name tells; an e2-medium when it does not.
func machineOf(machineType string) machine {
	if m, ok := sharedCore[machineType]; ok {
		return m
	}
	if match := sizedType.FindStringSubmatch(machineType); match != nil {
		cpus := number(match[2])
		return machine{cpus * 1000, cpus * memoryPerCPU[match[1]]}
	}
	if match := customType.FindStringSubmatch(machineType); match != nil {
		return machine{number(match[1]) * 1000, number(match[2])}
	}
	return sharedCore["e2-medium"]
}

func number(digits string) int64 {
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil {
		return 1 // the pattern lets nothing through but absurdly many digits
	}
	return n
}

// band is a share that the system keeps of what lies up to a bound.
type band struct {
	upTo       int64 // 0: no bound
	thousandth int64
}

// What GKE keeps for the system on a node. Source: cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes.
var (
	cpuBands         = []band{{1000, 60}, {2000, 10}, {4000, 5}, {0, 2}}
	memoryBands      = []band{{4 << 10, 250}, {8 << 10, 200}, {16 << 10, 100}, {128 << 10, 60}, {0, 20}}
	evictionMiB      = int64(100)
	podsPerNode      = int64(110)
	ephemeralStorage = resource.MustParse("94Gi")
	onePod           = resource.MustParse("1")
)

func kept(total int64, bands []band) int64 {
	sum, from := int64(0), int64(0)
	for _, b := range bands {
		to := total
		if b.upTo != 0 {
			to = min(total, b.upTo)
		}
		sum += max(0, to-from) * b.thousandth / 1000
		from = to
	}
	return sum
}

// capacity is what a node of this size reports.
func (m machine) capacity() corev1.ResourceList { return resources(m.milliCPU, m.memoryMiB) }

// allocatable is what is left for pods.
func (m machine) allocatable() corev1.ResourceList {
	return resources(m.milliCPU-kept(m.milliCPU, cpuBands), m.memoryMiB-kept(m.memoryMiB, memoryBands)-evictionMiB)
}

func resources(milliCPU, memoryMiB int64) corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:              *resource.NewMilliQuantity(milliCPU, resource.DecimalSI),
		corev1.ResourceMemory:           *resource.NewQuantity(max(0, memoryMiB)<<20, resource.BinarySI),
		corev1.ResourceEphemeralStorage: ephemeralStorage.DeepCopy(),
		corev1.ResourcePods:             *resource.NewQuantity(podsPerNode, resource.DecimalSI),
	}
}
