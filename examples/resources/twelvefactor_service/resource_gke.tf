# On GKE with everything: over Spot and on-demand nodes, in a namespace that denies what is not listed.
resource "twelvefactor_namespace" "payments" {
  cluster = twelvefactor_cluster.dev.id
  name    = "payments"
  network = {
    ingress_from = ["gateway:8080"]
    egress_to    = ["10.20.0.5/32:5432", "0.0.0.0/0:443"]
  }
}

resource "twelvefactor_service" "payments" {
  name  = "payments"
  image = "asia-docker.pkg.dev/acme/payments/server:7c8d9e0"

  gke = {
    cluster          = twelvefactor_cluster.dev.id
    namespace        = twelvefactor_namespace.payments.name
    capacity         = "mixed" # the loss of all Spot nodes leaves something serving
    session_affinity = false
    identity_wait    = { timeout = "90s" } # how long new pods wait for the metadata server
  }

  processes = {
    web = {
      port           = 8080
      cpu            = "500m"
      memory         = "512Mi"
      scale          = { min = 2, max = 10, cpu_percent = 70 }
      startup        = { path = "/healthz", period = "5s", failure_threshold = 24 } # up to two minutes
      readiness      = { path = "/readyz" }
      liveness       = { path = "/healthz", period = "30s", timeout = "5s" }
      shutdown_grace = "15s" # fits the notice of a Spot node
    }
    worker = {
      command   = ["/app", "worker"]
      port      = 9100 # of its health check: nobody sends it requests
      scale     = { min = 1, max = 3 }
      readiness = { grpc = true, grpc_service = "worker" }
    }
  }

  # A webhook sets them: neither shown as drift nor taken back.
  drift_ignore = ["Deployment spec.template.spec.containers[*].resources"]
  labels       = { team = "payments" }
  timeouts     = { update = "30m" }

  lifecycle {
    postcondition {
      condition     = contains(["ready", "unavailable"], self.status) # no apply mends an outage
      error_message = "The service is ${self.status}."
    }
  }
}
