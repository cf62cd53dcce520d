resource "twelvefactor_session_key" "shop" {
  name         = "shop-session-key"
  bytes        = 32
  rotate_after = "720h" # the plan shows when a rotation is due
  keep         = 1      # sessions signed with the previous key stay valid

  keep_versions = 3 # rings before that are disabled, then destroyed by Google
}

# The bytes themselves, for a library that reads its key from a file.
resource "twelvefactor_session_key" "cookie" {
  name     = "shop-cookie-key"
  encoding = "raw"
  keep     = 0 # nothing can stand between two keys of any bytes
}
