# fakegcp run --expect-empty -- terraform test

run "it_serves" {
  assert {
    condition     = output.status == "ready" && startswith(output.url, "https://api-")
    error_message = "The service is ${output.status} at ${output.url}."
  }
}

run "a_new_image_is_rolled_out" {
  variables { tag = "1.1.0" }
  assert {
    condition     = output.status == "ready" && endswith(twelvefactor_service.api.image, ":1.1.0")
    error_message = "The service is ${output.status} with ${twelvefactor_service.api.image}."
  }
}
