// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"encoding/binary"
	"encoding/json"

	"github.com/openzipkin/zipkin-go/proto/zipkin_proto3"
	"github.com/uber/jaeger-client-go/thrift"
	"github.com/uber/jaeger-client-go/thrift-gen/zipkincore"
	"google.golang.org/protobuf/proto"
)

// idTag is the one thing that tells a span in the output.
const idTag = "fleet.id"

type zipkinSpan struct {
	TraceID   string            `json:"traceId"`
	ID        string            `json:"id"`
	ParentID  string            `json:"parentId,omitempty"`
	Kind      string            `json:"kind,omitempty"`
	Name      string            `json:"name"`
	Timestamp int64             `json:"timestamp"`
	Duration  int64             `json:"duration,omitempty"`
	Local     *zipkinEndpoint   `json:"localEndpoint"`
	Remote    *zipkinEndpoint   `json:"remoteEndpoint,omitempty"`
	Tags      map[string]string `json:"tags"`
	Shared    bool              `json:"shared,omitempty"`
}

type zipkinEndpoint struct {
	Service string `json:"serviceName"`
	IPv4    string `json:"ipv4,omitempty"`
	IPv6    string `json:"ipv6,omitempty"`
	Port    uint16 `json:"port,omitempty"`
}

var zipkinKinds = [...]string{Server: "SERVER", Client: "CLIENT", Producer: "PRODUCER", Consumer: "CONSUMER"}

// remote is the name of the other side, "" for none.
func (f *Fleet) remote(s *Span) string {
	switch {
	case s.Peer == database:
		return "mysql"
	case s.Kind == Producer || s.Kind == Consumer:
		return "kafka"
	case s.Kind == Client && s.Peer >= 0:
		return f.Services[s.Peer].Name
	}
	return ""
}

// listenPort is told by spans of servers alone: many clients know no other.
func (f *Fleet) listenPort(s *Span) uint16 {
	if s.Kind == Server {
		return f.Instances[s.Instance].Port
	}
	return 0
}

func (f *Fleet) zipkinJSON(instance int32, spans []int32) ([]byte, error) {
	i := &f.Instances[instance]
	list := make([]zipkinSpan, 0, len(spans))
	for _, n := range spans {
		s := &f.Spans[n]
		z := zipkinSpan{
			TraceID: f.Traces[s.Trace].ID.hex(), ID: hex16(s.ID), Kind: zipkinKinds[s.Kind], Name: f.endpoint(n),
			Timestamp: f.micros(instance, s.Start), Tags: make(map[string]string), Shared: s.Flagged,
			Local: &zipkinEndpoint{Service: f.service(instance).Name, Port: f.listenPort(s)},
		}
		f.attributes(n, func(key, value string) { z.Tags[key] = value })
		if i.IP.Is4() {
			z.Local.IPv4 = i.IP.String()
		} else {
			z.Local.IPv6 = i.IP.String()
		}
		if s.ParentID != 0 {
			z.ParentID = hex16(s.ParentID)
		}
		if !s.OneWay {
			z.Duration = s.duration()
		}
		if r := f.remote(s); r != "" {
			z.Remote = &zipkinEndpoint{Service: r}
		}
		list = append(list, z)
	}
	return json.Marshal(list)
}

