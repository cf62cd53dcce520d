terraform import twelvefactor_secret.payments projects/acme-dev/secrets/payments-api-key
