package fakegcp

import (
	"fmt"
	"regexp"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
)

// Limits of a secret. Source: the comments of google/cloud/secretmanager/v1/resources.proto.
const (
	maxSecretLabels          = 64
	maxSecretAnnotationBytes = 16 << 10
	maxSecretTopics          = 10
	maxSecretAliases         = 50
	maxKeyBytes              = 128 // of a label's key or value, or an annotation's key
)

var (
	labelKeyForm      = regexp.MustCompile(`^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$`)
	labelValueForm    = regexp.MustCompile(`^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$`)
	annotationKeyForm = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$`)
	topicForm         = regexp.MustCompile(`^projects/[^/]+/topics/[^/]+$`)
	aliasForm         = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,62}$`)
)

// check refuses what the API would refuse of a whole secret.
func (m *secretManager) check(secret *secretmanagerpb.Secret) error {
	if err := checkLabels(secret.GetLabels()); err != nil {
		return err
	}
	if err := checkSecretAnnotations(secret.GetAnnotations()); err != nil {
		return err
	}
	if err := checkTopics(secret.GetTopics()); err != nil {
		return err
	}
	if err := m.checkRotation(secret); err != nil {
		return err
	}
	return m.checkAliases(secret)
}

func checkTopics(topics []*secretmanagerpb.Topic) error {
	if len(topics) > maxSecretTopics {
		return invalid("A secret can have at most %d topics.", maxSecretTopics)
	}
	for _, t := range topics {
		if !topicForm.MatchString(t.GetName()) {
			return invalid("Topic name [%s] is not in the form projects/*/topics/*.", t.GetName())
		}
	}
	return nil
}

func checkLabels(labels map[string]string) error {
	if len(labels) > maxSecretLabels {
		return invalid("A resource can have at most %d labels.", maxSecretLabels)
	}
	for k, v := range labels {
		if !labelKeyForm.MatchString(k) || len(k) > maxKeyBytes {
			return invalid("Label key [%s] is invalid.", k)
		}
		if !labelValueForm.MatchString(v) || len(v) > maxKeyBytes {
			return invalid("Label value [%s] of key [%s] is invalid.", v, k)
		}
	}
	return nil
}

func checkSecretAnnotations(annotations map[string]string) error {
	total := 0
	for k, v := range annotations {
		total += len(k) + len(v)
		if !annotationKeyForm.MatchString(k) {
			return invalid("Annotation key [%s] is invalid.", k)
		}
	}
	if total >= maxSecretAnnotationBytes {
		return invalid("The total size of annotations must be less than 16KiB.")
	}
	return nil
}

func (m *secretManager) checkAliases(secret *secretmanagerpb.Secret) error {
	if len(secret.GetVersionAliases()) > maxSecretAliases {
		return invalid("A secret can have at most %d version aliases.", maxSecretAliases)
	}
	for alias, number := range secret.GetVersionAliases() {
		if !aliasForm.MatchString(alias) || alias == "latest" || alias == "NEW" {
			return invalid("Version alias [%s] is invalid.", alias)
		}
		version := fmt.Sprintf("%s/versions/%d", secret.GetName(), number)
		if _, ok := lookup[*secretmanagerpb.SecretVersion](m.s.store, version); !ok {
			return invalid("Aliases cannot be assigned to versions that don't exist")
		}
	}
	return nil
}
