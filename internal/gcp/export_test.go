package gcp

// PendingPolicyChanges counts the changes that wait for the worker of a policy.
func (c *Client) PendingPolicyChanges(ref PolicyRef) int {
	q := c.policies.queue(ref)
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.pending)
}
