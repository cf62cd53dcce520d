terraform {
  required_providers {
    google = { source = "hashicorp/google" }
  }
}

variable "endpoint" {
  description = "Where the fake Google Cloud is served: http://127.0.0.1:PORT."
  type        = string
}

variable "release" {
  description = "1 for what is created, 2 for what it is changed to in place."
  type        = number
  default     = 1
}

locals {
  team    = var.release == 1 ? "shop" : "pay"
  project = "acme-dev"
}

provider "google" {
  project      = local.project
  region       = "asia-northeast1"
  access_token = "fake"

  cloud_billing_custom_endpoint       = "${var.endpoint}/v1/"
  compute_custom_endpoint             = "${var.endpoint}/compute/v1/"
  container_custom_endpoint           = "${var.endpoint}/v1/"
  iam_custom_endpoint                 = "${var.endpoint}/v1/"
  secret_manager_custom_endpoint      = "${var.endpoint}/v1/"
  resource_manager_custom_endpoint    = "${var.endpoint}/v1/"
  resource_manager_v3_custom_endpoint = "${var.endpoint}/v3/"
  cloud_run_v2_custom_endpoint        = "${var.endpoint}/v2/"
}

data "google_project" "this" {}

data "google_client_config" "this" {}

output "project_number" {
  value = data.google_project.this.number
}
