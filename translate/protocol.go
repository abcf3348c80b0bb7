// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"net/url"
	"time"

	"github.com/spanbridge/spanbridge/span"
)

// Protocol is everything that a folder states about its protocol.
type Protocol struct {
	Name    string
	Formats []Format
	Ports   []Port
	HTTP    []HTTPRoute
	GRPC    []GRPCRoute
	UDP     []UDPRoute
	Targets []Target
}

// Format is one form of body.
type Format struct {
	// Name is the tag under which the log keeps a body of this form, such as
	// "zipkin.v2.json". It must never change its meaning: a log may be read by
	// a later version.
	Name string
	// Decode reads a body, which the batch owns from then on. Spans that
	// cannot be read are left out and described by a *Malformed; the batch
	// then holds the others. The batch is nil only if nothing could be read.
	Decode func(body []byte, origin span.Origin) (*span.Batch, error)
}

// Network is how bytes come to a port.
type Network string

// Networks.
const (
	HTTP Network = "http" // HTTP/1.1
	GRPC Network = "grpc"
	UDP  Network = "udp"
	// HTTPAndGRPC: connections that open with HTTP/2's preface go to gRPC.
	HTTPAndGRPC Network = "http+grpc"
)

// Port is a place to listen at.
type Port struct {
	Name    string // the name of its setting: receivers.<name>
	Network Network
	Listen  string // the default, on loopback
	About   string // for the table of ports
	// WrongMethod is the HTTP status for a path that is there with another
	// method; 0 stands for 405.
	WrongMethod int
	// CORS: pages of any origin may report to the port.
	CORS bool
	// Denied is the answer by gRPC to callers who are not known; OK stands for
	// Unauthenticated.
	Denied Code
}

// HTTPRoute is a path of a port. Either Format or Respond is set.
type HTTPRoute struct {
	Port   string
	Method string
	Path   string
	// Format gives the name of the form that a media type (lower case, without
	// parameters) stands for; "" refuses it.
	Format func(media string) string
	// AnyEncoding: a Content-Encoding that is not known is ignored and the body
	// read as it is, as Zipkin does; otherwise it is refused.
	AnyEncoding bool
	Answer      func(Outcome) Reply
	// Wait is how long a client is kept waiting at most for room in a queue: less
	// than clients wait for an answer. See docs/when-full.md for what they do.
	Wait time.Duration
	// Breaks are the beginnings of the User-Agent of clients that throw away what
	// they sent after any answer, and keep it when the connection breaks: theirs is
	// broken when the gateway is busy.
	Breaks []string
	// Respond answers a question that carries no spans.
	Respond func(Request) Reply
}

// Request is a question by HTTP.
type Request struct {
	Query url.Values
	Body  []byte
}

// Reply is an answer by HTTP.
type Reply struct {
	Status int
	Media  string
	Body   []byte
}

// GRPCRoute is a method of a port.
type GRPCRoute struct {
	Port   string
	Method string // "/package.Service/Method"
	// Stream: the client sends any number of messages before the answer.
	Stream bool
	// Format is the form of the body, "" for messages that carry no spans:
	// those are counted and answered.
	Format string
	// Wrap is the field number of a message that holds the messages of a
	// stream as a repeated field: in that form they are one body.
	Wrap int
	// Wait is how long a client is kept waiting at most for room in a queue, as
	// of an HTTPRoute. In a stream it holds for each body.
	Wait time.Duration
	// Answer is nil for an empty message, or an error where the outcome is one.
	Answer func(Outcome) GRPCReply
	// Respond answers a question that carries no spans.
	Respond func(body []byte) GRPCReply
	// Tokenless: some clients send no token with it though they have one. Those
	// are answered like a message that carries no spans, and not passed on.
	Tokenless bool
}

// GRPCReply is an answer by gRPC.
type GRPCReply struct {
	Code    Code
	Message string // with a Code other than OK
	// After, with a Code other than OK, says when to come again, as a
	// google.rpc.RetryInfo; 0: nothing of it.
	After time.Duration
	Body  []byte
}

// Code is a status code of gRPC.
type Code uint32

// The codes that protocols answer with.
const (
	OK                Code = 0
	InvalidArgument   Code = 3
	PermissionDenied  Code = 7
	ResourceExhausted Code = 8
	Aborted           Code = 10
	Unavailable       Code = 14
)

// UDPRoute is a method that datagrams call: every UDP port takes all of them,
// since clients do not keep to the port of their method.
type UDPRoute struct {
	Method string // of Thrift
	Format string // of the whole datagram
}

