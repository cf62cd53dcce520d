package deploy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
)

// What the service agent needs of others' objects. That a message is about one of them decides about nothing but the
// words that go with it: neither kind of refusal carries a reason of its own.
var (
	aboutKeys   = regexp.MustCompile(`(?i)\bkms\b|cloudkms|crypto ?key`)
	aboutTopics = regexp.MustCompile(`(?i)pub/?sub|\btopics?\b`)
)

// secretRefused explains a refusal that is about a KMS key or a topic: the permission is one of the service agent, not of
// the account that Terraform runs as.
func secretRefused(id names.SecretID, s SecretStore, err error) error {
	var told *Error
	kind := gcp.Classify(err)
	if err == nil || errors.As(err, &told) || kind != gcp.PermissionDenied && kind != gcp.FailedPrecondition && kind != gcp.Invalid && kind != gcp.NotFound {
		return err
	}
	keys, message := s.keys(), gcp.Message(err)
	agent := fmt.Sprintf("Secret Manager's service agent of the project (service-PROJECT_NUMBER@gcp-sa-secretmanager.iam.gserviceaccount.com; this "+
		"creates and names it: gcloud beta services identity create --service=secretmanager.googleapis.com --project=%s)", id.Project)
	switch {
	case len(keys) > 0 && aboutKeys.MatchString(message):
		attribute := "kms_key"
		if len(s.Replicas) > 0 {
			attribute = "replicas"
		}
		return &Error{
			Summary: fmt.Sprintf("Secret %s cannot be encrypted with its KMS key", names.Quote(id.Name)),
			Why:     fmt.Sprintf("It is Secret Manager that uses the key, as its service agent, and that was refused for %s", strings.Join(keys, ", ")),
			Fix: fmt.Sprintf("Give %s the role roles/cloudkms.cryptoKeyEncrypterDecrypter on each key, make sure that the key exists and is enabled, and "+
				"apply again:\n\n  gcloud kms keys add-iam-policy-binding %s --member=serviceAccount:AGENT --role=roles/cloudkms.cryptoKeyEncrypterDecrypter",
				agent, keys[0]),
			Attribute: []string{attribute}, Err: err,
		}
	case len(s.Topics) > 0 && aboutTopics.MatchString(message):
		return &Error{
			Summary: fmt.Sprintf("Secret %s cannot send to its topics", names.Quote(id.Name)),
			Why: fmt.Sprintf("It is Secret Manager that publishes, as its service agent, and that was refused for one of %s",
				strings.Join(s.Topics, ", ")),
			Fix: fmt.Sprintf("Give %s the role roles/pubsub.publisher on each topic, make sure that the topic exists, and apply again:\n\n"+
				"  gcloud pubsub topics add-iam-policy-binding %s --member=serviceAccount:AGENT --role=roles/pubsub.publisher", agent, s.Topics[0]),
			Attribute: []string{"topics"}, Err: err,
		}
	}
	return err
}

// keys are the declared keys of Cloud KMS.
func (s SecretStore) keys() []string {
	var keys []string
	if s.KMSKey != "" {
		keys = append(keys, s.KMSKey)
	}
	for _, key := range s.Replicas {
		if key != "" {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
