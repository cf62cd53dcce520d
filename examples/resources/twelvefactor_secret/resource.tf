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
