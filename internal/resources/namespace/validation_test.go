package namespace_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/acctest"
)

const cluster = "projects/acme-dev/locations/asia-northeast1/clusters/dev"

func with(more acctest.Attributes) acctest.Attributes {
	all := acctest.Attributes{"cluster": cluster, "name": "shop"}
	for name, value := range more {
		all[name] = value
	}
	return all
}

var (
	textSet = tftypes.Set{ElementType: tftypes.String}
	textMap = tftypes.Map{ElementType: tftypes.String}
	network = tftypes.Object{AttributeTypes: map[string]tftypes.Type{"ingress_from": textSet, "egress_to": textSet}}
	limits  = tftypes.Object{AttributeTypes: map[string]tftypes.Type{"default_request": textMap, "default_limit": textMap, "min": textMap, "max": textMap}}
)

// peers is network with one entry on one side.
func peers(side, entry string) acctest.Attributes {
	values := map[string]tftypes.Value{"ingress_from": tftypes.NewValue(textSet, nil), "egress_to": tftypes.NewValue(textSet, nil)}
	values[side] = tftypes.NewValue(textSet, []tftypes.Value{tftypes.NewValue(tftypes.String, entry)})
	return with(acctest.Attributes{"network": tftypes.NewValue(network, values)})
}

// bounded is limits with the given maps; nil is unknown.
func bounded(more acctest.Attributes, maps map[string]map[string]string) acctest.Attributes {
	values := map[string]tftypes.Value{}
	for _, name := range []string{"default_request", "default_limit", "min", "max"} {
		entries, given := maps[name]
		switch {
		case !given:
			values[name] = tftypes.NewValue(textMap, nil)
		case entries == nil:
			values[name] = tftypes.NewValue(textMap, tftypes.UnknownValue)
		default:
			elements := map[string]tftypes.Value{}
			for key, value := range entries {
				elements[key] = tftypes.NewValue(tftypes.String, value)
			}
			values[name] = tftypes.NewValue(textMap, elements)
		}
	}
	all := with(more)
	all["limits"] = tftypes.NewValue(limits, values)
	return all
}

type entries = map[string]string

