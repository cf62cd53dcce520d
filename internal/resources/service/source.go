package service

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
)

// What app.App.Source holds is how the configuration was written, attribute by attribute, where the app itself does not
// tell: defaults, empty maps, "60s" or "1m". The entries of config, secrets and files are the app's own and not repeated.

// worded gives the attributes whose wording is kept.
func (m *model) worded() map[string]attr.Value {
	return map[string]attr.Value{
		"gke": m.GKE, "cloud_run": m.CloudRun, "processes": m.Processes, "identity": m.Identity, "labels": m.Labels,
		"sidecars": m.Sidecars, "annotations": m.Annotations,
		"image_owner": m.ImageOwner, "drift_ignore": m.DriftIgnore, "rerender": m.Rerender,
	}
}

// setWorded sets one of them.
func (m *model) setWorded(name string, value attr.Value) {
	switch v := value.(type) {
	case types.String:
		*map[string]*types.String{"identity": &m.Identity, "image_owner": &m.ImageOwner}[name] = v
	case types.Set:
		m.DriftIgnore = v
	case types.Bool:
		m.Rerender = v
	case types.Map:
		*map[string]*types.Map{
			"processes": &m.Processes, "labels": &m.Labels, "sidecars": &m.Sidecars, "annotations": &m.Annotations,
		}[name] = v
	case types.Object:
		*map[string]*types.Object{"gke": &m.GKE, "cloud_run": &m.CloudRun}[name] = v
	}
}

// environments gives the attributes of which only is kept that they are empty.
func (m *model) environments() map[string]*types.Map {
	return map[string]*types.Map{
		"config": &m.Config, "secrets": &m.Secrets, "config_files": &m.ConfigFiles, "secret_files": &m.SecretFiles,
	}
}

// sourceOf records how a model was written, in which everything is known.
func sourceOf(ctx context.Context, m model) (json.RawMessage, error) {
	source := map[string]any{}
	for name, value := range m.worded() {
		raw, err := value.ToTerraformValue(ctx)
		if err != nil {
			return nil, err
		}
		text, err := plain(raw)
		if err != nil {
			return nil, err
		}
		if text != nil {
			source[name] = text
		}
	}
	for name, value := range m.environments() {
		if !value.IsNull() && len(value.Elements()) == 0 {
			source[name] = map[string]any{}
		}
	}
	return json.Marshal(source) // sorts the keys
}

// plain gives a value as JSON knows it. Attributes that are null are left out.
func plain(v tftypes.Value) (any, error) {
	switch t := v.Type(); {
	case v.IsNull():
		return nil, nil
	case t.Is(tftypes.String):
		return goValue[string](v)
	case t.Is(tftypes.Bool):
		return goValue[bool](v)
	case t.Is(tftypes.Number):
		n, err := goValue[big.Float](v)
		return json.Number(n.Text('f', -1)), err
	case t.Is(tftypes.Map{}) || t.Is(tftypes.Object{}):
		return plainMap(v)
	default:
		return plainList(v)
	}
}

func plainMap(v tftypes.Value) (any, error) {
	parts, err := goValue[map[string]tftypes.Value](v)
	if err != nil {
		return nil, err
	}
	out := make(map[string]any, len(parts))
	for key, part := range parts {
		value, err := plain(part)
		if err != nil {
			return nil, err
		}
		if value != nil {
			out[key] = value
		}
	}
	return out, nil
}

func plainList(v tftypes.Value) (any, error) {
	parts, err := goValue[[]tftypes.Value](v)
	if err != nil {
		return nil, err
	}
	out := make([]any, len(parts))
	for i, part := range parts {
		if out[i], err = plain(part); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func goValue[T any](v tftypes.Value) (T, error) {
	var out T
	err := v.As(&out)
	return out, err
}

// recorded gives a model what an app says that was recorded with the live objects, worded as it was when that was
// applied. An app without wording, or with one that means something else, is worded with all that it says.
func recorded(ctx context.Context, a app.App, prior model, defaults types.Map, diags *diag.Diagnostics) model {
	flat, more := flatten(ctx, a, prior)
	flat.EffectiveLabels, flat.Labels = splitLabels(a.Labels, prior, defaults)
	if worded, err := flat.reworded(ctx, a); err == nil {
		return worded
	}
	diags.Append(more...)
	return flat
}

// reworded is the model in the wording of an app's source.
func (m model) reworded(ctx context.Context, a app.App) (model, error) {
	var source map[string]json.RawMessage
	if err := json.Unmarshal(a.Source, &source); err != nil {
		return m, err
	}
	for name, value := range m.worded() {
		t := value.Type(ctx)
		raw := tftypes.NewValue(t.TerraformType(ctx), nil)
		if text, written := source[name]; written {
			var err error
			if raw, err = (tfprotov6.RawState{JSON: text}).Unmarshal(t.TerraformType(ctx)); err != nil {
				return m, err
			}
		}
		restored, err := t.ValueFromTerraform(ctx, raw)
		if err != nil {
			return m, err
		}
		m.setWorded(name, restored)
	}
	for name, value := range m.environments() {
		if _, empty := source[name]; empty && value.IsNull() {
			*value = types.MapValueMust(types.StringType, map[string]attr.Value{})
		}
	}
	back, diags := expand(ctx, m)
	back.Labels = a.Labels // the recorded ones include the provider's default labels
	if diags.HasError() || !same(back, a) {
		return m, fmt.Errorf("the source of %s does not mean the app", a.Name)
	}
	return m, nil
}
