// Package secret is the resource twelvefactor_secret: a Secret Manager secret whose value is given in the configuration
// without ever being stored by Terraform.
package secret
