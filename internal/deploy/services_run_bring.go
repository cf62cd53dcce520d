package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"

	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/app"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/gcp"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/names"
	"github.com/twelvefactor/terraform-provider-twelvefactor/internal/render/cloudrun"
)

// The fields that this provider writes; what others set outside of them stays.
var (
	runServiceMask = []string{
		"labels", "annotations", "template", "ingress", "traffic", "scaling", "invoker_iam_disabled", "default_uri_disabled", "custom_audiences",
	}
	runPoolMask = []string{"labels", "annotations", "template", "scaling", "instance_splits"}
)

// unit is the service itself.
func (s *serviceRun) unit() *runUnit[*runpb.Service] {
	api := s.cloud.GCP.RunServices()
	return &runUnit[*runpb.Service]{
		service: s,
		process: app.Web,
		name:    s.id.String(),
		mask:    runServiceMask,
		get:     func(ctx context.Context) (*runpb.Service, error) { return api.Get(ctx, s.id.String()) },
		create: func(ctx context.Context, m *runpb.Service) (*gcp.RunOperation[*runpb.Service], error) {
			m.Name = "" // the id is a parameter of the call
			return api.Create(ctx, s.id.Parent(), s.id.Name, m)
		},
		update: api.Update,
		render: func(attempt int) *runpb.Service { return s.rendered(s.app, attempt) },
		attempt: func(live *runpb.Service) int {
			return runAttempt(live.GetTemplate().GetAnnotations())
		},
		mark: func(m, live *runpb.Service, labels, annotations map[string]string) {
			m.Name, m.Etag, m.Labels, m.Annotations = live.GetName(), live.GetEtag(), labels, annotations
		},
		ours: func(live, sent *runpb.Service) bool {
			return s.cloud.Stamp.Owns(live.GetLabels()) && live.GetLabels()[names.LabelCreating] == sent.GetLabels()[names.LabelCreating]
		},
		foreign: func(*runpb.Service) error { return serviceExists(s.app, s.id.String(), s.id.String()) },
	}
}

// rendered is the declared service, with what an unfinished update still has to take away.
func (s *serviceRun) rendered(a app.App, attempt int) *runpb.Service {
	m := cloudrun.Service(s.input(a, attempt))
	if m != nil && !s.retired.isEmpty() {
		if encoded, err := s.retired.encode(); err == nil {
			m.Annotations[serviceRetiredAnnotation] = encoded
		}
	}
	return m
}

// pool is one worker pool.
func (s *serviceRun) pool(index int, process, name string) *runUnit[*runpb.WorkerPool] {
	api := s.cloud.GCP.WorkerPools()
	short := name[len(s.id.WorkerPool("")):]
	return &runUnit[*runpb.WorkerPool]{
		service: s,
		process: process,
		name:    name,
		mask:    runPoolMask,
		get:     func(ctx context.Context) (*runpb.WorkerPool, error) { return api.Get(ctx, name) },
		create: func(ctx context.Context, m *runpb.WorkerPool) (*gcp.RunOperation[*runpb.WorkerPool], error) {
			m.Name = ""
			return api.Create(ctx, s.id.Parent(), short, m)
		},
		update: api.Update,
		render: func(attempt int) *runpb.WorkerPool { return s.pools(attempt)[index] },
		attempt: func(live *runpb.WorkerPool) int {
			return runAttempt(live.GetTemplate().GetAnnotations())
		},
		mark: func(m, live *runpb.WorkerPool, labels, annotations map[string]string) {
			m.Name, m.Etag, m.Labels, m.Annotations = live.GetName(), live.GetEtag(), labels, annotations
		},
		ours:    func(live, _ *runpb.WorkerPool) bool { return s.madePool(live) },
		foreign: func(live *runpb.WorkerPool) error { return s.poolTaken(live) },
	}
}

// pools are the declared worker pools. They carry no creating mark: the service's stands for all.
func (s *serviceRun) pools(attempt int) []*runpb.WorkerPool {
	in := s.input(s.app, attempt)
	in.Creating = time.Time{}
	return cloudrun.WorkerPools(in)
}

// madePool tells whether a worker pool is this service's: its record says so. Labels do not count, because tools that
// deploy write their own name into "managed-by".
func (s *serviceRun) madePool(live *runpb.WorkerPool) bool {
	a, err := app.Decode([]byte(live.GetAnnotations()[names.KubeApp]))
	if err != nil {
		return false
	}
	id, err := ServiceID(a)
	return err == nil && id == s.id.String()
}

func (s *serviceRun) poolTaken(live *runpb.WorkerPool) *Error {
	return &Error{
		Summary: fmt.Sprintf("Worker pool %q belongs to somebody else", live.GetName()),
		Why: fmt.Sprintf("Service %q would make a worker pool of this name for one of its processes, and the one that is there was not "+
			"made for it.", s.app.Name),
		Fix:       "Delete that pool if nobody needs it, or rename the process.",
		Attribute: []string{"processes"},
	}
}

