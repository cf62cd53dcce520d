package kubernetes

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// SetSecretManager declares whether GKE's Secret Manager add-on is on: what it brings follows as soon as there is a control
// plane.
func (c *Cluster) SetSecretManager(on bool) {
	c.secretManager.Store(on)
	if r, ok := c.started(); ok {
		r.addons.wake()
	}
}

// SecretsDriver is the CSI driver of the Secret Manager add-on.
// Source: https://cloud.google.com/secret-manager/docs/secret-manager-managed-csi-component.
const SecretsDriver = "secrets-store-gke.csi.k8s.io"

// addonObject is one object that an add-on brings, by its path in the API.
type addonObject struct {
	collection, name string
	object           map[string]any
}

func (o addonObject) path() string { return o.collection + "/" + o.name }

// secretManagerObjects are those of the Secret Manager add-on. The schema is that of
// kubernetes-sigs/secrets-store-csi-driver, deploy/secrets-store.csi.x-k8s.io_secretproviderclasses.yaml, without the
// descriptions and the deprecated version v1alpha1.
var secretManagerObjects = []addonObject{
	{"/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "secretproviderclasses." + secretsGroup, map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": "secretproviderclasses." + secretsGroup},
		"spec": map[string]any{
			"group": secretsGroup, "scope": "Namespaced",
			"names": map[string]any{
				"kind": "SecretProviderClass", "listKind": "SecretProviderClassList", "plural": "secretproviderclasses", "singular": "secretproviderclass",
			},
			"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{
				"openAPIV3Schema": schemaOf(map[string]any{
					"apiVersion": text, "kind": text, "metadata": map[string]any{"type": "object"},
					"spec": schemaOf(map[string]any{
						"provider":   text,
						"parameters": map[string]any{"type": "object", "additionalProperties": text},
						"secretObjects": listOf(schemaOf(map[string]any{
							"secretName": text, "type": text,
							"labels":      map[string]any{"type": "object", "additionalProperties": text},
							"annotations": map[string]any{"type": "object", "additionalProperties": text},
							"data":        listOf(schemaOf(map[string]any{"key": text, "objectName": text})),
						})),
					}),
				}),
			}}},
		},
	}},
	{"/apis/storage.k8s.io/v1/csidrivers", SecretsDriver, map[string]any{
		"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": map[string]any{"name": SecretsDriver},
		"spec": map[string]any{"podInfoOnMount": true, "attachRequired": false, "volumeLifecycleModes": []any{"Ephemeral"}},
	}},
}

const secretsGroup = "secrets-store.csi.x-k8s.io"

var text = map[string]any{"type": "string"}

func schemaOf(properties map[string]any) map[string]any {
	return map[string]any{"type": "object", "properties": properties}
}

func listOf(items map[string]any) map[string]any {
	return map[string]any{"type": "array", "items": items}
}

// addonManager brings the objects of the add-ons that are on, and takes away those of the others.
type addonManager struct {
	client   rest.Interface
	wanted   func() bool
	log      *slog.Logger
	woken    chan struct{}
	compared chan struct{} // closed once the cluster has what it was made with
}

func newAddonManager(client clientset.Interface, wanted func() bool, log *slog.Logger) *addonManager {
	return &addonManager{
		client: client.CoreV1().RESTClient(), wanted: wanted, log: log,
		woken: make(chan struct{}, 1), compared: make(chan struct{}),
	}
}

func (m *addonManager) wake() {
	select {
	case m.woken <- struct{}{}:
	default:
	}
}

// addonRetry is the pause after a failed write and between looks at a kind that is not served yet.
const addonRetry = 100 * time.Millisecond

func (m *addonManager) run(ctx context.Context) {
	first := true
	for ctx.Err() == nil {
		on := m.wanted()
		if err := m.bring(ctx, on); err != nil {
			if ctx.Err() == nil {
				m.log.Warn("an add-on did not come up", "error", err)
			}
			m.sleep(ctx)
			continue
		}
		if first {
			close(m.compared)
			first = false
		}
		if on != m.wanted() {
			continue
		}
		select {
		case <-ctx.Done():
		case <-m.woken:
		}
	}
}

func (m *addonManager) sleep(ctx context.Context) {
	timer := time.NewTimer(addonRetry)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (m *addonManager) bring(ctx context.Context, on bool) error {
	for _, o := range secretManagerObjects {
		if !on {
			if err := m.client.Delete().AbsPath(o.path()).Do(ctx).Error(); err != nil && !apierrors.IsNotFound(err) {
				return err
			}
			continue
		}
		encoded, err := json.Marshal(o.object)
		if err != nil {
			return err
		}
		err = m.client.Post().AbsPath(o.collection).SetHeader("Content-Type", "application/json").Body(encoded).Do(ctx).Error()
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	for on && !m.served(ctx) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		m.sleep(ctx)
	}
	return nil
}

// served tells whether the API knows the add-on's kind.
func (m *addonManager) served(ctx context.Context) bool {
	return m.client.Get().AbsPath("/apis/"+secretsGroup+"/v1/secretproviderclasses").Do(ctx).Error() == nil
}
