locals {
  _session_key = var.session_key == null ? {} : { this = var.session_key }

  # What has a file is mounted, the rest is environment.
  _secrets = merge(
    var.secret_versions,
    { for env, s in var.secrets : env => twelvefactor_secret.this[env].version_id if s.file == null },
    { for k, key in local._session_key : key.env => twelvefactor_session_key.this[k].version_id if key.file == null },
  )
  _secret_files = merge(
    var.secret_files,
    { for env, s in var.secrets : s.file => twelvefactor_secret.this[env].version_id if s.file != null },
    { for k, key in local._session_key : key.file => twelvefactor_session_key.this[k].version_id if key.file != null },
  )
}

resource "twelvefactor_session_key" "this" {
  for_each = local._session_key

  name             = coalesce(each.value.name, "${var.name}-session-key")
  project          = var.project
  bytes            = each.value.bytes
  encoding         = each.value.encoding
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
  name        = var.name
  image       = var.image
  image_owner = var.image_owner
  gke = merge(var.gke, {
    cluster   = var.cluster
    namespace = coalesce(var.namespace, var.name)
    capacity  = var.capacity
  })

  identity     = var.identity != null ? var.identity : one(twelvefactor_workload_identity.this[*].id)
  config       = var.config
  config_files = var.config_files
  secrets      = local._secrets
  secret_files = local._secret_files
  sidecars     = var.sidecars
  processes    = var.processes
  labels       = var.labels
  annotations  = var.annotations
  drift_ignore = var.drift_ignore
  rerender     = var.rerender
  timeouts     = var.timeouts

  lifecycle {
    postcondition {
      condition     = contains(["ready", "unavailable"], self.status) # no apply mends an outage
      error_message = "Service ${var.name} is ${self.status}: see the warning, mend the cause and apply again."
    }
  }
}
