variable "args" {
  description = "Arguments of the container; null for the image's own."
  type        = list(string)
  default     = null
}

variable "checks" {
  description = "Health checks of the API: whether a new instance has started, whether it can take requests, and whether it has to be started again."
  type = object({
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
    startup = optional(object({
      path              = optional(string)
      tcp               = optional(bool)
      grpc              = optional(bool)
      grpc_service      = optional(string)
      period            = optional(string)
      timeout           = optional(string)
      failure_threshold = optional(number)
    }))
  })
  default  = {}
  nullable = false
  validation {
    condition     = alltrue([for c in values(var.checks) : c == null || length([for by in [try(c.path != null, false), coalesce(try(c.tcp, null), false), coalesce(try(c.grpc, null), false)] : by if by]) == 1])
    error_message = "Each check asks by exactly one of path, tcp and grpc. Example: checks = { readiness = { path = \"/healthz\" } }."
  }
}

variable "command" {
  description = "Command of the container; null for the image's own."
  type        = list(string)
  default     = null
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

variable "resources" {
  description = "CPU and memory of an instance, as Kubernetes quantities, and writable paths with their sizes, which count as memory."
  type = object({
    cpu     = optional(string, "1")
    memory  = optional(string, "512Mi")
    scratch = optional(map(string))
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
  }))
  default  = {}
  nullable = false
  validation {
    condition     = alltrue([for s in values(var.sidecars) : can(regex("(:[^/:@]+|@sha256:[0-9a-f]{64})$", s.image)) && !endswith(s.image, ":latest")])
    error_message = "The image of each sidecar needs a tag other than latest, or a digest. Example: sidecars = { proxy = { image = \"gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14.1\" } }."
  }
  validation {
    condition     = length(setintersection(keys(var.sidecars), concat(["web"], keys(var.workers)))) == 0
    error_message = "A sidecar must not have the name of a process. Example: sidecars = { proxy = { image = \"gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14.1\" } }."
  }
}

variable "workers" {
  description = "Processes beside the API, by name: worker pools with a fixed number of instances. They share image, config, secrets and files with the API."
  type = map(object({
    args      = optional(list(string))
    command   = optional(list(string))
    cpu       = optional(string)
    instances = optional(number, 1)
    memory    = optional(string)
    port      = optional(number)
    scratch   = optional(map(string))
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
  default  = {}
  nullable = false
  validation {
    condition     = !contains(keys(var.workers), "web")
    error_message = "Web is the process that takes requests: command, args, port, resources, scale and checks are about it. Example: workers = { outbox = { command = [\"/app\", \"outbox\"] } }."
  }
  validation {
    condition     = alltrue([for w in values(var.workers) : w.instances >= 0 && floor(w.instances) == w.instances])
    error_message = "A worker has a whole number of instances, 0 or more. Example: workers = { outbox = { command = [\"/app\", \"outbox\"], instances = 2 } }."
  }
}
