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
