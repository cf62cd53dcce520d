package gcp

// PendingPolicyChanges counts the changes that wait for the worker of a policy.
func (c *Client) PendingPolicyChanges(ref PolicyRef) int {
	q := c.policies.queue(ref)
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.pending)
}

// SetSecretHost has the secrets of each location, "" for global ones, reached elsewhere.
func (c *Client) SetSecretHost(host func(location string) Endpoint) { c.secretHost = host }

// SecretHost is where the client looks for the secrets of a location.
func (c *Client) SecretHost(location string) Endpoint { return c.secretHost(location) }
