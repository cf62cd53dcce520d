locals {
  _session_key = var.session_key == null ? {} : { this = var.session_key }

  _secrets = merge(
    var.secret_versions,
    { for env, s in twelvefactor_secret.this : env => s.version_id },
    { for k, s in twelvefactor_session_key.this : var.session_key.env => s.version_id },
  )
}

resource "twelvefactor_session_key" "this" {
  for_each = local._session_key

  name             = coalesce(each.value.name, "${var.name}-session-key")
  project          = var.project
  bytes            = each.value.bytes
  keep             = each.value.keep
  rotate_after     = each.value.rotate_after
  rotation_trigger = each.value.rotation_trigger
  labels           = var.labels

  lifecycle {
    postcondition {
      condition     = self.status == "ready"
      error_message = "Session key ${self.name} is ${self.status}: see the warning, mend the cause and apply again."
    }
  }
}

resource "twelvefactor_secret" "this" {
  for_each = var.secrets

  name             = each.value.name
  project          = var.project
  value_wo         = lookup(var.secret_values, each.key, null)
  value_wo_version = each.value.value_version
  labels           = var.labels

  lifecycle {
    postcondition {
      condition     = self.status == "ready"
      error_message = "Secret ${self.name} is ${self.status}: see the warning, mend the cause and apply again."
    }
  }
}

resource "twelvefactor_workload_identity" "this" {
  count = length(var.grants) > 0 ? 1 : 0

  name      = var.name
  cluster   = var.cluster
  namespace = coalesce(var.namespace, var.name)
  grants    = var.grants

  lifecycle {
    postcondition {
      condition     = self.status == "ready"
      error_message = "Workload identity ${var.name} is ${self.status}: see the warning, mend the cause and apply again."
    }
  }
}

resource "twelvefactor_service" "this" {
  name  = var.name
  image = var.image
  gke = {
    cluster   = var.cluster
    namespace = coalesce(var.namespace, var.name)
    capacity  = var.capacity
  }

  identity  = one(twelvefactor_workload_identity.this[*].id)
  config    = var.config
  secrets   = local._secrets
  processes = var.processes
  labels    = var.labels

  lifecycle {
    postcondition {
      condition     = contains(["ready", "unavailable"], self.status) # no apply mends an outage
      error_message = "Service ${var.name} is ${self.status}: see the warning, mend the cause and apply again."
    }
  }
}
