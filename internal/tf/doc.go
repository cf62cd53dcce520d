// Package tf is the Terraform glue that the resources share: what the provider hands to them, diagnostics made from
// errors of the use cases, defaults that come from the provider's configuration, validators, labels, timeouts,
// identity and import.
package tf
