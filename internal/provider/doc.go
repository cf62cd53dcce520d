// Package provider is the provider itself: its configuration, where its settings come from, and the list of its
// resources. Configure makes no call and opens no connection; what it cannot know yet at plan time it takes as unknown.
package provider
