terraform import twelvefactor_secret.payments projects/acme-dev/secrets/payments-api-key
terraform import twelvefactor_secret.ledger projects/acme-dev/locations/europe-west3/secrets/ledger-signing-key
