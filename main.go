// Command terraform-provider-twelvefactor is a Terraform provider that wires a whole twelve-factor application on
// Google Cloud. Terraform starts it; it serves nothing else.
package main

import (
	"context"
	"flag"
	"log"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/provider"
)

// version is set by the release build.
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "serve for a debugger to attach to, and print how Terraform reaches the process")
	flag.Parse()
	if err := provider.Serve(context.Background(), version, *debug); err != nil {
		log.Fatal(err)
	}
}
