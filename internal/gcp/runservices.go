package gcp

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// UpdateOptions are the switches of an update on Cloud Run.
type UpdateOptions struct {
	// Mask names the fields to write; empty means all.
	Mask []string
	// ValidateOnly checks the request and changes nothing.
	ValidateOnly bool
	// AllowMissing creates what is not there, which makes the update a create that may be repeated.
	AllowMissing bool
}

func (o UpdateOptions) mask() *fieldmaskpb.FieldMask {
	if len(o.Mask) == 0 {
		return nil
	}
	return &fieldmaskpb.FieldMask{Paths: o.Mask}
}

// RunServices is Cloud Run's service collection. Names are projects/P/locations/L/services/S.
type RunServices struct{ c *Client }

// RunServices gives the service collection.
func (c *Client) RunServices() RunServices { return RunServices{c} }

// Get reads one service.
func (s RunServices) Get(ctx context.Context, name string) (*runpb.Service, error) {
	api, err := s.c.servicesAPI(ctx)
	if err != nil {
		return nil, err
	}
	service, err := api.GetService(ctx, &runpb.GetServiceRequest{Name: name})
	if err != nil {
		return nil, err
	}
	return service, checkName(name, service.GetName())
}

// Create starts the creation of a service in projects/P/locations/L. A creation that fails leaves the service behind.
func (s RunServices) Create(ctx context.Context, parent, id string, service *runpb.Service) (*RunOperation[*runpb.Service], error) {
	api, err := s.c.servicesAPI(ctx)
	if err != nil {
		return nil, err
	}
	op, err := api.CreateService(ctx, &runpb.CreateServiceRequest{Parent: parent, ServiceId: id, Service: service})
	if err != nil {
		return nil, err
	}
	return s.started(ctx, op), nil
}

// Update starts a change of a service. With an etag in the service the write is a compare and set.
func (s RunServices) Update(ctx context.Context, service *runpb.Service, o UpdateOptions) (*RunOperation[*runpb.Service], error) {
	api, err := s.c.servicesAPI(ctx)
	if err != nil {
		return nil, err
	}
	op, err := api.UpdateService(ctx, &runpb.UpdateServiceRequest{
		Service: service, UpdateMask: o.mask(), ValidateOnly: o.ValidateOnly, AllowMissing: o.AllowMissing,
	})
	if err != nil {
		return nil, err
	}
	return s.started(ctx, op), nil
}

// Delete starts the deletion of a service.
func (s RunServices) Delete(ctx context.Context, name string) (*RunOperation[*runpb.Service], error) {
	api, err := s.c.servicesAPI(ctx)
	if err != nil {
		return nil, err
	}
	op, err := api.DeleteService(ctx, &runpb.DeleteServiceRequest{Name: name})
	if err != nil {
		return nil, err
	}
	return s.started(ctx, op), nil
}

// Revision reads one revision: projects/P/locations/L/services/S/revisions/R.
func (s RunServices) Revision(ctx context.Context, name string) (*runpb.Revision, error) {
	api, err := s.c.revisionsAPI(ctx)
	if err != nil {
		return nil, err
	}
	revision, err := api.GetRevision(ctx, &runpb.GetRevisionRequest{Name: name})
	if err != nil {
		return nil, err
	}
	return revision, checkName(name, revision.GetName())
}

func (s RunServices) started(ctx context.Context, op startedOperation[*runpb.Service]) *RunOperation[*runpb.Service] {
	return started(ctx, s.c, op, s.readOperation, &runpb.Service{})
}

func (s RunServices) readOperation(ctx context.Context, name string) (*longrunningpb.Operation, error) {
	api, err := s.c.servicesAPI(ctx)
	if err != nil {
		return nil, err
	}
	return api.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: name})
}
