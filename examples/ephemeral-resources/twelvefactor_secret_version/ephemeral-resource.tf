variable "payments_api_key" {
  type      = string
  ephemeral = true # never in plan or state
  default   = null # needed only when value_wo_version changes
}

resource "twelvefactor_secret" "payments" {
  name             = "payments-api-key"
  value_wo         = var.payments_api_key
  value_wo_version = "2026-11"
}

# By version_id: a plan that writes a new value leaves it open, and the value is read after it was written.
ephemeral "twelvefactor_secret_version" "payments" {
  version_id = twelvefactor_secret.payments.version_id
}

# Write-only arguments take it, and so do provider blocks, such as `api_key = ephemeral.twelvefactor_secret_version.payments.value`.
resource "twelvefactor_secret" "payments_for_reports" {
  name             = "payments-api-key-for-reports"
  value_wo         = ephemeral.twelvefactor_secret_version.payments.value
  value_wo_version = twelvefactor_secret.payments.version # copied again whenever there is a new version
}
