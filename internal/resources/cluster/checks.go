package cluster

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"k8s.io/apimachinery/pkg/api/validate/content"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// form is what a string has to look like.
type form struct {
	pattern *regexp.Regexp
	example string
}

var (
	networkForm    = form{regexp.MustCompile(`^(.*projects/[^/]+/global/networks/)?[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`), "default"}
	subnetworkForm = form{regexp.MustCompile(`^(.*projects/[^/]+/regions/[^/]+/subnetworks/)?[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`), "web-asia-northeast1"}
	machineForm    = form{regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)+$`), "e2-standard-4"}
	diskForm       = form{regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)+$`), "pd-balanced"}
	tagForm        = form{regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`), "web"}
	emailForm      = form{regexp.MustCompile(`^[a-z0-9][-a-z0-9.]*@[a-z0-9][-a-z0-9.]*\.gserviceaccount\.com$`), "nodes@acme-dev.iam.gserviceaccount.com"}
)

func (f form) check(value string) error {
	if f.pattern.MatchString(value) {
		return nil
	}
	return fmt.Errorf("%s is not one; for example %q", names.Quote(value), f.example)
}

// checkNodeKey accepts the key of a node label or of a taint.
func checkNodeKey(key string) error {
	if problems := content.IsLabelKey(key); len(problems) > 0 {
		return fmt.Errorf("%s: %s", names.Quote(key), strings.Join(problems, "; "))
	}
	if deploy.ReservedNodeKey(key) {
		return fmt.Errorf("%s belongs to Kubernetes, GKE or this provider; use a key of your own, such as %q", names.Quote(key), "acme.example/team")
	}
	return nil
}

// checkNodeValue accepts the value of a node label or of a taint.
func checkNodeValue(value string) error {
	if problems := content.IsLabelValue(value); len(problems) > 0 {
		return fmt.Errorf("%s: %s", names.Quote(value), strings.Join(problems, "; "))
	}
	return nil
}

// checkMetadataKey accepts the key of node metadata. GKE keeps some for itself.
func checkMetadataKey(key string) error {
	if slices.Contains(reservedMetadata, key) {
		return fmt.Errorf("%s belongs to GKE; leave it out", names.Quote(key))
	}
	return metadataForm.check(key)
}

// reservedMetadata are keys that GKE refuses. Source: google.container.v1, NodeConfig.metadata.
var reservedMetadata = []string{
	"cluster-location", "cluster-name", "cluster-uid", "configure-sh", "containerd-configure-sh", "enable-os-login", "gci-ensure-gke-docker",
	"gci-metrics-enabled", "gci-update-strategy", "instance-template", "kube-env", "startup-script", "user-data", "disable-address-manager",
	"windows-startup-script-ps1", "common-psm1", "k8s-node-setup-psm1", "install-ssh-psm1", "user-profile-psm1",
}

var metadataForm = form{regexp.MustCompile(`^[A-Za-z0-9_-]{1,127}$`), "serial-port-logging-enable"}

func checkZone(zone string) error {
	if !names.IsZone(zone) {
		return fmt.Errorf("%s is not one; for example %q", names.Quote(zone), "asia-northeast1-b")
	}
	return nil
}

var rangeForm = form{
	regexp.MustCompile(`^([a-z]([-a-z0-9]{0,61}[a-z0-9])?|([0-9]{1,3}(\.[0-9]{1,3}){3})?/([89]|[12][0-9]))$`),
	"pods, or 10.4.0.0/14, or /17",
}

// checkCIDR accepts an address block whose host bits are zero, because that is how GKE answers.
func checkCIDR(text string) error {
	block, err := netip.ParsePrefix(text)
	if err != nil {
		return fmt.Errorf("%s is not one; for example %q", names.Quote(text), "203.0.113.0/24")
	}
	if exact := block.Masked(); exact.String() != text {
		return fmt.Errorf("%s has address bits beyond its size; write %q", names.Quote(text), exact)
	}
	return nil
}

// isOtherRange tells whether a secondary range that is asked for is another one than the cluster has: forms are the ways to
// write that one, and its size is the same range too.
func isOtherRange(was, is types.String, forms []string) bool {
	return isSet(is) && !slices.ContainsFunc(append(forms, was.ValueString()), func(live string) bool {
		size := strings.HasPrefix(is.ValueString(), "/") && strings.HasSuffix(live, is.ValueString())
		return live != "" && (live == is.ValueString() || size)
	})
}

// isOtherNetwork tells whether a network or subnetwork that is asked for is another one than the cluster has.
func isOtherNetwork(was, is types.String, project string) bool {
	return isSet(is) && !deploy.SameNetwork(was.ValueString(), is.ValueString(), project)
}
