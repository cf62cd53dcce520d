variable "annotations" {
  description = "Annotations for tools, on the service, its workers and their revisions."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "cloud_run" {
  description = "What else Cloud Run does, as in cloud_run of twelvefactor_service. invoker_iam_disabled is what public grants, for organizations that refuse allUsers."
  type = object({
    cpu_always_allocated  = optional(bool)
    custom_audiences      = optional(set(string))
    default_uri_disabled  = optional(bool)
    execution_environment = optional(string)
    invoker_iam_disabled  = optional(bool, false)
    protocol              = optional(string)
    request_timeout       = optional(string)
    revision_scale        = optional(object({ min = optional(number), max = optional(number) }))
    session_affinity      = optional(bool)
    startup_cpu_boost     = optional(bool)
    vpc = optional(object({
      egress     = optional(string)
      network    = optional(string)
      subnetwork = optional(string)
      tags       = optional(set(string))
    }))
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.public || !var.cloud_run.invoker_iam_disabled
    error_message = "With invoker_iam_disabled everybody may call the API, and public = false says that only invokers may. Example: public = true, cloud_run = { invoker_iam_disabled = true }."
  }
  validation {
    condition     = var.cloud_run.vpc == null || try(var.cloud_run.vpc.network, null) != null || try(var.cloud_run.vpc.subnetwork, null) != null
    error_message = "A way into a VPC network needs network or subnetwork. Example: cloud_run = { vpc = { subnetwork = \"apps\", egress = \"all_traffic\" } }."
  }
  validation {
    condition     = contains(["private_ranges_only", "all_traffic"], coalesce(try(var.cloud_run.vpc.egress, null), "private_ranges_only"))
    error_message = "Egress must be \"private_ranges_only\" or \"all_traffic\". Example: cloud_run = { vpc = { subnetwork = \"apps\", egress = \"all_traffic\" } }."
  }
}

variable "config" {
  description = "Plain environment."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "config_files" {
  description = "Files of config of all processes: absolute path to content, which can be read in plan and state. Give them directories of their own: what the image has in them cannot be seen."
  type        = map(string)
  default     = {}
  nullable    = false
  validation {
    condition     = alltrue([for path in keys(var.config_files) : startswith(path, "/") && !endswith(path, "/")])
    error_message = "Each path of config_files must be absolute and name a file. Example: config_files = { \"/etc/api/app.toml\" = file(\"app.toml\") }."
  }
}

variable "drift_ignore" {
  description = "Fields that others may change, such as a mutating webhook: an object or a kind and the path of a field, as the service's drift shows them up to the colon."
  type        = set(string)
  default     = []
  nullable    = false
  validation {
    condition     = alltrue([for field in var.drift_ignore : can(regex("^[^ ]+ [^ ]+$", field))])
    error_message = "Each entry of drift_ignore is a kind or an object, a space, and the path of a field. Example: drift_ignore = [\"Service traffic\"]."
  }
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

variable "identity" {
  description = "Who the app runs as: the id of a twelvefactor_workload_identity that is made elsewhere. Null: one of its own, which has what var.grants lists."
  type        = string
  default     = null
  validation {
    condition     = var.identity == null || length(var.grants) == 0
    error_message = "Grants are for the app's own identity: give them where the one in var.identity is made, or leave identity out. Example: grants = [{ role = \"roles/pubsub.publisher\", project = \"acme-dev\" }]."
  }
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

variable "image_owner" {
  description = "Who decides which image runs: \"terraform\", or \"external\" where another tool deploys images; image is what the service begins with then."
  type        = string
  default     = "terraform"
  nullable    = false
  validation {
    condition     = contains(["terraform", "external"], var.image_owner)
    error_message = "Image owner must be \"terraform\" or \"external\". Example: image_owner = \"external\" where CI deploys images."
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

variable "rerender" {
  description = "Whether a newer version of the provider, which makes other objects of the same declaration, is a change by itself."
  type        = bool
  default     = false
  nullable    = false
}

variable "secret_files" {
  description = "Secret versions that exist already, by the absolute path of the file that each is mounted as. Files of different secrets need directories of their own."
  type        = map(string)
  default     = {}
  nullable    = false
  validation {
    condition     = alltrue([for path, v in var.secret_files : startswith(path, "/") && can(regex("^projects/[^/]+/secrets/[^/]+/versions/[1-9][0-9]*$", v))])
    error_message = "Secret_files is from an absolute path to the full name of a version, with a number, of a global secret, which is all that Cloud Run reads. Example: { \"/etc/api/tls/key\" = \"projects/acme-dev/secrets/tls/versions/3\" }."
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
  description = "Secrets that this module keeps, by environment name. With file each is a file at that path instead of environment. Change value_version to send a new value."
  type = map(object({
    file          = optional(string)
    name          = string
    value_version = string
  }))
  default  = {}
  nullable = false
  validation {
    condition     = length(setintersection(keys(var.secrets), keys(var.secret_versions))) == 0
    error_message = "The same environment name is in secrets, which this module keeps, and in secret_versions, which exist already: take it out of one of them. Example: secrets = { PAYMENTS_API_KEY = { name = \"payments-api-key\", value_version = \"1\" } }."
  }
  validation {
    condition     = alltrue([for s in values(var.secrets) : s.file == null || startswith(coalesce(s.file, "/"), "/")])
    error_message = "The file of a secret is an absolute path. Example: secrets = { TLS_KEY = { name = \"tls-key\", value_version = \"1\", file = \"/etc/api/tls/key\" } }."
  }
}

variable "session_key" {
  description = "Session key that the provider draws and rotates: environment, or with file a file at that path. Null for none."
  type = object({
    bytes            = optional(number, 32)
    encoding         = optional(string)
    env              = optional(string, "SESSION_KEYS")
    file             = optional(string)
    keep             = optional(number, 1)
    name             = optional(string)
    rotate_after     = optional(string, "720h")
    rotation_trigger = optional(string)
  })
  default = null
  validation {
    condition     = try(var.session_key.file, null) == null || startswith(coalesce(try(var.session_key.file, null), "/"), "/")
    error_message = "The file of the session key is an absolute path. Example: session_key = { file = \"/etc/api/session/key\" }."
  }
  validation {
    condition     = try(var.session_key.encoding, null) != "raw" || (try(var.session_key.file, null) != null && try(var.session_key.keep, null) == 0)
    error_message = "Raw keys are no text, and cannot be told apart in a ring: they need file and keep = 0. Example: session_key = { encoding = \"raw\", keep = 0, file = \"/etc/api/session/key\" }."
  }
}

variable "timeouts" {
  description = "How long creating, reading, changing and deleting the service may take."
  type = object({
    create = optional(string)
    delete = optional(string)
    read   = optional(string)
    update = optional(string)
  })
  default  = {}
  nullable = false
  validation {
    condition     = alltrue([for time in values(var.timeouts) : time == null || can(regex("^([0-9]+(h|m|s))+$", time))])
    error_message = "Each timeout is a number with its unit, h, m or s. Example: timeouts = { create = \"30m\", update = \"30m\" }."
  }
}
