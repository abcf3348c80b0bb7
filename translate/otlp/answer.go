// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// unimplemented is the gRPC code for a service that does not exist.
const unimplemented translate.Code = 12

// answerHTTP answers in the encoding of the request: an
// ExportTraceServiceResponse with 200, a google.rpc.Status with anything else.
func answerHTTP(o translate.Outcome) translate.Reply {
	switch {
	case o.Verdict == translate.Taken:
		return response(o.Media, 0, "")
	case o.Verdict == translate.BadBody && partial(o):
		return response(o.Media, o.Refused, message(o.Err))
	case o.Verdict == translate.BadBody:
		return status(o.Media, http.StatusBadRequest, translate.InvalidArgument, message(o.Err))
	case o.Verdict == translate.TooLarge:
		return status(o.Media, http.StatusRequestEntityTooLarge, translate.ResourceExhausted, message(o.Err))
	case o.Verdict == translate.WrongMedia && format(o.Media) == "":
		// The request's encoding is unknown, so the answer is plain text, as the
		// Collector gives it.
		return translate.Reply{
			Status: http.StatusUnsupportedMediaType, Media: "text/plain; charset=utf-8",
			Body: fmt.Appendf(nil, "%s: want %s or %s\n", message(o.Err), mediaProto, mediaJSON),
		}
	case o.Verdict == translate.WrongMedia: // its Content-Encoding
		return status(o.Media, http.StatusUnsupportedMediaType, translate.InvalidArgument, message(o.Err))
	default:
		return status(o.Media, http.StatusServiceUnavailable, translate.Unavailable, message(o.Err))
	}
}

// answerGRPC is answerHTTP for gRPC. Full means UNAVAILABLE, which clients try
// again; RESOURCE_EXHAUSTED without a hint when to come back is final.
func answerGRPC(o translate.Outcome) translate.GRPCReply {
	switch {
	case o.Verdict == translate.Taken:
		return translate.GRPCReply{}
	case o.Verdict == translate.BadBody && partial(o):
		return translate.GRPCReply{Body: appendPartial(nil, o.Refused, message(o.Err))}
	case o.Verdict == translate.TooLarge:
		return translate.GRPCReply{Code: translate.ResourceExhausted, Message: message(o.Err)}
	case o.Verdict == translate.Busy:
		return translate.GRPCReply{Code: translate.Unavailable, Message: message(o.Err), After: translate.RetryAfter(o.Err)}
	default:
		return translate.GRPCReply{Code: translate.InvalidArgument, Message: message(o.Err)}
	}
}

// partial is true when some spans were taken and those refused can be counted.
// A body that breaks off is an error even if spans were found before the
// break: how many are lost is not known. What was found is kept, since clients
// must not send again after either answer.
func partial(o translate.Outcome) bool {
	var m *translate.Malformed
	cut := errors.As(o.Err, &m) && m.Cut
	return o.Taken > 0 && o.Refused > 0 && !cut
}

// message is an error as text that protobuf takes.
func message(err error) string {
	if err == nil {
		return ""
	}
	return strings.ToValidUTF8(err.Error(), "\uFFFD")
}

// response is an ExportTraceServiceResponse. That of a full success is empty.
func response(media string, rejected int, text string) translate.Reply {
	r := translate.Reply{Status: http.StatusOK, Media: mediaProto}
	if media != mediaJSON {
		if rejected > 0 {
			r.Body = appendPartial(nil, rejected, text)
		}
		return r
	}
	r.Media = mediaJSON
	r.Body = append(r.Body, '{')
	if rejected > 0 {
		r.Body = append(r.Body, `"partialSuccess":{"rejectedSpans":"`...)
		r.Body = strconv.AppendInt(r.Body, int64(rejected), 10)
		r.Body = append(r.Body, `","errorMessage":`...)
		r.Body = append(wire.AppendJSON(r.Body, text), '}')
	}
	r.Body = append(r.Body, '}')
	return r
}

func appendPartial(d []byte, rejected int, text string) []byte {
	d, mark := wire.Open(d, 1)
	d = wire.AppendVarint(d, 1, uint64(rejected))
	d = wire.AppendString(d, 2, text)
	return wire.Close(d, mark)
}

// Refused reads the answer of a target, an ExportTraceServiceResponse: how many
// spans of a request that was taken it says it refused, and why.
func Refused(answer []byte) (spans int, why string) {
	p := wire.ReadProto(answer)
	for {
		field, typ, ok := p.Next()
		if !ok {
			return spans, why
		}
		if field != 1 || typ != wire.TypeBytes {
			p.Skip(field, typ)
			continue
		}
		spans, why = readPartial(p.Message())
	}
}

// readPartial reads an ExportTracePartialSuccess.
func readPartial(p wire.Proto) (spans int, why string) {
	for {
		field, typ, ok := p.Next()
		if !ok {
			return spans, why
		}
		switch {
		case field == 1 && typ == wire.TypeVarint:
			spans = int(max(int64(p.Varint()), 0))
		case field == 2 && typ == wire.TypeBytes:
			at, n := p.Bytes()
			why = strings.ToValidUTF8(string(p.Buf[at:at+n]), "\uFFFD")
		default:
			p.Skip(field, typ)
		}
	}
}

// status is a google.rpc.Status.
func status(media string, httpStatus int, code translate.Code, text string) translate.Reply {
	r := translate.Reply{Status: httpStatus, Media: mediaProto}
	if media != mediaJSON {
		r.Body = wire.AppendVarint(nil, 1, uint64(code))
		r.Body = wire.AppendString(r.Body, 2, text)
		return r
	}
	r.Media = mediaJSON
	r.Body = append(r.Body, `{"code":`...)
	r.Body = strconv.AppendUint(r.Body, uint64(code), 10)
	r.Body = append(r.Body, `,"message":`...)
	r.Body = append(wire.AppendJSON(r.Body, text), '}')
	return r
}

// refuseSignal answers the other signals of an SDK that was given one endpoint
// for all of them. To take metrics and throw them away would be a lie, so they
// get what a Collector without such a pipeline answers, 404: every SDK drops
// the data, reports the text, tries nothing again and goes on with its traces.
func refuseSignal(signal string) func(translate.Request) translate.Reply {
	text := signalText(signal)
	return func(q translate.Request) translate.Reply {
		media := mediaProto
		if b := bytes.TrimLeft(q.Body, " \t\r\n"); len(b) > 0 && b[0] == '{' {
			media = mediaJSON
		}
		return status(media, http.StatusNotFound, unimplemented, text)
	}
}

func refuseSignalGRPC(signal string) func([]byte) translate.GRPCReply {
	text := signalText(signal)
	return func([]byte) translate.GRPCReply {
		return translate.GRPCReply{Code: unimplemented, Message: text}
	}
}

func signalText(signal string) string {
	name := strings.ToUpper(signal)
	return "this gateway carries traces only: set OTEL_" + name + "_EXPORTER=none, or OTEL_EXPORTER_OTLP_" + name +
		"_ENDPOINT to a place that takes " + signal
}
