package acctest

import (
	"fmt"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	kubedynamic "k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// KubernetesScan is what a scan of a cluster has found.
type KubernetesScan struct {
	// Leaks are canaries anywhere but in the data of a Secret.
	Leaks []Leak
	// Carriers are the Secrets, as NAMESPACE/NAME, whose data holds a canary: where it is meant to be.
	Carriers []string
	// Objects counts what was scanned, by resource ("deployments.apps").
	Objects map[string]int
}

// ScanKubernetes scans every object of every resource that the API server can list, in all namespaces and outside of them,
// with managed fields, annotations and status. Events are among them.
func (c *Canaries) ScanKubernetes(t testing.TB, env *Env, cluster string) KubernetesScan {
	t.Helper()
	file, err := env.Fake.Kubeconfig(cluster)
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.WarningHandler = -1, rest.NoWarnings{} // all at once, what is deprecated included
	client, err := kubedynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := discovery.NewDiscoveryClientForConfigOrDie(config).ServerPreferredResources()
	if err != nil {
		t.Fatal(err)
	}
	scan := KubernetesScan{Objects: map[string]int{}}
	for _, group := range groups {
		version, err := schema.ParseGroupVersion(group.GroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		for _, resource := range group.APIResources {
			if !slices.Contains(resource.Verbs, "list") {
				continue
			}
			of := version.WithResource(resource.Name)
			list, err := client.Resource(of).List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatalf("list %s: %v", of, err)
			}
			for _, object := range list.Items {
				c.scanObject(t, &scan, of, object)
			}
		}
	}
	slices.Sort(scan.Carriers)
	return scan
}

func (c *Canaries) scanObject(t testing.TB, scan *KubernetesScan, of schema.GroupVersionResource, object unstructured.Unstructured) {
	t.Helper()
	name := object.GetNamespace() + "/" + object.GetName()
	if of.GroupResource().String() == "secrets" {
		for _, data := range []string{"data", "stringData"} {
			if len(c.Scan("data", []byte(fmt.Sprint(object.Object[data])))) > 0 {
				scan.Carriers = append(scan.Carriers, name)
			}
			delete(object.Object, data)
		}
	}
	text, err := object.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	scan.Objects[of.GroupResource().String()]++
	scan.Leaks = append(scan.Leaks, c.Scan(of.GroupResource().String()+" "+name, text)...)
}
