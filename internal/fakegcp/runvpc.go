package fakegcp

import "cloud.google.com/go/run/apiv2/runpb"

// vpcDefaults fills in the egress of a way into a network, if there is one.
func vpcDefaults(v *runpb.VpcAccess) {
	if v != nil && v.GetEgress() == runpb.VpcAccess_VPC_EGRESS_UNSPECIFIED {
		v.Egress = runpb.VpcAccess_PRIVATE_RANGES_ONLY
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
	}
	return nil
}
