package gcp

import "github.com/twelvefactor/terraform-provider-twelvefactor/internal/clock"

// Clock is the time that the client's waits go through.
func (c *Client) Clock() clock.Clock { return c.opts.Clock }
