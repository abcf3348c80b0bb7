module github.com/spanbridge/spanbridge/compat-tests/bench

go 1.26.0

require (
	github.com/apache/thrift v0.25.0
	github.com/jaegertracing/jaeger-idl v0.14.0
	github.com/openzipkin/zipkin-go v0.4.3
	github.com/spanbridge/spanbridge v0.0.0
	go.opentelemetry.io/proto/otlp v1.11.1
	golang.org/x/sys v0.49.0
	google.golang.org/grpc v1.85.0
	google.golang.org/protobuf v1.36.12
	skywalking.apache.org/repo/goapi v0.0.0-20241106011455-ef3dbfac3128
)

require (
	github.com/gogo/googleapis v1.4.1 // indirect
	github.com/gogo/protobuf v1.3.2 // indirect
	github.com/grpc-ecosystem/grpc-gateway/v2 v2.31.0 // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/text v0.42.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20260928230214-8a89bd6388cc // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260928230214-8a89bd6388cc // indirect
)

replace github.com/spanbridge/spanbridge => ../..
