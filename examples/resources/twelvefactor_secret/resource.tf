variable "payments_api_key" {
  type      = string
  ephemeral = true # never in plan or state
  default   = null # needed only when value_wo_version changes
}

resource "twelvefactor_secret" "payments" {
  name             = "payments-api-key"
  value_wo         = var.payments_api_key
  value_wo_version = "2026-11"
  labels           = { owner = "payments" }
}

# A regional secret: values are kept, and read through an endpoint, in this region only. Services on GKE can use it,
# Cloud Run cannot. Without value_wo_version others add the versions.
resource "twelvefactor_secret" "ledger" {
  name     = "ledger-signing-key"
  location = "europe-west3"
}
