variable "payments_api_key" {
  description = "Key of the payments provider. Ephemeral: never in plan or state. Needed only when value_wo_version changes."
  type        = string
  ephemeral   = true
  default     = null
}

variable "project" {
  description = "Google Cloud project id."
  type        = string
  default     = "acme-dev"
  nullable    = false
}

variable "region" {
  description = "Region of the cluster and of Cloud Run."
  type        = string
  default     = "asia-northeast1"
  nullable    = false
}

variable "rotation_trigger" {
  description = "Change it to rotate the session key now, before its time."
  type        = string
  default     = null
}
