package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// kube reads from the cluster as a user would: endpoint and CA from the state, a bearer token.
type kube struct {
	base   string
	client *http.Client
}

func connect(ctx context.Context, tf *terraform) (*kube, error) {
	endpoint, ca, err := tf.clusterAccess(ctx)
	if err != nil {
		return nil, err
	}
	pem, err := base64.StdEncoding.DecodeString(ca)
	if err != nil {
		return nil, fmt.Errorf("ca_certificate: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca_certificate holds no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	return &kube{base: "https://" + strings.TrimPrefix(endpoint, "https://"), client: &http.Client{Transport: transport, Timeout: 30 * time.Second}}, nil
}

func (k *kube) get(ctx context.Context, path string, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.base+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer emulator")
	resp, err := k.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, resp.Status)
	}
	return json.Unmarshal(b, out)
}

type deployment struct {
	Metadata struct{ Name string }
	Spec     struct{ Replicas int }
	Status   struct{ AvailableReplicas, UpdatedReplicas, ReadyReplicas int }
}

type pod struct {
	Metadata struct{ Name, DeletionTimestamp string }
	Spec     struct {
		NodeName   string
		Containers []struct {
			Env []struct {
				ValueFrom struct{ SecretKeyRef struct{ Name string } }
			}
		}
	}
	Status struct{ Phase string }
}

const namespace = "shop"

func (k *kube) deployments(ctx context.Context) ([]deployment, error) {
	var list struct{ Items []deployment }
	return list.Items, k.get(ctx, "/apis/apps/v1/namespaces/"+namespace+"/deployments", &list)
}

// namespaces are those that Kubernetes does not make itself. Everything that a service makes is in one.
func (k *kube) namespaces(ctx context.Context) ([]string, error) {
	var list struct{ Items []deployment }
	if err := k.get(ctx, "/api/v1/namespaces", &list); err != nil {
		return nil, err
	}
	var names []string
	for _, n := range list.Items {
		if n.Metadata.Name != "default" && !strings.HasPrefix(n.Metadata.Name, "kube-") {
			names = append(names, "Namespace "+n.Metadata.Name)
		}
	}
	return names, nil
}

func (k *kube) printWorkloads(ctx context.Context) error {
	deployments, err := k.deployments(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("\n%-24s %-10s %s\n", "DEPLOYMENT", "AVAILABLE", "WANTED")
	for _, d := range deployments {
		fmt.Printf("%-24s %-10d %d\n", d.Metadata.Name, d.Status.AvailableReplicas, d.Spec.Replicas)
	}
	pods, err := k.pods(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("\n%-40s %-10s %-36s %s\n", "POD", "PHASE", "NODE", "SECRETS FROM")
	for _, p := range pods {
		fmt.Printf("%-40s %-10s %-36s %s\n", p.Metadata.Name, p.Status.Phase, p.Spec.NodeName, p.secret())
	}
	return nil
}

// pods are those that are not on their way out.
func (k *kube) pods(ctx context.Context) ([]pod, error) {
	var list struct{ Items []pod }
	if err := k.get(ctx, "/api/v1/namespaces/"+namespace+"/pods", &list); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list.Items, func(p pod) bool { return p.Metadata.DeletionTimestamp != "" }), nil
}

// podSecrets are the Kubernetes Secrets that the pods read from.
func (k *kube) podSecrets(ctx context.Context) ([]string, error) {
	pods, err := k.pods(ctx)
	var names []string
	for _, p := range pods {
		names = append(names, p.secret())
	}
	return names, err
}

// secret is the Kubernetes Secret that the pod's environment comes from: its name changes with the versions in it.
func (p pod) secret() string {
	for _, c := range p.Spec.Containers {
		for _, e := range c.Env {
			if n := e.ValueFrom.SecretKeyRef.Name; n != "" {
				return n
			}
		}
	}
	return "-"
}

type availability struct {
	after time.Duration
	text  string
}

// waitAvailability polls until the sum of available replicas is as asked.
func (k *kube) waitAvailability(ctx context.Context, what string, limit time.Duration, reached func(available, wanted int) bool) (availability, error) {
	start := time.Now()
	for {
		deployments, err := k.deployments(ctx)
		if err != nil {
			return availability{}, err
		}
		available, wanted := 0, 0
		for _, d := range deployments {
			available += d.Status.AvailableReplicas
			wanted += d.Spec.Replicas
		}
		if reached(available, wanted) {
			return availability{time.Since(start), fmt.Sprintf("%d of %d replicas available", available, wanted)}, nil
		}
		if time.Since(start) > limit {
			return availability{}, fmt.Errorf("availability was not %s within %s: %d of %d replicas", what, limit, available, wanted)
		}
		select {
		case <-ctx.Done():
			return availability{}, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
