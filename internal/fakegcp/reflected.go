package fakegcp

import (
	"context"
	"reflect"

	"google.golang.org/grpc"
)

// reflectedService describes a service from its server interface. It is for adminpb, whose generated Register function is
// of the older kind that takes a *grpc.Server and keeps its description to itself; once adminpb is generated like the
// others (compare secretmanagerpb.SecretManagerService_ServiceDesc) this file can go.
func reflectedService[Interface any](name string) *grpc.ServiceDesc {
	of := reflect.TypeFor[Interface]()
	desc := &grpc.ServiceDesc{ServiceName: name, HandlerType: (*Interface)(nil)}
	for i := range of.NumMethod() {
		m := of.Method(i)
		if m.Type.NumIn() == 2 && m.Type.NumOut() == 2 {
			desc.Methods = append(desc.Methods, reflectedMethod(name, m))
		}
	}
	return desc
}

func reflectedMethod(service string, m reflect.Method) grpc.MethodDesc {
	full := "/" + service + "/" + m.Name
	handle := func(server any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		request := reflect.New(m.Type.In(1).Elem())
		if err := decode(request.Interface()); err != nil {
			return nil, err
		}
		call := func(ctx context.Context, request any) (any, error) {
			method := reflect.ValueOf(server).MethodByName(m.Name)
			out := method.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(request)})
			err, _ := out[1].Interface().(error)
			return out[0].Interface(), err
		}
		info := &grpc.UnaryServerInfo{Server: server, FullMethod: full}
		return intercept(ctx, request.Interface(), info, call)
	}
	return grpc.MethodDesc{MethodName: m.Name, Handler: handle}
}
