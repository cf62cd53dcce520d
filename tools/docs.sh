#!/usr/bin/env bash
# Generates docs/ with terraform-plugin-docs, or checks that it is up to date.
#
# The generator would download Terraform to read the provider's schema. It is given a schema file instead, made by the
# OpenTofu that is built here, so that nothing is downloaded.
set -euo pipefail

mode=${1:?usage: tools/docs.sh generate|check}
root=$(cd "$(dirname "$0")/.." && pwd)
tofu=$("$root/tools/build.sh" opentofu)/tofu
tfplugindocs=$("$root/tools/build.sh" docs)/tfplugindocs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "== docs: $mode (about 10 s)" >&2
cat >"$work/cli.tfrc" <<RC
provider_installation {
  dev_overrides { "registry.terraform.io/twelvefactor/twelvefactor" = "$root/bin" }
}
RC
cp "$root/examples/provider/provider.tf" "$work/main.tf"
TF_CLI_CONFIG_FILE="$work/cli.tfrc" "$tofu" -chdir="$work" providers schema -json >"$work/schema.json" 2>"$work/schema.log" ||
	{ cat "$work/schema.log" >&2; exit 1; }
# It looks for the provider under the default namespace.
sed -i.bak 's#registry.terraform.io/twelvefactor/twelvefactor#registry.terraform.io/hashicorp/twelvefactor#g' "$work/schema.json"

out=docs
# The generator writes below the provider's folder only.
[ "$mode" = check ] && out=$(cd "$root" && mktemp -d .docs-check-XXXXXX) && trap 'rm -rf "$work" "${root:?}/$out"' EXIT
"$tfplugindocs" generate --provider-dir "$root" --provider-name twelvefactor \
	--rendered-provider-name "Twelve-Factor" --rendered-website-dir "$out" \
	--providers-schema "$work/schema.json" >"$work/docs.log" 2>&1 || { cat "$work/docs.log" >&2; exit 1; }

if [ "$mode" = check ] && ! diff -ru "$root/docs" "$root/$out" >&2; then
	echo "docs/ is not up to date: run 'make docs' and commit the result." >&2
	exit 1
fi
