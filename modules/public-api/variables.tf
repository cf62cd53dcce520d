variable "command" {
  description = "Command of the container; null for the image's own."
  type        = list(string)
  default     = null
}

variable "config" {
  description = "Plain environment."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "image" {
  description = "Container image with a tag other than latest, or a digest."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("(:[^/:@]+|@sha256:[0-9a-f]{64})$", var.image)) && !endswith(var.image, ":latest")
    error_message = "Image needs a tag other than latest, or a digest. Example: image = \"asia-docker.pkg.dev/acme/api/server:2.0.0\"."
  }
}

variable "ingress" {
  description = "Where requests may come from: \"all\", \"internal\" or \"internal_and_load_balancing\"."
  type        = string
  default     = "all"
  nullable    = false
  validation {
    condition     = contains(["all", "internal", "internal_and_load_balancing"], var.ingress)
    error_message = "Ingress must be \"all\", \"internal\" or \"internal_and_load_balancing\". Example: ingress = \"all\"."
  }
}

variable "invokers" {
  description = "IAM members that may call the API when public is false."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "labels" {
  description = "Labels of the service and of its secrets."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "location" {
  description = "Region. Null: the provider's region."
  type        = string
  default     = null
}

variable "name" {
  description = "Name of the service."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,47}[a-z0-9])?$", var.name))
    error_message = "Name must have 1 to 49 lower-case letters, digits and hyphens, start with a letter and not end with a hyphen. Example: name = \"public-api\"."
  }
}

variable "port" {
  description = "Port that the container listens on; it is told so in PORT."
  type        = number
  default     = 8080
  nullable    = false
  validation {
    condition     = var.port >= 1 && var.port <= 65535
    error_message = "Port must be from 1 to 65535. Example: port = 8080."
  }
}

variable "project" {
  description = "Google Cloud project. Null: the provider's project."
  type        = string
  default     = null
}

variable "public" {
  description = "Whether everybody may call the API. False: only var.invokers."
  type        = bool
  default     = true
  nullable    = false
}

variable "resources" {
  description = "CPU and memory of an instance, as Kubernetes quantities."
  type = object({
    cpu    = optional(string, "1")
    memory = optional(string, "512Mi")
  })
  default  = {}
  nullable = false
}

variable "scale" {
  description = "Bounds of the number of instances, and requests at a time per instance."
  type = object({
    concurrency = optional(number, 80)
    max         = optional(number, 100)
    min         = optional(number, 0)
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.scale.min <= var.scale.max && var.scale.min >= 0 && var.scale.max >= 1
    error_message = "Scale needs 0 <= min <= max and max >= 1. Example: scale = { min = 0, max = 100, concurrency = 80 }."
  }
}

variable "secret_values" {
  description = "Values of the secrets in var.secrets, by environment name. Ephemeral: never in plan or state. Needed only when a value_version changes."
  type        = map(string)
  ephemeral   = true
  default     = {}
  nullable    = false
}

variable "secret_versions" {
  description = "Secret versions that exist already, by environment name."
  type        = map(string)
  default     = {}
  nullable    = false
  validation {
    condition     = alltrue([for v in values(var.secret_versions) : can(regex("^projects/[^/]+(/locations/[^/]+)?/secrets/[^/]+/versions/[1-9][0-9]*$", v))])
    error_message = "Each secret version must be a full name with a number. Example: { TOKEN = \"projects/acme-dev/secrets/token/versions/3\" }."
  }
  validation {
    condition     = !anytrue([for v in values(var.secret_versions) : can(regex("/locations/", v))])
    error_message = "Cloud Run reads global secrets only. Use a secret without location. Example: { TOKEN = \"projects/acme-dev/secrets/token/versions/3\" }."
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
  default = null
}
