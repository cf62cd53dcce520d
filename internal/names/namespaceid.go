package names

// KubeNamespaceID is the full name of a namespace in a cluster.
type KubeNamespaceID struct {
	Cluster ClusterID
	Name    string
}

// String is projects/P/locations/L/clusters/C/namespaces/NS.
func (k KubeNamespaceID) String() string { return k.Cluster.String() + "/namespaces/" + k.Name }

var kubeNamespaceForm = form{"namespace on GKE", []part{projectPart, locationPart, clusterPart, namespacePart}}

// ParseKubeNamespaceID reads projects/P/locations/L/clusters/C/namespaces/NS.
func ParseKubeNamespaceID(id string) (KubeNamespaceID, error) {
	v, err := kubeNamespaceForm.parse(id)
	if err != nil {
		return KubeNamespaceID{}, err
	}
	return KubeNamespaceID{ClusterID{v[0], v[1], v[2]}, v[3]}, nil
}

// NamespaceObjects names the NetworkPolicy, the ResourceQuota and the LimitRange that a declared namespace has.
const NamespaceObjects = "twelvefactor"
