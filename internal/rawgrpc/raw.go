// SPDX-License-Identifier: Apache-2.0

// Package rawgrpc carries gRPC messages as bytes. Codec leaves a *Message as it
// is and hands every other type to protobuf, so that standard services (health)
// work on the same connection. It is shared by receivers and exporters, which
// must not know each other.
package rawgrpc

import (
	"fmt"
	"unsafe"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// Message is a gRPC message left as bytes.
type Message struct {
	data mem.BufferSlice
	one  [1]mem.Buffer // what data is of for a message to send: one allocation less
}

// New makes a message of p, which must not change until the message was sent.
func New(p []byte) *Message {
	return newMessage(mem.SliceBuffer(p))
}

// NewCopy makes a message of a copy of p, which may change at once: a call that
// failed may have left a message with the transport. It can be sent once.
func NewCopy(p []byte) *Message {
	return newMessage(mem.Copy(p, &outgoing))
}

// NewJoined makes a message of protobuf with a field of that number, of type bytes,
// for each of the parts, which may change at once. It can be sent once.
func NewJoined(field int, parts [][]byte) *Message {
	size := 0
	for _, p := range parts {
		size += protowire.SizeTag(protowire.Number(field)) + protowire.SizeBytes(len(p))
	}
	buf := outgoing.Get(size)
	dst := (*buf)[:0]
	for _, p := range parts {
		dst = protowire.AppendTag(dst, protowire.Number(field), protowire.BytesType)
		dst = protowire.AppendBytes(dst, p)
	}
	*buf = dst
	return newMessage(mem.NewBuffer(buf, &outgoing))
}

func newMessage(b mem.Buffer) *Message {
	m := &Message{one: [1]mem.Buffer{b}}
	m.data = m.one[:]
	return m
}

// Len is the length in bytes.
func (m *Message) Len() int { return m.data.Len() }

// Copy is the message in memory of its own: grpc-go's buffers go back to a
// pool with Free.
func (m *Message) Copy() []byte { return m.data.Materialize() }

// Is tells a message that is p itself and no copy: a decompressor may give a
// slice of its own to say that it has failed.
func (m *Message) Is(p []byte) bool {
	if len(m.data) != 1 || m.data.Len() != len(p) || len(p) == 0 {
		return false
	}
	return unsafe.SliceData(m.data[0].ReadOnlyData()) == unsafe.SliceData(p)
}

// AppendTo appends the message.
func (m *Message) AppendTo(dst []byte) []byte {
	for _, b := range m.data {
		dst = append(dst, b.ReadOnlyData()...)
	}
	return dst
}

// Free gives the memory of a received message back.
func (m *Message) Free() {
	m.data.Free()
	m.data = nil
}

// Codec is for grpc.ForceServerCodecV2 and grpc.ForceCodecV2.
type Codec struct{}

// Name is that of protobuf, since that is what the bytes are.
func (Codec) Name() string { return proto.Name }

// Marshal takes a *Message or any protobuf message.
func (Codec) Marshal(v any) (mem.BufferSlice, error) {
	if m, ok := v.(*Message); ok {
		return m.data, nil
	}
	c := encoding.GetCodecV2(proto.Name)
	if c == nil {
		return nil, fmt.Errorf("rawgrpc: no codec for %T", v)
	}
	return c.Marshal(v)
}

// Unmarshal fills a *Message or any protobuf message.
func (Codec) Unmarshal(data mem.BufferSlice, v any) error {
	if m, ok := v.(*Message); ok {
		data.Ref()
		m.data = data
		return nil
	}
	c := encoding.GetCodecV2(proto.Name)
	if c == nil {
		return fmt.Errorf("rawgrpc: no codec for %T", v)
	}
	return c.Unmarshal(data, v)
}
