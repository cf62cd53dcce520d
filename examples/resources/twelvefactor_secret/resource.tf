variable "payments_api_key" {
  type      = string
  ephemeral = true # never in plan or state
  default   = null # needed only when value_wo_version changes
}

resource "twelvefactor_secret" "payments" {
  name             = "payments-api-key"
  value_wo         = var.payments_api_key # value_base64_wo = filebase64("keystore.p12") for what is not text
  value_wo_version = "2026-11"
  labels           = { owner = "payments" }

  # The newest three stay enabled; the aliases current and previous follow each change.
  keep_versions = 3
}

# A regional secret: values are kept, and read through an endpoint, in this region only. Services on GKE can use it,
# Cloud Run cannot. Without value_wo_version others add the versions.
resource "twelvefactor_secret" "ledger" {
  name     = "ledger-signing-key"
  location = "europe-west3"
}
