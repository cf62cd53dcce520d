package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// IsUnreachable tells that the cluster's API could not be asked: no connection, a certificate that does not fit, or
// a server that cannot serve. What the objects are is then unknown.
func IsUnreachable(err error) bool {
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var status apierrors.APIStatus
	absent := errors.As(err, &status) && status.Status().Code == http.StatusNotImplemented
	return err != nil && (IsTransient(err) || absent || errors.As(err, &certificate) || errors.As(err, &authority) || errors.As(err, &host))
}

// IsTransient tells that the same call may succeed a little later.
func IsTransient(err error) bool {
	var token *TokenError
	var certificate *tls.CertificateVerificationError
	var status apierrors.APIStatus
	switch {
	case errors.As(err, &token), errors.Is(err, context.Canceled), errors.As(err, &certificate):
		return false
	case errors.As(err, &status):
		code := status.Status().Code
		return code >= http.StatusInternalServerError && code != http.StatusNotImplemented || code == http.StatusTooManyRequests
	default:
		return isNetwork(err)
	}
}

// isNetwork recognises what net/http returns when there was no complete answer. http.Client wraps all of it in
// *url.Error, which is a net.Error itself.
func isNetwork(err error) bool {
	var wire interface {
		error
		Timeout() bool
		Temporary() bool
	}
	return errors.As(err, &wire)
}

// conflictForm is the message of one cause: conflict with "kubectl-edit" using apps/v1. The manager of a plain update
// has its subresource or time behind it, which are of no interest here.
var conflictForm = regexp.MustCompile(`^conflict with "([^"]*)"`)

// Conflict tells which other manager owns which fields when an apply without force was refused for that.
func Conflict(err error) (manager string, fields []string, ok bool) {
	var status apierrors.APIStatus
	if !apierrors.IsConflict(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return "", nil, false
	}
	var managers []string
	for _, cause := range status.Status().Details.Causes {
		if cause.Type != metav1.CauseTypeFieldManagerConflict {
			continue
		}
		fields = append(fields, strings.TrimPrefix(cause.Field, "."))
		if m := conflictForm.FindStringSubmatch(cause.Message); m != nil && !slices.Contains(managers, m[1]) {
			managers = append(managers, m[1])
		}
	}
	return strings.Join(managers, ", "), fields, len(fields) > 0
}

// minQuoted is the shortest value that is looked for in an error: shorter ones are found in any text.
const minQuoted = 4

// withoutValues drops a message of the server that repeats a value of the Secret it was sent.
func withoutValues(err error, obj *unstructured.Unstructured) error {
	if err == nil || obj.GroupVersionKind() != Secret {
		return err
	}
	data, _, _ := unstructured.NestedMap(obj.Object, "data")
	text := err.Error()
	for _, v := range data {
		encoded, _ := v.(string)
		plain, _ := base64.StdEncoding.DecodeString(encoded)
		for _, form := range []string{strings.TrimRight(encoded, "="), string(plain)} {
			if len(form) >= minQuoted && strings.Contains(text, form) {
				return redacted(err)
			}
		}
	}
	return err
}

func redacted(err error) error {
	const said = "the server's message repeated a secret value and is not shown"
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return errors.New(said)
	}
	s := status.Status()
	return &apierrors.StatusError{ErrStatus: metav1.Status{Status: s.Status, Code: s.Code, Reason: s.Reason, Message: said}}
}
