# On Cloud Run with everything: gRPC for a partner, from behind a load balancer, with a database in a VPC network.
resource "twelvefactor_service" "orders" {
  name  = "orders"
  image = "asia-docker.pkg.dev/acme/orders/server:3.1.0"

  cloud_run = {
    location = "asia-northeast1"

    ingress              = "internal_and_load_balancing"
    default_uri_disabled = true # callers come by the load balancer
    invoker_iam_disabled = true # everybody, where the organization refuses allUsers; else public = true
    custom_audiences     = ["https://orders.example.com"]
    protocol             = "h2c" # HTTP/2 from end to end
    request_timeout      = "60s"

    vpc = {
      subnetwork = "apps"
      tags       = ["egress-database"]
      egress     = "private_ranges_only"
    }

    execution_environment = "gen2"
    cpu_always_allocated  = true # works between requests
    startup_cpu_boost     = true
    session_affinity      = false
    revision_scale        = { max = 50 } # a change makes a revision
  }

  processes = {
    web = {
      port      = 9000
      cpu       = "2"
      memory    = "1Gi"
      scale     = { min = 1, max = 20, concurrency = 200 } # a change makes no revision
      startup   = { grpc = true, period = "5s", failure_threshold = 12 }
      liveness  = { grpc = true, period = "30s" }
      readiness = { grpc = true }
    }
    outbox = { command = ["/app", "outbox"], scale = { min = 1, max = 1 } } # a worker pool of one
  }
}
