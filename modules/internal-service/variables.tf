variable "annotations" {
  description = "Annotations for tools, on the Deployments, their pods and the Service."
  type        = map(string)
  default     = {}
  nullable    = false
}

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

variable "config_files" {
  description = "Files of config of all processes: absolute path to content, which can be read in plan and state."
  type        = map(string)
  default     = {}
  nullable    = false
  validation {
    condition     = alltrue([for path in keys(var.config_files) : startswith(path, "/") && !endswith(path, "/")])
    error_message = "Each path of config_files must be absolute and name a file. Example: config_files = { \"/etc/shop/app.toml\" = file(\"app.toml\") }."
  }
}

variable "drift_ignore" {
  description = "Fields that others may change, such as a mutating webhook: an object or a kind and the path of a field, as the service's drift shows them up to the colon."
  type        = set(string)
  default     = []
  nullable    = false
  validation {
    condition     = alltrue([for field in var.drift_ignore : can(regex("^[^ ]+ [^ ]+$", field))])
    error_message = "Each entry of drift_ignore is a kind or an object, a space, and the path of a field. Example: drift_ignore = [\"Deployment spec.template.spec.containers[*].resources\"]."
  }
}

variable "gke" {
  description = "What else GKE does: requests of one client address go to one pod (session_affinity), and how new pods wait for their identity (identity_wait)."
  type = object({
    identity_wait = optional(object({
      enabled = optional(bool)
      image   = optional(string)
      timeout = optional(string)
    }))
    session_affinity = optional(bool)
  })
  default  = {}
  nullable = false
  validation {
    condition     = try(var.gke.identity_wait.image, null) == null || can(regex("(:[^/:@]+|@sha256:[0-9a-f]{64})$", var.gke.identity_wait.image))
    error_message = "The image of identity_wait needs a tag or a digest. Example: gke = { identity_wait = { image = \"asia-docker.pkg.dev/acme/mirror/busybox:1.37.0\" } }."
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
    error_message = "Image needs a tag other than latest, or a digest. Example: image = \"asia-docker.pkg.dev/acme/shop/web:1a2b3c4\"."
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
      path              = optional(string)
      tcp               = optional(bool)
      grpc              = optional(bool)
      grpc_service      = optional(string)
      period            = optional(string)
      timeout           = optional(string)
      failure_threshold = optional(number)
    }))
    liveness = optional(object({
      path              = optional(string)
      tcp               = optional(bool)
      grpc              = optional(bool)
      grpc_service      = optional(string)
      period            = optional(string)
      timeout           = optional(string)
      failure_threshold = optional(number)
    }))
    startup = optional(object({
      path              = optional(string)
      tcp               = optional(bool)
      grpc              = optional(bool)
      grpc_service      = optional(string)
      period            = optional(string)
      timeout           = optional(string)
      failure_threshold = optional(number)
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

variable "rerender" {
  description = "Whether a newer version of the provider, which makes other objects of the same declaration, is a change by itself."
  type        = bool
  default     = false
  nullable    = false
}

variable "secret_files" {
  description = "Secret versions that exist already, by the absolute path of the file that each is mounted as; of global or of regional secrets. The cluster needs the Secret Manager add-on."
  type        = map(string)
  default     = {}
  nullable    = false
  validation {
    condition     = alltrue([for path, v in var.secret_files : startswith(path, "/") && can(regex("^projects/[^/]+(/locations/[^/]+)?/secrets/[^/]+/versions/[1-9][0-9]*$", v))])
    error_message = "Secret_files is from an absolute path to the full name of a secret version with a number. Example: { \"/etc/shop/keys/tls\" = \"projects/acme-dev/secrets/tls/versions/3\" }."
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
    error_message = "The file of a secret is an absolute path. Example: secrets = { TLS_KEY = { name = \"tls-key\", value_version = \"1\", file = \"/etc/shop/tls/key\" } }."
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
  default = {}
  validation {
    condition     = try(var.session_key.file, null) == null || startswith(coalesce(try(var.session_key.file, null), "/"), "/")
    error_message = "The file of the session key is an absolute path. Example: session_key = { file = \"/etc/shop/keys/session\" }."
  }
  validation {
    condition     = try(var.session_key.encoding, null) != "raw" || (try(var.session_key.file, null) != null && try(var.session_key.keep, null) == 0)
    error_message = "Raw keys are no text, and cannot be told apart in a ring: they need file and keep = 0. Example: session_key = { encoding = \"raw\", keep = 0, file = \"/etc/shop/keys/session\" }."
  }
}

variable "sidecars" {
  description = "Containers that run beside the processes, such as a database proxy, by name. Their secrets are full names of versions."
  type = map(object({
    image     = string
    command   = optional(list(string))
    args      = optional(list(string))
    config    = optional(map(string))
    secrets   = optional(map(string))
    port      = optional(number)
    cpu       = optional(string)
    memory    = optional(string)
    scratch   = optional(map(string))
    processes = optional(set(string))
    after     = optional(set(string))
    startup = optional(object({
      path              = optional(string)
      tcp               = optional(bool)
      grpc              = optional(bool)
      grpc_service      = optional(string)
      period            = optional(string)
      timeout           = optional(string)
      failure_threshold = optional(number)
    }))
    liveness = optional(object({
      path              = optional(string)
      tcp               = optional(bool)
      grpc              = optional(bool)
      grpc_service      = optional(string)
      period            = optional(string)
      timeout           = optional(string)
      failure_threshold = optional(number)
    }))
    readiness = optional(object({
      path              = optional(string)
      tcp               = optional(bool)
      grpc              = optional(bool)
      grpc_service      = optional(string)
      period            = optional(string)
      timeout           = optional(string)
      failure_threshold = optional(number)
    }))
  }))
  default  = {}
  nullable = false
  validation {
    condition     = alltrue([for s in values(var.sidecars) : can(regex("(:[^/:@]+|@sha256:[0-9a-f]{64})$", s.image)) && !endswith(s.image, ":latest")])
    error_message = "The image of each sidecar needs a tag other than latest, or a digest. Example: sidecars = { proxy = { image = \"gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14.1\" } }."
  }
  validation {
    condition     = length(setintersection(keys(var.sidecars), keys(var.processes))) == 0
    error_message = "A sidecar must not have the name of a process. Example: sidecars = { proxy = { image = \"gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14.1\" } }."
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
