terraform import twelvefactor_cluster.dev projects/acme-dev/locations/asia-northeast1/clusters/dev