func be64(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

var zipkinProtoKinds = [...]zipkin_proto3.Span_Kind{
	Server: zipkin_proto3.Span_SERVER, Client: zipkin_proto3.Span_CLIENT,
	Producer: zipkin_proto3.Span_PRODUCER, Consumer: zipkin_proto3.Span_CONSUMER,
}

func (f *Fleet) zipkinProto(instance int32, spans []int32) ([]byte, error) {
	i := &f.Instances[instance]
	list := &zipkin_proto3.ListOfSpans{}
	for _, n := range spans {
		s := &f.Spans[n]
		id := f.Traces[s.Trace].ID.bytes()
		z := &zipkin_proto3.Span{
			TraceId: id[:], Id: be64(s.ID), Kind: zipkinProtoKinds[s.Kind], Name: f.endpoint(n),
			Timestamp: uint64(f.micros(instance, s.Start)), Tags: make(map[string]string), Shared: s.Flagged,
			LocalEndpoint: &zipkin_proto3.Endpoint{ServiceName: f.service(instance).Name, Port: int32(f.listenPort(s))},
		}
		f.attributes(n, func(key, value string) { z.Tags[key] = value })
		if f.Traces[s.Trace].ID.hi == 0 {
			z.TraceId = id[8:]
		}
		if i.IP.Is4() {
			z.LocalEndpoint.Ipv4 = i.IP.AsSlice()
		} else {
			z.LocalEndpoint.Ipv6 = i.IP.AsSlice()
		}
		if s.ParentID != 0 {
			z.ParentId = be64(s.ParentID)
		}
		if !s.OneWay {
			z.Duration = uint64(s.duration())
		}
		if r := f.remote(s); r != "" {
			z.RemoteEndpoint = &zipkin_proto3.Endpoint{ServiceName: r}
		}
		list.Spans = append(list.Spans, z)
	}
	return proto.Marshal(list)
}

// What version 1 says where later ones have a kind: first and last moment.
var zipkinMoments = [...][2]string{
	Server: {"sr", "ss"}, Client: {"cs", "cr"}, Producer: {"ms", ""}, Consumer: {"mr", ""},
}

// zipkinThrift has no word for a shared id: the server half that joins leaves
// out the times, which belong to the client.
func (f *Fleet) zipkinThrift(ctx context.Context, instance int32, spans []int32) ([]byte, error) {
	buf := thrift.NewTMemoryBuffer()
	p := thrift.NewTBinaryProtocolConf(buf, nil)
	host := &zipkincore.Endpoint{ServiceName: f.service(instance).Name, Ipv4: f.ipv4(instance)}
	if err := p.WriteListBegin(ctx, thrift.STRUCT, len(spans)); err != nil {
		return nil, err
	}
	for _, n := range spans {
		s := &f.Spans[n]
		id := f.Traces[s.Trace].ID
		at, took := f.micros(instance, s.Start), s.duration()
		z := &zipkincore.Span{
			TraceID: int64(id.lo), TraceIDHigh: new(int64(id.hi)), ID: int64(s.ID), Name: f.endpoint(n),
		}
		f.attributes(n, func(key, value string) {
			z.BinaryAnnotations = append(z.BinaryAnnotations, &zipkincore.BinaryAnnotation{
				Key: key, Value: []byte(value), AnnotationType: zipkincore.AnnotationType_STRING, Host: host,
			})
		})
		if s.ParentID != 0 {
			z.ParentID = new(int64(s.ParentID))
		}
		if !s.Flagged {
			z.Timestamp = &at
			if !s.OneWay {
				z.Duration = &took
			}
		}
		if m := zipkinMoments[s.Kind]; m[0] != "" {
			z.Annotations = append(z.Annotations, &zipkincore.Annotation{Timestamp: at, Value: m[0], Host: host})
			if m[1] != "" && !s.OneWay {
				z.Annotations = append(z.Annotations, &zipkincore.Annotation{Timestamp: at + took, Value: m[1], Host: host})
			}
		}
		if r := f.remote(s); r != "" {
			key := "sa"
			if s.Kind == Producer || s.Kind == Consumer {
				key = "ma"
			}
			z.BinaryAnnotations = append(z.BinaryAnnotations, &zipkincore.BinaryAnnotation{
				Key: key, Value: []byte{1}, AnnotationType: zipkincore.AnnotationType_BOOL, Host: &zipkincore.Endpoint{ServiceName: r},
			})
		}
		if err := z.Write(ctx, p); err != nil {
			return nil, err
		}
	}
	if err := p.WriteListEnd(ctx); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

func (f *Fleet) ipv4(instance int32) int32 {
	a := f.Instances[instance].IP.As4()
	return int32(binary.BigEndian.Uint32(a[:]))
}
