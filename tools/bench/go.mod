module github.com/twelvefactor/terraform-provider-twelvefactor/tools/bench

go 1.26.0
