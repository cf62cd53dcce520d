# On GKE:
terraform import twelvefactor_workload_identity.reports projects/acme-dev/locations/asia-northeast1/clusters/dev/namespaces/reports/serviceAccounts/reports

# Without a cluster, for Cloud Run:
terraform import twelvefactor_workload_identity.publisher projects/acme-dev/serviceAccounts/publisher@acme-dev.iam.gserviceaccount.com
