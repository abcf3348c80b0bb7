// SPDX-License-Identifier: Apache-2.0

package span

// Span is one span of a batch. It holds no pointer: texts, attributes, events
// and references are places in the batch.
type Span struct {
	Trace TraceID
	// ID and Parent are as the span's own protocol said them; Parent is 0 for
	// none. In a Zipkin report two spans may have one ID: package assemble
	// gives each its own, beside the batch.
	ID     ID
	Parent ID
	// Wire is the identity under which a Zipkin backend knows the span. It is
	// set for spans that came from Zipkin (see HasWire).
	Wire Wire

	Start    int64 // ns since 1970; see HasStart
	Duration int64 // ns; see HasDuration

	Name          Text
	Local, Remote Endpoint

	Attrs  Range // of Batch.Attrs
	Events Range // of Batch.Events
	Refs   Range // of Batch.Refs

	// Raw is the span's own bytes as received, in the form that the batch's
	// format says: a JSON object, a protobuf message without tag and length.
	Raw Text

	StatusMessage Text
	State         Text // W3C tracestate

	Resource uint32 // number of Batch.Resource, 0 for none
	Scope    uint32 // number of Batch.Scope, 0 for none
	Segment  uint32 // number of Batch.Segment, 0 for none
	Agent    uint32 // number of Batch.Agent, 0 for none

	Dropped    Dropped
	TraceFlags uint32 // OTLP's field flags: W3C bits and two more
	Sampling   Sampling

	Has    Has
	Kind   Kind
	Status Status
	// Home is set for a span whose attributes are those of another protocol
	// than the batch's, because it came on a detour; see Batch.Home.
	Home Protocol
}

// Wire is an identity in Zipkin's manner: the server half of a call may share
// the id of the client half.
type Wire struct {
	ID, Parent ID
}

// Has says which optional fields of a span were given.
type Has uint8

// Bits of Has.
const (
	HasStart    Has = 1 << iota
	HasDuration     // a duration of 0 was given, or a longer one
	HasWire         // Wire is set
	Shared          // the wire id is the client half's (Zipkin's flag shared)
	// Exact: Raw is in the normal form of its protocol, so that a target of the
	// same protocol may take the bytes as they are.
	Exact
	HasStatus // the status was given as a code, not derived from a tag
	// Referred: a header names the span, so that spans of other processes may
	// refer to it. Only who writes the headers knows; a report does not say.
	Referred
)

// Kind is the role of a span in a call, numbered as in OTLP.
type Kind uint8

// Kinds. KindUnset is what a report without a kind gives.
const (
	KindUnset Kind = iota
	KindInternal
	KindServer
	KindClient
	KindProducer
	KindConsumer
)

var kindNames = [...]string{"", "internal", "server", "client", "producer", "consumer"}

// String is the name of the kind in lower case, as Jaeger's tag span.kind has
// it; empty for KindUnset.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return ""
}

// Status is the outcome of a span, numbered as in OTLP.
type Status uint8

// Statuses.
const (
	StatusUnset Status = iota
	StatusOK
	StatusError
)

// Sampling holds the sampling bits of a span, numbered as in Jaeger; bits
// without a name here are kept.
type Sampling uint32

// Bits of Sampling.
const (
	Sampled  Sampling = 1
	Debug    Sampling = 2
	Firehose Sampling = 8
)

// Dropped counts what the reporter left out because of its own limits.
type Dropped struct {
	Attrs, Events, Refs uint32
}

// Event is something that happened at a moment of a span: Zipkin's annotation,
// Jaeger's and SkyWalking's log.
type Event struct {
	Time    int64 // ns since 1970
	Name    Text  // absent for a Jaeger log without a field "event"
	Attrs   Range // of Batch.Attrs
	Dropped uint32
}

// RefKind is the relation that a reference states.
type RefKind uint8

// Reference kinds.
const (
	ChildOf      RefKind = iota
	FollowsFrom          // Jaeger and OpenTracing
	Link                 // OTLP
	CrossProcess         // SkyWalking
	CrossThread          // SkyWalking
)

// Ref is a reference from a span to another one, of this or another trace. The
// references of a span are in the order of the report.
type Ref struct {
	Trace TraceID
	Span  ID
	State Text  // W3C tracestate of a link
	Attrs Range // of Batch.Attrs
	// Agent is the number of the Batch.AgentRef that a SkyWalking reference
	// has besides, 0 for none.
	Agent      uint32
	Dropped    uint32
	TraceFlags uint32
	Kind       RefKind
	// Parent marks the reference that Span.Parent was taken from.
	Parent bool
}

// Resource is what reported the spans: Jaeger's process, OTLP's resource.
type Resource struct {
	Attrs   Range // of Batch.Attrs
	Schema  Text
	Dropped uint32
	// Raw is the resource's own bytes as received, where a target of the same
	// protocol may take them as they are.
	Raw Text
}

// Scope is the instrumentation library of spans.
type Scope struct {
	Name, Version Text
	Attrs         Range // of Batch.Attrs
	Schema        Text
	Dropped       uint32
}

// Segment is a SkyWalking segment: the spans of one trace that one thread of
// one process reported together.
type Segment struct {
	TraceName   Text // the trace id as the agent wrote it
	Name        Text // the segment id as the agent wrote it
	Service     Text
	Instance    Text
	Spans       uint32 // how many spans it has in the batch
	SizeLimited bool   // the agent left spans out
	// Raw is the segment as received: a SegmentObject without tag and length.
	Raw Text
}

// Agent is what a SkyWalking agent says of a span beyond the canonical fields.
type Agent struct {
	Number    int32 // in the segment
	Parent    int32 // number of the parent in the segment, -1 for none
	Type      int32 // 0 entry, 1 exit, 2 local; others as received
	Layer     int32
	Component int32
	Peer      Text // as written, which may be a list of addresses
	Skip      bool // skipAnalysis
}

// AgentRef is what a SkyWalking reference says beyond the canonical fields.
type AgentRef struct {
	TraceName Text
	Segment   Text // the parent's segment
	Number    int32
	Service   Text
	Instance  Text
	Endpoint  Text
	Address   Text // networkAddressUsedAtPeer
}

// Instance is a notice about a process that reports: SkyWalking's instance
// properties and its ping.
type Instance struct {
	Service, Name Text
	Layer         Text
	Attrs         Range // of Batch.Attrs
	Ping          bool  // a sign of life, without properties
	Raw           Text  // the message as received
}

// Identity is the identity of a span after shared spans were split: ID is
// unique in its trace. It lies beside a batch, never in it.
type Identity struct {
	ID, Parent ID
}

// Item is a span of a batch with the identity under which it leaves.
type Item struct {
	Batch *Batch
	Index int
	Identity
}

// Span is the span of the item.
func (it Item) Span() *Span { return &it.Batch.spans[it.Index] }

// IsNative is true for a span whose segment came by SkyWalking's protocol: an OAP
// takes its bytes as they came.
func (it Item) IsNative() bool {
	g := it.Batch.Segment(it.Span().Segment)
	return g != nil && g.Raw.Len() > 0 && it.Batch.protocol == SkyWalking
}