// ownLabels lists the keys of the labels that this provider wrote, by the record in the live annotations.
func (s *serviceRun) ownLabels(annotations map[string]string) []string {
	own := slices.Collect(maps.Keys(s.cloud.Stamp.Labels(s.cloud.Clock.Now())))
	own = append(own, names.LabelStack)
	return slices.AppendSeq(own, maps.Keys(runRecorded(annotations).Labels))
}

// begin makes account and grants, which the first revision needs, and sends the create. The service itself, with its
// labels, is the mark.
func (s *serviceRun) begin(ctx context.Context, timeout time.Duration) ([]Notice, error) {
	s.creating, s.fresh = s.cloud.Clock.Now(), true
	live, err := s.get(ctx)
	if err != nil {
		return nil, err
	}
	if live != nil {
		return s.adopt(live, timeout)
	}
	made, err := s.prepare(ctx, nil)
	if err == nil {
		s.web = s.unit()
		err = s.web.make(ctx)
	}
	if err == nil || serviceLeft(err) {
		return nil, err
	}
	if serviceMayGoOn(ctx, err) && (made || s.madeFiles) {
		return nil, serviceUnfinished{err}
	}
	return nil, errors.Join(err, s.undo(ctx, made))
}

// prepare makes what the first revision needs. live is the service, nil when there is none.
func (s *serviceRun) prepare(ctx context.Context, live *runpb.Service) (madeAccount bool, err error) {
	if err := s.cloud.checkSecretFileVersions(ctx, s.app); err != nil {
		return false, err
	}
	if madeAccount, err = s.ensureAccount(ctx); err != nil {
		return madeAccount, err
	}
	if s.ownsAccount() && !madeAccount && live == nil {
		if err := s.takeBackForgotten(ctx); err != nil {
			return false, err
		}
	}
	if err := s.ensureFiles(ctx, live); err != nil {
		return madeAccount, err
	}
	if err := s.announceGrants(ctx, live); err != nil {
		return madeAccount, err
	}
	member, _ := s.member(ctx, serviceIdentity(s.app))
	return madeAccount, s.cloud.serviceGrant(ctx, member, serviceSecrets(s.app))
}

// adopt decides about a service that is there although this run meant to make it.
func (s *serviceRun) adopt(live *runpb.Service, timeout time.Duration) ([]Notice, error) {
	labels := live.GetLabels()
	if !s.cloud.AdoptInterrupted || !s.cloud.Stamp.MayAdopt(labels, labels, s.creating, timeout, false) {
		return nil, serviceExists(s.app, s.id.String(), s.id.String())
	}
	return []Notice{serviceAdopted(s.app)}, nil
}

// undo takes away what a create that was refused has made.
func (s *serviceRun) undo(ctx context.Context, madeAccount bool) error {
	filesErr := s.undoFiles(ctx)
	if !madeAccount {
		return filesErr
	}
	ctx, cancel := serviceDetach(ctx)
	defer cancel()
	member, _ := s.member(ctx, serviceIdentity(s.app))
	err := s.cloud.serviceRevoke(ctx, member, serviceSecrets(s.app))
	return errors.Join(filesErr, err, s.deleteAccount(ctx))
}

// bring makes everything as declared and waits until the newest revisions serve.
func (s *serviceRun) bring(ctx context.Context) error {
	live, err := s.get(ctx)
	if err != nil {
		return err
	}
	if live != nil {
		if err := s.resume(live); err != nil {
			return err
		}
	}
	if _, err := s.prepare(ctx, live); err != nil {
		return err
	}
	if s.web == nil {
		s.web = s.unit()
	}
	if live == nil { // somebody deleted it, or the create never came so far
		if err := s.web.make(ctx); err != nil {
			return err
		}
	}
	// While nothing serves, the grant exposes nothing, and a refusal is told before the wait; nor does it while everybody
	// may call, and then those who are named must not be shut out meanwhile. Otherwise what serves must not be open to
	// callers that were meant for the next release.
	early := live.GetLatestReadyRevision() == "" || live.GetInvokerIamDisabled()
	if early {
		if err := s.grantInvokers(ctx); err != nil {
			return err
		}
	}
	if err := s.web.bring(ctx); err != nil {
		return err
	}
	if err := s.bringPools(ctx); err != nil || early {
		return err
	}
	return s.grantInvokers(ctx)
}

// processOf finds the process of an app that a worker pool runs.
func (s *serviceRun) processOf(a app.App, pool string) string {
	for process := range a.Processes {
		if s.id.WorkerPool(cloudrun.WorkerPoolName(s.app.Name, process)) == pool {
			return process
		}
	}
	return pool
}

func (s *serviceRun) bringPools(ctx context.Context) error {
	for i, declared := range s.pools(0) {
		pool := s.pool(i, s.processOf(s.app, declared.GetName()), declared.GetName())
		live, err := pool.get(ctx)
		switch {
		case gcp.IsNotFound(err):
			err = pool.make(ctx)
		case err == nil && !s.madePool(live):
			err = s.poolTaken(live)
		}
		if err == nil {
			err = pool.bring(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
