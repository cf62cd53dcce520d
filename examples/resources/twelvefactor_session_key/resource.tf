resource "twelvefactor_session_key" "shop" {
  name         = "shop-session-key"
  bytes        = 32
  rotate_after = "720h" # the plan shows when a rotation is due
  keep         = 1      # sessions signed with the previous key stay valid

  keep_versions = 3 # rings before that are disabled, then destroyed by Google
}
