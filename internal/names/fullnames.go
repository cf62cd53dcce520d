package names

import "strings"

// ClusterID is the full name of a GKE cluster.
type ClusterID struct{ Project, Location, Name string }

// String is projects/P/locations/L/clusters/C.
func (c ClusterID) String() string { return join3("clusters", c.Project, c.Location, c.Name) }

// Parent is projects/P/locations/L.
func (c ClusterID) Parent() string { return "projects/" + c.Project + "/locations/" + c.Location }

// ParseClusterID reads projects/P/locations/L/clusters/C.
func ParseClusterID(id string) (ClusterID, error) {
	v, err := clusterForm.parse(id)
	if err != nil {
		return ClusterID{}, err
	}
	return ClusterID{v[0], v[1], v[2]}, nil
}

// CheckClusterID is ParseClusterID for validators.
func CheckClusterID(id string) error {
	_, err := ParseClusterID(id)
	return err
}

// NodePoolID is the full name of a node pool.
type NodePoolID struct {
	Cluster ClusterID
	Name    string
}

// String is projects/P/locations/L/clusters/C/nodePools/N.
func (n NodePoolID) String() string { return n.Cluster.String() + "/nodePools/" + n.Name }

// SecretID is the full name of a secret: of a regional one with a Location, of a global one without. Secret Manager
// answers with the project's number where it was asked by id, so full names must be compared by their parts.
type SecretID struct{ Project, Location, Name string }

// Parent is projects/P, or projects/P/locations/L.
func (s SecretID) Parent() string {
	if s.Location == "" {
		return "projects/" + s.Project
	}
	return "projects/" + s.Project + "/locations/" + s.Location
}

// String is projects/P/secrets/S, or projects/P/locations/L/secrets/S.
func (s SecretID) String() string { return s.Parent() + "/secrets/" + s.Name }

// Version is the full name of one of the secret's versions.
func (s SecretID) Version(number string) SecretVersionID {
	return SecretVersionID{Project: s.Project, Location: s.Location, Secret: s.Name, Version: number}
}

// ParseSecretID reads projects/P/secrets/S and projects/P/locations/L/secrets/S, P being an id or a number.
func ParseSecretID(id string) (SecretID, error) {
	v, err := secretIDForms.parse(id)
	if err != nil {
		return SecretID{}, err
	}
	return SecretID{Project: v["projects"], Location: v["locations"], Name: v["secrets"]}, nil
}

// SecretVersionID is the full name of one version of a secret; Location is empty for a global one.
type SecretVersionID struct{ Project, Location, Secret, Version string }

// String is projects/P/secrets/S/versions/N, or projects/P/locations/L/secrets/S/versions/N.
func (s SecretVersionID) String() string { return s.SecretID().String() + "/versions/" + s.Version }

// SecretID is the secret that the version belongs to.
func (s SecretVersionID) SecretID() SecretID {
	return SecretID{Project: s.Project, Location: s.Location, Name: s.Secret}
}

// ParseSecretVersionID reads projects/P/secrets/S/versions/N and projects/P/locations/L/secrets/S/versions/N. Aliases and
// "latest" are not versions.
func ParseSecretVersionID(id string) (SecretVersionID, error) {
	v, err := secretVersionForms.parse(id)
	if err != nil {
		return SecretVersionID{}, err
	}
	return SecretVersionID{Project: v["projects"], Location: v["locations"], Secret: v["secrets"], Version: v["versions"]}, nil
}

// SecretLocation is the location in the name of a regional secret, of something in one, or of the parent of regional
// secrets; empty for global ones. It becomes part of a host name, so what has not the form of a location is an error.
func SecretLocation(name string) (string, error) {
	segments := strings.Split(name, "/")
	if len(segments) < 4 || segments[0] != "projects" || segments[2] != "locations" {
		return "", nil
	}
	return segments[3], CheckSecretLocation(segments[3])
}

// RunServiceID is the full name of a Cloud Run service.
type RunServiceID struct{ Project, Location, Name string }

// String is projects/P/locations/L/services/S.
func (r RunServiceID) String() string { return join3("services", r.Project, r.Location, r.Name) }

// Parent is projects/P/locations/L.
func (r RunServiceID) Parent() string { return "projects/" + r.Project + "/locations/" + r.Location }

// WorkerPool is the full name of a worker pool beside the service.
func (r RunServiceID) WorkerPool(name string) string { return r.Parent() + "/workerPools/" + name }

// ParseRunServiceID reads projects/P/locations/L/services/S.
func ParseRunServiceID(id string) (RunServiceID, error) {
	v, err := runServiceForm.parse(id)
	if err != nil {
		return RunServiceID{}, err
	}
	return RunServiceID{v[0], v[1], v[2]}, nil
}

// KubeServiceID is the full name of an app on GKE.
type KubeServiceID struct {
	Cluster         ClusterID
	Namespace, Name string
}

// String is projects/P/locations/L/clusters/C/namespaces/NS/services/NAME.
func (k KubeServiceID) String() string {
	return k.Cluster.String() + "/namespaces/" + k.Namespace + "/services/" + k.Name
}

// ParseKubeServiceID reads projects/P/locations/L/clusters/C/namespaces/NS/services/NAME.
func ParseKubeServiceID(id string) (KubeServiceID, error) {
	v, err := kubeServiceForm.parse(id)
	if err != nil {
		return KubeServiceID{}, err
	}
	return KubeServiceID{ClusterID{v[0], v[1], v[2]}, v[3], v[4]}, nil
}

// KubeServiceAccountID is the full name of a Kubernetes service account in a cluster.
type KubeServiceAccountID struct {
	Cluster         ClusterID
	Namespace, Name string
}

// String is projects/P/locations/L/clusters/C/namespaces/NS/serviceAccounts/KSA.
func (k KubeServiceAccountID) String() string {
	return k.Cluster.String() + "/namespaces/" + k.Namespace + "/serviceAccounts/" + k.Name
}

// ParseKubeServiceAccountID reads projects/P/locations/L/clusters/C/namespaces/NS/serviceAccounts/KSA.
func ParseKubeServiceAccountID(id string) (KubeServiceAccountID, error) {
	v, err := kubeServiceAccountForm.parse(id)
	if err != nil {
		return KubeServiceAccountID{}, err
	}
	return KubeServiceAccountID{ClusterID{v[0], v[1], v[2]}, v[3], v[4]}, nil
}

// ServiceAccountName is the full name of a Google service account.
type ServiceAccountName struct{ Project, Email string }

// String is projects/P/serviceAccounts/EMAIL.
func (s ServiceAccountName) String() string {
	return "projects/" + s.Project + "/serviceAccounts/" + s.Email
}

// Member is the IAM member serviceAccount:EMAIL.
func (s ServiceAccountName) Member() string { return "serviceAccount:" + s.Email }

// ParseServiceAccountName reads projects/P/serviceAccounts/EMAIL.
func ParseServiceAccountName(name string) (ServiceAccountName, error) {
	v, err := serviceAccountForm.parse(name)
	if err != nil {
		return ServiceAccountName{}, err
	}
	return ServiceAccountName{v[0], v[1]}, nil
}

// ServiceAccountEmail is the email that IAM gives to an account of this project. A project under a domain
// ("example.com:web") turns round in it ("web.example.com").
func ServiceAccountEmail(project, accountID string) string {
	if domain, name, ok := strings.Cut(project, ":"); ok {
		project = name + "." + domain
	}
	return accountID + "@" + project + ".iam.gserviceaccount.com"
}

func join3(collection, project, location, name string) string {
	return "projects/" + project + "/locations/" + location + "/" + collection + "/" + name
}
