package fakegcp

import (
	"regexp"

	"cloud.google.com/go/run/apiv2/runpb"
)

// vpcDefaults fills in the egress of a way into a network, if there is one, and the subnetwork of the network's name.
// Source: vendor_settings.proto; that the subnetwork is shown is after hashicorp/google, which takes it from the API.
func vpcDefaults(v *runpb.VpcAccess) {
	if v != nil && v.GetEgress() == runpb.VpcAccess_VPC_EGRESS_UNSPECIFIED {
		v.Egress = runpb.VpcAccess_PRIVATE_RANGES_ONLY
	}
	for _, i := range v.GetNetworkInterfaces() {
		if i.GetSubnetwork() == "" {
			i.Subnetwork = lastSegment(i.GetNetwork())
		}
	}
}

// checkVPC refuses a way into a network that is two at a time or leads nowhere.
// Source: the comments of google/cloud/run/v2/vendor_settings.proto; the texts are not recorded.
func checkVPC(v *runpb.VpcAccess) error {
	interfaces := v.GetNetworkInterfaces()
	switch {
	case v.GetConnector() != "" && len(interfaces) > 0:
		return invalid("template.vpc_access: connector and network_interfaces must not be set together.")
	case len(interfaces) > 1:
		return invalid("template.vpc_access.network_interfaces: only one network interface is supported.")
	case len(interfaces) == 1 && interfaces[0].GetNetwork() == "" && interfaces[0].GetSubnetwork() == "":
		return invalid("template.vpc_access.network_interfaces[0]: at least one of network and subnetwork must be specified.")
	case len(interfaces) == 1:
		return checkInterface(interfaces[0])
	}
	return nil
}

// The names of networks and subnetworks, short or full, and of network tags.
// Source: https://cloud.google.com/compute/docs/naming-resources, https://cloud.google.com/vpc/docs/add-remove-network-tags.
var (
	networkForm    = regexp.MustCompile(`^(projects/[^/]+/global/networks/)?[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)
	subnetworkForm = regexp.MustCompile(`^(projects/[^/]+/regions/[^/]+/subnetworks/)?[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)
	networkTagForm = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)
)

func checkInterface(i *runpb.VpcAccess_NetworkInterface) error {
	const at = "template.vpc_access.network_interfaces[0]."
	switch {
	case i.GetNetwork() != "" && !networkForm.MatchString(i.GetNetwork()):
		return invalid("%snetwork: '%s' is not the name of a network.", at, i.GetNetwork())
	case i.GetSubnetwork() != "" && !subnetworkForm.MatchString(i.GetSubnetwork()):
		return invalid("%ssubnetwork: '%s' is not the name of a subnetwork.", at, i.GetSubnetwork())
	}
	for _, tag := range i.GetTags() {
		if !networkTagForm.MatchString(tag) {
			return invalid("%stags: '%s' is not a network tag.", at, tag)
		}
	}
	return nil
}
