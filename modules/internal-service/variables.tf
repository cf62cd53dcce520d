variable "capacity" {
  description = "Nodes that the app runs on: \"on_demand\", \"spot\", or \"mixed\" (spread over both, so that losing every Spot node leaves something serving)."
  type        = string
  default     = "on_demand"
  nullable    = false
  validation {
    condition     = contains(["on_demand", "spot", "mixed"], var.capacity)
    error_message = "Capacity must be \"on_demand\", \"spot\" or \"mixed\". Example: capacity = \"spot\"."
  }
}

variable "cluster" {
  description = "Full name of the cluster, as the platform module's output id gives it."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^projects/[^/]+/locations/[^/]+/clusters/[^/]+$", var.cluster))
    error_message = "Cluster must be a full name. Example: cluster = \"projects/acme-dev/locations/asia-northeast1/clusters/dev\"."
  }
}

variable "config" {
  description = "Plain environment of all processes."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "grants" {
  description = "Roles that the app needs besides reading its own secrets, each on a project, a secret or a service account, perhaps under a condition."
  type = set(object({
    role            = string
    project         = optional(string)
    secret          = optional(string)
    service_account = optional(string)
    condition       = optional(object({ title = string, description = optional(string), expression = string }))
  }))
  default  = []
  nullable = false
  validation {
    condition     = alltrue([for g in var.grants : length([for t in [g.project, g.secret, g.service_account] : t if t != null]) == 1])
    error_message = "Each grant names exactly one of project, secret and service_account. Example: grants = [{ role = \"roles/pubsub.publisher\", project = \"acme-dev\" }]."
  }
}

variable "image" {
  description = "Container image with a tag other than latest, or a digest."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("(:[^/:@]+|@sha256:[0-9a-f]{64})$", var.image)) && !endswith(var.image, ":latest")
    error_message = "Image needs a tag other than latest, or a digest. Example: image = \"asia-docker.pkg.dev/acme/shop/web:1a2b3c4\"."
  }
}

variable "labels" {
  description = "Labels of the service and of its secrets."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "name" {
  description = "Name of the service."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,47}[a-z0-9])?$", var.name))
    error_message = "Name must have 1 to 49 lower-case letters, digits and hyphens, start with a letter and not end with a hyphen. Example: name = \"shop\"."
  }
}

variable "namespace" {
  description = "Kubernetes namespace; made when it is missing. Null: the service's name."
  type        = string
  default     = null
}

variable "processes" {
  description = "Process types by name. web takes requests, the others are workers."
  type = map(object({
    command        = optional(list(string))
    args           = optional(list(string))
    port           = optional(number)
    cpu            = optional(string)
    memory         = optional(string)
    shutdown_grace = optional(string)
    scratch        = optional(map(string))
    scale = optional(object({
      min         = optional(number)
      max         = optional(number)
      cpu_percent = optional(number)
    }))
    readiness = optional(object({
      path = optional(string)
      tcp  = optional(bool)
      grpc = optional(bool)
    }))
    liveness = optional(object({
      path = optional(string)
      tcp  = optional(bool)
      grpc = optional(bool)
    }))
    startup = optional(object({
      path = optional(string)
      tcp  = optional(bool)
      grpc = optional(bool)
    }))
  }))
  default  = { web = {} }
  nullable = false
  validation {
    condition     = length(var.processes) > 0
    error_message = "At least one process is needed. Example: processes = { web = { port = 8080 } }."
  }
}

variable "project" {
  description = "Google Cloud project of the secrets. Null: the provider's project."
  type        = string
  default     = null
}

variable "secret_values" {
  description = "Values of the secrets in var.secrets, by environment name. Ephemeral: never in plan or state. Needed only when a value_version changes."
  type        = map(string)
  ephemeral   = true
  default     = {}
  nullable    = false
}

variable "secret_versions" {
  description = "Secret versions that exist already, by environment name; of global or of regional secrets."
  type        = map(string)
  default     = {}
  nullable    = false
  validation {
    condition     = alltrue([for v in values(var.secret_versions) : can(regex("^projects/[^/]+(/locations/[^/]+)?/secrets/[^/]+/versions/[1-9][0-9]*$", v))])
    error_message = "Each secret version must be a full name with a number. Example: { TOKEN = \"projects/acme-dev/secrets/token/versions/3\" }."
  }
}

variable "secrets" {
  description = "Secrets that this module keeps, by environment name. Change value_version to send a new value."
  type = map(object({
    name          = string
    value_version = string
  }))
  default  = {}
  nullable = false
}

variable "session_key" {
  description = "Session key that the provider draws and rotates; null for none."
  type = object({
    bytes            = optional(number, 32)
    env              = optional(string, "SESSION_KEYS")
    keep             = optional(number, 1)
    name             = optional(string)
    rotate_after     = optional(string, "720h")
    rotation_trigger = optional(string)
  })
  default = {}
}
