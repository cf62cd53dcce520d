resource "twelvefactor_cluster" "dev" {
  name     = "dev"
  location = "asia-northeast1"

  node_pools = {
    base = { machine_type = "e2-standard-2", min_nodes = 1, max_nodes = 3 }
  }
}

# Opened anew by every plan and apply, once the cluster is there. Nothing of it is in a plan or a state.
ephemeral "twelvefactor_cluster_credentials" "dev" {
  cluster = twelvefactor_cluster.dev.id
}

provider "kubernetes" {
  host                   = ephemeral.twelvefactor_cluster_credentials.dev.host
  cluster_ca_certificate = ephemeral.twelvefactor_cluster_credentials.dev.cluster_ca_certificate
  token                  = ephemeral.twelvefactor_cluster_credentials.dev.token
}

provider "helm" {
  kubernetes = { # version 2 of the provider has a block here
    host                   = ephemeral.twelvefactor_cluster_credentials.dev.host
    cluster_ca_certificate = ephemeral.twelvefactor_cluster_credentials.dev.cluster_ca_certificate
    token                  = ephemeral.twelvefactor_cluster_credentials.dev.token
  }
}

resource "kubernetes_namespace_v1" "tools" {
  metadata {
    name = "tools"
  }
}

resource "helm_release" "sealed_secrets" {
  name       = "sealed-secrets"
  namespace  = kubernetes_namespace_v1.tools.metadata[0].name
  repository = "https://bitnami-labs.github.io/sealed-secrets"
  chart      = "sealed-secrets"
  version    = "2.17.1"
}