// Target is a kind of backend to write to.
type Target struct {
	Kind    string // the value of the setting targets.<name>.kind
	About   string
	Network Network
	// Path and Media belong to targets of Network HTTP.
	Path  string
	Media string
	// BeforeGzip appends the form of a body that is compressed, where that is
	// another one than that which is sent plain; nil if it is not.
	BeforeGzip func(dst, body []byte) []byte
	// Methods are the gRPC methods that messages of this target name, with
	// true for those that take a stream.
	Methods map[string]bool
	// Joined are methods whose messages may be sent as one message of another
	// method, where the server has that: a message of a stream costs about as much
	// as its spans.
	Joined map[string]Joined
	// Serves is the port whose calls without spans, and calls that the protocol
	// does not know, the first target of this kind gets; "" for none.
	Serves string
	// BareToken: a token goes alone into the metadata authentication, and not as
	// a bearer token into authorization.
	BareToken bool
	// UniqueIDs: spans must have ids of their own, so shared ones are split.
	UniqueIDs bool
	// Together: the spans of one trace and service are collected for a while
	// and given to Encoder.Add in one call, parents and children side by side,
	// as far as they come in time. An encoder of such a target may be an
	// Observer as well.
	Together bool
	// Copies is the form of body of which the encoder takes spans that are Exact by
	// their bytes alone, whatever their tags say; "" where there is none. nil: always.
	Copies func(EncoderOptions) (format string)
	// New makes the encoder of one target.
	New func(EncoderOptions) Encoder
	// Refused reads the answer to a message that was taken: how many of its
	// spans the target says it refused, and why. nil: an answer says nothing.
	Refused func(answer []byte) (spans int, why string)
}

// Joined is a method without a stream whose message holds those of another method,
// each as a field of that number.
type Joined struct {
	Method string
	Field  int
}

// EncoderOptions are the settings of a target that its encoder follows.
type EncoderOptions struct {
	// Residue says what becomes of what the protocol has no place for.
	Residue Residue
	// WrapExits puts a local span around each SkyWalking exit, so that the
	// names of outbound calls do not become endpoints of the caller.
	WrapExits bool
	// UnknownCaller is the name of the service that stands for a caller of which
	// SkyWalking's OAP wants to know more than there is; "": the call has no
	// reference then.
	UnknownCaller string
	// Own: the spans are those of this very process, each of which is reported
	// once, and its tracer says which ones others may refer to (span.Referred).
	// An encoder that must know where spans went has little to remember then; it
	// says nothing of instances.
	Own bool
	// Drafts: every residue is found by writing a draft that is read again, also
	// where the encoder knows what will be read. The texts are the same.
	Drafts bool
}

// Residue is how a target gets what its protocol has no place for.
type Residue uint8

// Residues.
const (
	// Exact: in one tag, bridge.x, from which a gateway restores all of it.
	Exact Residue = iota
	// Plain: not at all; the losses are counted.
	Plain
	// OTel: in the tags that OpenTelemetry's translators read, and no others.
	OTel
	// None: not at all and uncounted. It is for spans that follow the
	// conventions of the protocol that they are written in.
	None
)

// Observer is an encoder that wants to know spans before they are written: each
// item as soon as its identity is decided, in the order of arrival. Observe may
// be called while forks of the encoder write.
type Observer interface {
	Observe(items []span.Item)
}

// Encoder writes spans in the form that a target takes. An encoder may be used
// by one goroutine at a time; the instances of one target share what must be
// remembered between payloads.
type Encoder interface {
	// Fork makes another encoder of the same target, which shares what must be
	// remembered between payloads.
	Fork() Encoder
	// Reset starts a new payload.
	Reset()
	// Add writes items, and says how many of them it did not; see Selective.
	// Items of one segment are given in one call.
	Add(items []span.Item) (unwritten int)
	// Notices writes what a batch says of reporting processes.
	Notices(b *span.Batch)
	// Messages are what to send, in order. They are valid until Reset.
	Messages() []Message
	// Losses are what the spans added since Reset could not carry. They are
	// valid until Reset.
	Losses() *Losses
}

// Selective is an encoder that does not write each span by itself. Others write all
// that have a form at the target.
type Selective interface {
	// Left is what became of those added since Reset that were not written, or
	// became a part of others. It is valid until Reset.
	Left() *span.LeftOut
}

// Message is one HTTP body or one gRPC message.
type Message struct {
	Method string // of gRPC
	Body   []byte
	Spans  int
}
