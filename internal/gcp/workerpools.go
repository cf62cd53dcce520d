package gcp

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/run/apiv2/runpb"
)

// WorkerPools is Cloud Run's worker pool collection. Names are projects/P/locations/L/workerPools/W.
type WorkerPools struct{ c *Client }

// WorkerPools gives the worker pool collection.
func (c *Client) WorkerPools() WorkerPools { return WorkerPools{c} }

// Get reads one worker pool.
func (s WorkerPools) Get(ctx context.Context, name string) (*runpb.WorkerPool, error) {
	api, err := s.c.workerPoolsAPI(ctx)
	if err != nil {
		return nil, err
	}
	pool, err := api.GetWorkerPool(ctx, &runpb.GetWorkerPoolRequest{Name: name})
	if err != nil {
		return nil, err
	}
	return pool, checkName(name, pool.GetName())
}

// Create starts the creation of a worker pool in projects/P/locations/L. A creation that fails leaves the pool behind.
func (s WorkerPools) Create(ctx context.Context, parent, id string, pool *runpb.WorkerPool) (*RunOperation[*runpb.WorkerPool], error) {
	api, err := s.c.workerPoolsAPI(ctx)
	if err != nil {
		return nil, err
	}
	op, err := api.CreateWorkerPool(ctx, &runpb.CreateWorkerPoolRequest{Parent: parent, WorkerPoolId: id, WorkerPool: pool})
	if err != nil {
		return nil, err
	}
	return s.started(ctx, op), nil
}

// Update starts a change of a worker pool. With an etag in the pool the write is a compare and set.
func (s WorkerPools) Update(ctx context.Context, pool *runpb.WorkerPool, o UpdateOptions) (*RunOperation[*runpb.WorkerPool], error) {
	api, err := s.c.workerPoolsAPI(ctx)
	if err != nil {
		return nil, err
	}
	op, err := api.UpdateWorkerPool(ctx, &runpb.UpdateWorkerPoolRequest{
		WorkerPool: pool, UpdateMask: o.mask(), ValidateOnly: o.ValidateOnly, AllowMissing: o.AllowMissing,
	})
	if err != nil {
		return nil, err
	}
	return s.started(ctx, op), nil
}

// Delete starts the deletion of a worker pool.
func (s WorkerPools) Delete(ctx context.Context, name string) (*RunOperation[*runpb.WorkerPool], error) {
	api, err := s.c.workerPoolsAPI(ctx)
	if err != nil {
		return nil, err
	}
	op, err := api.DeleteWorkerPool(ctx, &runpb.DeleteWorkerPoolRequest{Name: name})
	if err != nil {
		return nil, err
	}
	return s.started(ctx, op), nil
}

func (s WorkerPools) started(ctx context.Context, op startedOperation[*runpb.WorkerPool]) *RunOperation[*runpb.WorkerPool] {
	return started(ctx, s.c, op, s.readOperation, &runpb.WorkerPool{})
}

func (s WorkerPools) readOperation(ctx context.Context, name string) (*longrunningpb.Operation, error) {
	api, err := s.c.workerPoolsAPI(ctx)
	if err != nil {
		return nil, err
	}
	return api.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: name})
}