// Bad input is refused at its attribute, in words that say what is taken.
func TestBadInput(t *testing.T) {
	t.Parallel()
	provider := acctest.New(t).InProcess(t, noun)
	tests := map[string]struct {
		config   acctest.Attributes
		at, says string
	}{
		"cluster":               {with(acctest.Attributes{"cluster": "dev"}), `AttributeName("cluster")`, "is not the full name of a GKE cluster"},
		"name":                  {with(acctest.Attributes{"name": "Shop"}), `AttributeName("name")`, `for example "shop"`},
		"default":               {with(acctest.Attributes{"name": "default"}), `AttributeName("name")`, "belongs to Kubernetes"},
		"kube-system":           {with(acctest.Attributes{"name": "kube-system"}), `AttributeName("name")`, "belongs to Kubernetes"},
		"pod security":          {with(acctest.Attributes{"pod_security": "strict"}), `AttributeName("pod_security")`, "restricted"},
		"label key":             {with(acctest.Attributes{"labels": entries{"a b": "c"}}), `AttributeName("labels").ElementKeyString("a b")`, "not valid"},
		"label value":           {with(acctest.Attributes{"labels": entries{"team": "-"}}), `AttributeName("labels").ElementKeyString("team")`, "not valid"},
		"label of pod security": {with(acctest.Attributes{"labels": entries{"pod-security.kubernetes.io/warn": "x"}}), `AttributeName("labels")`, "pod_security"},
		"label of ours":         {with(acctest.Attributes{"labels": entries{"app.kubernetes.io/managed-by": "x"}}), `AttributeName("labels")`, "belongs to the provider"},
		"annotation of ours":    {with(acctest.Attributes{"annotations": entries{"twelvefactor.dev/namespace": "x"}}), `AttributeName("annotations")`, "belongs to the provider"},
		"one address":           {peers("egress_to", "10.0.0.5"), `AttributeName("egress_to")`, `write "10.0.0.5/32"`},
		"host bits":             {peers("egress_to", "10.0.0.5/8"), `AttributeName("egress_to")`, `"10.0.0.0/8"`},
		"no range":              {peers("ingress_from", "10.0.0/8"), `AttributeName("ingress_from")`, "not a range of addresses"},
		"port":                  {peers("egress_to", "10.0.0.0/8:70000"), `AttributeName("egress_to")`, "1 to 65535"},
		"host name":             {peers("egress_to", "db.acme.example:5432"), `AttributeName("egress_to")`, "neither a namespace nor a range"},
		"nothing is denied": {
			func() acctest.Attributes {
				a := peers("egress_to", "cart")
				a["default_deny"] = false
				return a
			}(), `AttributeName("network")`, "default_deny is false",
		},
		"quota key":      {with(acctest.Attributes{"quota": entries{"cpus": "1"}}), `AttributeName("quota").ElementKeyString("cpus")`, "requests.cpu"},
		"quota value":    {with(acctest.Attributes{"quota": entries{"requests.cpu": "lots"}}), `ElementKeyString("requests.cpu")`, "not a quantity"},
		"half a pod":     {with(acctest.Attributes{"quota": entries{"pods": "1.5"}}), `ElementKeyString("pods")`, "not a whole number"},
		"quota of limit": {with(acctest.Attributes{"quota": entries{"limits.cpu": "10"}}), `AttributeName("quota").ElementKeyString("limits.cpu")`, "default_limit"},
		"limit key":      {bounded(nil, map[string]map[string]string{"max": {"pods": "1"}}), `AttributeName("limits").AttributeName("max").ElementKeyString("pods")`, "cpu, memory"},
		"limits that exclude": {
			bounded(nil, map[string]map[string]string{"default_request": {"cpu": "2"}, "max": {"cpu": "1500m"}}),
			`AttributeName("limits").AttributeName("default_request").ElementKeyString("cpu")`, "more than max.cpu",
		},
	}
	for name, test := range tests {
		diagnostics := provider.Validate(t, test.config)
		if len(diagnostics) != 1 {
			t.Errorf("%s: %s", name, acctest.DiagnosticsText(diagnostics))
			continue
		}
		d := diagnostics[0]
		if text := strings.Join(strings.Fields(d.Summary+" "+d.Detail), " "); !strings.Contains(text, test.says) {
			t.Errorf("%s says %q, want %q", name, text, test.says)
		}
		if got := d.Attribute.String(); !strings.Contains(got, test.at) {
			t.Errorf("%s is at %s, want %s", name, got, test.at)
		}
	}
}

// What is not known yet is not judged.
func TestUnknownIsNotJudged(t *testing.T) {
	t.Parallel()
	provider := acctest.New(t).InProcess(t, noun)
	unknown := func(kind tftypes.Type) tftypes.Value { return tftypes.NewValue(kind, tftypes.UnknownValue) }
	quota := entries{"limits.cpu": "10"}
	tests := map[string]acctest.Attributes{
		"everything": {
			"cluster": unknown(tftypes.String), "name": unknown(tftypes.String), "labels": unknown(textMap), "annotations": unknown(textMap),
			"pod_security": unknown(tftypes.String), "default_deny": unknown(tftypes.Bool), "network": unknown(network), "quota": unknown(textMap),
			"limits": unknown(limits), "force_destroy": unknown(tftypes.Bool),
		},
		"limits":        with(acctest.Attributes{"quota": quota, "limits": unknown(limits)}),
		"default limit": bounded(acctest.Attributes{"quota": quota}, map[string]map[string]string{"default_limit": nil}),
		"value":         with(acctest.Attributes{"quota": tftypes.NewValue(textMap, map[string]tftypes.Value{"pods": unknown(tftypes.String)})}),
		"peer": with(acctest.Attributes{"network": tftypes.NewValue(network, map[string]tftypes.Value{
			"ingress_from": unknown(textSet), "egress_to": tftypes.NewValue(textSet, []tftypes.Value{unknown(tftypes.String)}),
		})}),
	}
	for name, config := range tests {
		if d := provider.Validate(t, config); len(d) > 0 {
			t.Errorf("%s: %s", name, acctest.DiagnosticsText(d))
		}
		plan, d := provider.Plan(t, nil, config)
		if plan == nil || len(d) > 0 {
			t.Errorf("%s cannot be planned: %s", name, acctest.DiagnosticsText(d))
		}
	}
}
