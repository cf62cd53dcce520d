module github.com/twelvefactor/terraform-provider-twelvefactor/tools/demo

go 1.26.0
