package deploy

import (
	"time"
)

// grantPatience is how long a grant may take to be effective.
// Source: cloud.google.com/iam/docs/access-change-propagation: "typically … 2 minutes", "potentially 7 minutes".
const grantPatience = 7 * time.Minute

// servicePatience gives a judge of failures: true for one that passes, as long as such failures have not gone on for
// grantPatience. A deny policy that nobody takes away must not hold the run until its timeout, with a revision for each
// try.
func (c *Cloud) servicePatience() func(error) bool {
	var since time.Time
	return func(err error) bool {
		switch now := c.Clock.Now(); {
		case !serviceNotYet(err):
			since = time.Time{}
			return false
		case since.IsZero():
			since = now
			return true
		default:
			return now.Sub(since) < grantPatience
		}
	}
}
