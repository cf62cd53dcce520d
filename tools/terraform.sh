#!/usr/bin/env bash
# Prints the path of the Terraform to use: one of version 1.11 or later on the PATH, else OpenTofu, built from source.
set -euo pipefail

if terraform=$(command -v terraform); then
	version=$(terraform version -json 2>/dev/null | sed -n 's/.*"terraform_version": *"\([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
	read -r major minor <<<"${version:-0 0}"
	if [ "$major" -gt 1 ] || { [ "$major" -eq 1 ] && [ "$minor" -ge 11 ]; }; then
		echo "$terraform"
		exit 0
	fi
	echo "== $terraform is older than 1.11, which write-only arguments need: using OpenTofu" >&2
fi
echo "$("$(dirname "$0")/build.sh" opentofu)/tofu"
