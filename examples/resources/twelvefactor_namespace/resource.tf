resource "twelvefactor_cluster" "dev" {
  name         = "dev"
  location     = "asia-northeast1"
  dataplane_v2 = true # enforces network policies
  node_pools   = { base = { machine_type = "e2-standard-4", min_nodes = 1, max_nodes = 3 } }
}

# Nothing gets in or out but what is listed.
resource "twelvefactor_namespace" "shop" {
  cluster = twelvefactor_cluster.dev.id
  name    = "shop"
  labels  = { team = "shop" }

  network = {
    ingress_from = ["gateway:8080"]                             # pods of namespace gateway, to the port of web
    egress_to    = ["10.20.0.5/32:5432", "199.36.153.8/30:443"] # the database; Google's APIs
  }

  quota  = { "requests.cpu" = "10", "requests.memory" = "20Gi", pods = "50" }
  limits = { default_request = { cpu = "100m", memory = "128Mi" } }
}

resource "twelvefactor_service" "shop" {
  name      = "shop"
  image     = "asia-docker.pkg.dev/acme/shop/web:1a2b3c4"
  gke       = { cluster = twelvefactor_cluster.dev.id, namespace = twelvefactor_namespace.shop.name }
  processes = { web = { port = 8080 } }
}
