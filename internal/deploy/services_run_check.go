package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"cloud.google.com/go/run/apiv2/runpb"
	"golang.org/x/sync/errgroup"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
)

// takeOver has nothing to decide: a service that was imported is written over in place.
func (*serviceRun) takeOver(bool) {}

// check has Cloud Run validate the service and its worker pools, side by side, where they would be made or changed.
func (s *serviceRun) check(ctx context.Context) ServiceVerdict {
	account := serviceIdentity(s.app)
	if s.ownsAccount() && !s.accountThere(ctx) {
		// An account that the apply makes is refused like one that the caller may not act as: the message is judged with the
		// project's default account.
		account = ""
	}
	s.files = s.plannedFiles(ctx)
	declared := s.pools(0)
	verdicts := make([]ServiceVerdict, len(declared)+1)
	var group errgroup.Group
	if s.rendered(s.app, 0) != nil {
		group.Go(func() error {
			verdicts[0] = s.checkWeb(ctx, account)
			return nil
		})
	}
	for i, m := range declared {
		group.Go(func() error {
			verdicts[i+1] = s.checkPool(ctx, s.pool(i, s.processOf(s.app, m.GetName()), m.GetName()), account)
			return nil
		})
	}
	_ = group.Wait() // the verdicts say what failed
	var all ServiceVerdict
	for _, v := range verdicts {
		all.plus(v)
	}
	return all
}

func (s *serviceRun) accountThere(ctx context.Context) bool {
	_, err := s.cloud.GCP.ServiceAccounts().Get(ctx, s.accountName().String())
	return !gcp.IsNotVisible(err) // who may not look finds out by the validation
}

// checkOptions are those of a validation that never writes. What is there is changed as an apply would change it, what is
// not there would be made.
func checkOptions(there bool, mask []string) gcp.UpdateOptions {
	if !there {
		return gcp.UpdateOptions{ValidateOnly: true, AllowMissing: true}
	}
	return gcp.UpdateOptions{ValidateOnly: true, Mask: mask}
}

func (s *serviceRun) checkWeb(ctx context.Context, account string) (verdict ServiceVerdict) {
	unit := s.unit()
	live, err := unit.get(ctx)
	if err != nil && !gcp.IsNotFound(err) {
		return s.judge(err, s.id.String(), app.Web, "run.services.get")
	}
	m, same := unit.checked(live, err == nil)
	if same {
		return verdict
	}
	m.Template.ServiceAccount = account
	m.Labels, m.Annotations = runMerged(live.GetLabels(), m.GetLabels()), runMerged(live.GetAnnotations(), m.GetAnnotations())
	_, err = unit.update(ctx, m, checkOptions(err == nil, unit.mask))
	return s.judge(err, s.id.String(), app.Web, "run.services.create or run.services.update, or iam.serviceAccounts.actAs")
}

func (s *serviceRun) checkPool(ctx context.Context, unit *runUnit[*runpb.WorkerPool], account string) (verdict ServiceVerdict) {
	live, err := unit.get(ctx)
	switch {
	case err != nil && !gcp.IsNotFound(err):
		return s.judge(err, unit.name, unit.process, "run.workerpools.get")
	case err == nil && !s.madePool(live):
		verdict.refuse(s.poolTaken(live))
		return verdict
	}
	m, same := unit.checked(live, err == nil)
	if same {
		return verdict
	}
	m.Template.ServiceAccount = account
	m.Labels, m.Annotations = runMerged(live.GetLabels(), m.GetLabels()), runMerged(live.GetAnnotations(), m.GetAnnotations())
	_, err = unit.update(ctx, m, checkOptions(err == nil, unit.mask))
	return s.judge(err, unit.name, unit.process, "run.workerpools.create or run.workerpools.update, or iam.serviceAccounts.actAs")
}

// checked is what an apply would send, with all that it keeps and notes, and whether that would leave the object as it is.
func (u *runUnit[T]) checked(live T, there bool) (message T, same bool) {
	if !there {
		return u.rendered(0), false
	}
	message = u.declared(u.attempt(live), live)
	return message, len(runDiff(message, live)) == 0
}

// judge turns the error of a validation into a verdict. Only what the API says about the message itself is a refusal.
func (s *serviceRun) judge(err error, object, process, permissions string) (verdict ServiceVerdict) {
	if err == nil {
		return verdict
	}
	switch kind := gcp.Classify(err); kind { //nolint:exhaustive // all others say nothing about the message
	case gcp.Invalid, gcp.FailedPrecondition, gcp.QuotaExceeded:
		verdict.refuse(s.refused(err, object, process))
	case gcp.PermissionDenied:
		verdict.skip("the caller lacks "+permissions, object)
	case gcp.NotFound:
		verdict.skip("what it needs does not exist yet", object)
	default:
		verdict.skip(fmt.Sprintf("Cloud Run does not answer (%s)", gcp.Message(err)), object)
	}
	return verdict
}

func (s *serviceRun) refused(err error, object, process string) *Error {
	if told := (*Error)(nil); errors.As(s.writeError(err), &told) {
		return told
	}
	attribute := s.attributeOf(err, process)
	return &Error{
		Summary: fmt.Sprintf("Cloud Run would refuse process %q of service %q", process, s.app.Name),
		Why:     fmt.Sprintf("A validation of %s was refused, so the apply would be refused too. Nothing was changed", object),
		Fix: fmt.Sprintf("Change %s so that it is what the message asks for; where an organization policy refuses it, have that changed.",
			strings.Join(attribute, ".")) + serviceLiveFix,
		Attribute: attribute, Err: err,
	}
}

// runAttributes are the attributes that the API's messages are about, by the field that they name.
var runAttributes = []struct {
	field     *regexp.Regexp
	attribute []string
	process   bool
}{
	{regexp.MustCompile(`\.image\b`), []string{"image"}, false},
	{regexp.MustCompile(`\bingress\b`), []string{"cloud_run", "ingress"}, false},
	{regexp.MustCompile(`resources\.limits\.cpu`), []string{"cpu"}, true},
	{regexp.MustCompile(`resources\.limits\.memory`), []string{"memory"}, true},
	{regexp.MustCompile(`liveness_?[pP]robe`), []string{"liveness"}, true},
	{regexp.MustCompile(`readiness_?[pP]robe`), []string{"readiness"}, true},
	{regexp.MustCompile(`startup_?[pP]robe`), []string{"startup"}, true},
	{regexp.MustCompile(`instance_count|InstanceCount|concurrency`), []string{"scale"}, true},
	{regexp.MustCompile(`\bannotations?\b`), []string{"annotations"}, false},
	{regexp.MustCompile(`\blabels?\b`), []string{"labels"}, false},
}

// attributeOf finds the attribute by the words of the message: run.v2 names fields nowhere else.
func (s *serviceRun) attributeOf(err error, process string) []string {
	message := err.Error()
	for _, env := range slices.Sorted(maps.Keys(s.app.Config)) {
		if strings.Contains(message, ".env") && regexp.MustCompile(`\b`+regexp.QuoteMeta(env)+`\b`).MatchString(message) {
			return []string{"config", env}
		}
	}
	if at := serviceContainerAttribute(s.app, process, message); at != nil {
		return at
	}
	for _, row := range runAttributes {
		if row.field.MatchString(message) {
			if row.process {
				return slices.Concat([]string{"processes", process}, row.attribute)
			}
			return row.attribute
		}
	}
	return []string{"processes", process}
}
