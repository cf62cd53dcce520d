package secret

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/deploy"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/secret"
)

// declaredValue is the value as the configuration has it, in one of its two forms. It is never printed.
type declaredValue struct{ text, encoded types.String }

func valueOf(ctx context.Context, config tfsdk.Config, diags *diag.Diagnostics) (v declaredValue) {
	diags.Append(config.GetAttribute(ctx, path.Root("value_wo"), &v.text)...)
	diags.Append(config.GetAttribute(ctx, path.Root("value_base64_wo"), &v.encoded)...)
	return v
}

// absent tells whether there is certainly no value.
func (v declaredValue) absent() bool { return v.text.IsNull() && v.encoded.IsNull() }

// check refuses what is certainly wrong about the value and its version together. What is still unknown at plan is checked
// again at apply.
func (v declaredValue) check(version types.String, diags *diag.Diagnostics) {
	known := func(s types.String) bool { return !s.IsNull() && !s.IsUnknown() }
	if known(v.text) && known(v.encoded) {
		diags.AddAttributeError(path.Root("value_base64_wo"), "Two values",
			"value_wo and value_base64_wo are both set, and a version of a secret has one value. Use value_wo for text, value_base64_wo for "+
				"anything else (value_base64_wo = filebase64(\"keystore.p12\")), and leave the other one out.")
	}
	if version.IsNull() && (known(v.text) || known(v.encoded)) {
		diags.AddAttributeError(path.Root("value_wo_version"), "Missing value_wo_version",
			"A value is set, but value_wo_version is not. Terraform does not store the value, so it cannot see when it changes: the "+
				"provider writes it when value_wo_version does. Set it to a name for the value, for example value_wo_version = \"1\".")
	}
}

// valueFor gives the value when the change writes a version. It was unknown when the plan was made, maybe, so everything
// about it is checked again.
func valueFor(ctx context.Context, config tfsdk.Config, c change, diags *diag.Diagnostics) secret.Bytes {
	if diags.HasError() {
		return secret.Bytes{}
	}
	v := valueOf(ctx, config, diags)
	v.check(c.plan.ValueWOVersion, diags)
	if diags.HasError() || !c.needsValue() {
		return secret.Bytes{}
	}
	attribute, raw, check := "value_wo", v.text, checkValue
	switch {
	case v.absent():
		c.refuse(diags)
		return secret.Bytes{}
	case v.text.IsNull():
		attribute, raw, check = "value_base64_wo", v.encoded, checkBase64
	}
	if err := check(raw.ValueString()); err != nil {
		diags.AddAttributeError(path.Root(attribute), "Invalid "+attribute, fmt.Sprintf("The value cannot be written: %v.", err))
		return secret.Bytes{}
	}
	if attribute == "value_wo" {
		return secret.FromString(raw.ValueString())
	}
	decoded, _ := decodeBase64(raw.ValueString()) // checked
	return secret.New(decoded)
}

// checkValue bounds the value. Its error says nothing about the content.
func checkValue(value string) error { return checkSize(len(value)) }

func checkSize(size int) error {
	switch {
	case size == 0:
		return errors.New("it is empty, and Secret Manager takes no empty versions")
	case size > deploy.MaxSecretBytes:
		return fmt.Errorf("it is %d bytes too long, and Secret Manager takes no more: keep large values in Cloud Storage, and the key "+
			"that encrypts them here", size-deploy.MaxSecretBytes)
	default:
		return nil
	}
}

// checkBase64 bounds what is encoded. The decoder's error is not passed on: it says where the value is wrong.
func checkBase64(value string) error {
	decoded, err := decodeBase64(value)
	if err != nil {
		return errors.New("it is not base64 in the standard alphabet with padding (RFC 4648 section 4); filebase64() and base64encode() make it, " +
			"the base64url form is another one")
	}
	return checkSize(len(decoded))
}

func decodeBase64(value string) ([]byte, error) {
	return base64.StdEncoding.Strict().DecodeString(value)
}
