// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/residue"
)

// Tags that say what a canonical field says. Those of OpenTelemetry are in its
// specification (common/mapping-to-non-otlp), the others in OpenTracing's
// semantic conventions; ip is what every Jaeger client writes.
const (
	tagKind           = "span.kind"
	tagError          = "error"
	tagStatusCode     = "otel.status_code"
	tagDescription    = "otel.status_description"
	tagScopeName      = "otel.scope.name"
	tagScopeVersion   = "otel.scope.version"
	tagLibraryName    = "otel.library.name"
	tagLibraryVersion = "otel.library.version"
	tagState          = "w3c.tracestate"
	tagPeerService    = "peer.service"
	tagPeerIP4        = "peer.ipv4"
	tagPeerIP6        = "peer.ipv6"
	tagPeerPort       = "peer.port"
	tagDroppedAttrs   = "otel.dropped_attributes_count"
	tagDroppedEvents  = "otel.dropped_events_count"
	tagDroppedLinks   = "otel.dropped_links_count"
	tagIP             = "ip"
	tagEvent          = "event"
	// tagWarning is the key under which Jaeger itself keeps warnings as
	// attributes (jptrace.WarningsAttribute).
	tagWarning = "@jaeger@warnings"
)

// told is what the tags of a span said so far.
type told struct {
	failed          bool // by the tag error
	failure         span.Text
	code            span.Status
	scope, version  span.Text
	library, libver span.Text
}

// readTags takes what tags say into the fields of the span and marks those
// tags. It returns the number of the scope that they name, and whether there is
// a tag for a residue.
func readTags(w *span.Builder, s *span.Span, attrs []span.Attr, known *scopes) (scope uint32, marked bool) {
	var t told
	warned := false
	for i := range attrs {
		a := &attrs[i]
		// Every key here has 5 to 29 bytes; most tags differ in the first one.
		key := w.Str(a.Key)
		if len(key) < len(tagError) || !telling[key[0]] {
			continue
		}
		switch key[0] {
		case 's', 'w', 'e':
			a.Mirrored = t.readOwn(w, s, key, a)
		case 'p':
			a.Mirrored = readPeer(w, &s.Remote, key, a)
		case 'o':
			a.Mirrored = t.readOTel(w, s, key, a)
		case 'b':
			marked = marked || key == residue.Key
			residue.Inside(w, a)
		case '@':
			warned = warned || key == tagWarning && a.Type == span.String
		}
	}
	if warned {
		// They leave as warnings, which are read after the tags.
		slices.SortStableFunc(attrs, func(a, b span.Attr) int {
			return cmp.Compare(isWarning(w, &a), isWarning(w, &b))
		})
	}
	switch {
	case t.failed || t.code == span.StatusError:
		s.Status = span.StatusError
		if !s.StatusMessage.Present() {
			s.StatusMessage = t.failure
		}
	case t.code == span.StatusOK:
		s.Status = span.StatusOK
	case s.StatusMessage.Present():
		// A description of no status means nothing: it stays a tag like others.
		s.StatusMessage = span.Text{}
		for i := range attrs {
			if a := &attrs[i]; w.Str(a.Key) == tagDescription {
				a.Mirrored = false
			}
		}
	}
	if !t.scope.Present() {
		t.scope = t.library
	}
	if !t.version.Present() {
		t.version = t.libver
	}
	if !t.scope.Present() && !t.version.Present() {
		return 0, marked
	}
	return known.number(w, t.scope, t.version), marked
}

// telling has the bytes that the keys of tags which readTags looks at begin with.
var telling = [256]bool{'s': true, 'w': true, 'e': true, 'p': true, 'o': true, 'b': true, '@': true}

// isWarning is 1 for a warning that came as a tag.
func isWarning(w *span.Builder, a *span.Attr) int {
	if a.Type == span.String && w.Str(a.Key) == tagWarning {
		return 1
	}
	return 0
}

// readOwn reads tags of OpenTracing and W3C. It is true when a field says the
// same now.
func (t *told) readOwn(w *span.Builder, s *span.Span, key string, a *span.Attr) bool {
	switch {
	case key == tagKind && a.Type == span.String:
		k := kindOf(w.Str(a.Text()))
		if k == span.KindUnset {
			return false
		}
		s.Kind = k
	case key == tagError:
		return t.readError(w, a)
	case key == tagState && a.Type == span.String && a.Text().Len() > 0:
		s.State = a.Text()
	default:
		return false
	}
	return true
}

// kindOf is the kind of a name. Clients write it in lower case.
func kindOf(name string) span.Kind {
	switch name {
	case "server":
		return span.KindServer
	case "client":
		return span.KindClient
	}
	for k := span.KindInternal; k <= span.KindConsumer; k++ {
		if strings.EqualFold(name, k.String()) {
			return k
		}
	}
	return span.KindUnset
}

// readError reads the tag error. The convention is a bool; Envoy and others
// write "true", and code that sets the tag to an error leaves its message.
func (t *told) readError(w *span.Builder, a *span.Attr) bool {
	switch {
	case a.Type == span.Bool:
		t.failed, t.failure = a.Bool(), span.Text{}
	case a.Type != span.String || a.Text().Len() == 0:
		return false
	case strings.EqualFold(w.Str(a.Text()), "false"):
		t.failed, t.failure = false, span.Text{}
	case strings.EqualFold(w.Str(a.Text()), "true"):
		t.failed, t.failure = true, span.Text{}
	default:
		t.failed, t.failure = true, a.Text()
	}
	return true
}

// readOTel reads the tags that OpenTelemetry's exporters write for what Jaeger
// has no field for.
func (t *told) readOTel(w *span.Builder, s *span.Span, key string, a *span.Attr) bool {
	if a.Type == span.Int {
		switch key {
		case tagDroppedAttrs:
			return readCount(&s.Dropped.Attrs, a)
		case tagDroppedEvents:
			return readCount(&s.Dropped.Events, a)
		case tagDroppedLinks:
			return readCount(&s.Dropped.Refs, a)
		}
		return false
	}
	if a.Type != span.String {
		return false
	}
	switch v := a.Text(); key {
	case tagStatusCode:
		switch code := strings.TrimPrefix(strings.ToUpper(w.Str(v)), "STATUS_CODE_"); code {
		case "OK":
			t.code = span.StatusOK
		case "ERROR":
			t.code = span.StatusError
		default:
			return false
		}
		s.Has |= span.HasStatus
	case tagDescription:
		s.StatusMessage = v
	case tagScopeName:
		t.scope = v
	case tagScopeVersion:
		t.version = v
	case tagLibraryName:
		t.library = v
	case tagLibraryVersion:
		t.libver = v
	default:
		return false
	}
	return true
}

func readCount(n *uint32, a *span.Attr) bool {
	if a.Int() <= 0 || a.Int() > math.MaxUint32 {
		return false
	}
	*n = uint32(a.Int())
	return true
}

// readPeer reads the tags that say where a call went or came from.
func readPeer(w *span.Builder, e *span.Endpoint, key string, a *span.Attr) bool {
	switch key {
	case tagPeerService:
		if a.Type != span.String || a.Text().Len() == 0 {
			return false
		}
		e.Service = a.Text()
		return true
	case tagPeerIP4, tagPeerIP6:
		return readIP(w, e, a)
	case tagPeerPort:
		v := a.Int()
		if a.Type == span.String {
			n, err := strconv.ParseUint(w.Str(a.Text()), 10, 16)
			if err != nil {
				return false
			}
			v = int64(n)
		} else if a.Type != span.Int {
			return false
		}
		if v <= 0 || v > math.MaxUint16 {
			return false
		}
		e.Port = uint16(v)
		return true
	}
	return false
}

// readIP reads an address in any of the forms that clients write: text, the 32
// bits of an IPv4 address as a number or the text of that number, signed or
// not, and the bytes. Text with an IPv6 address that maps an IPv4 one is IPv4,
// bytes stay what they are, both as in Zipkin.
func readIP(w *span.Builder, e *span.Endpoint, a *span.Attr) bool {
	switch a.Type {
	case span.String:
		text := w.Str(a.Text())
		if ip, ok := span.ParseIP4(text); ok { // most are
			e.SetIP4(ip)
			return true
		}
		if !strings.ContainsAny(text, ".:") {
			v, err := strconv.ParseInt(text, 10, 64)
			return err == nil && setIP4Number(e, v)
		}
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return false
		}
		e.SetIP(addr)
		return true
	case span.Int:
		return setIP4Number(e, a.Int())
	case span.Bytes:
		p := w.Str(a.Text())
		switch len(p) {
		case 4:
			e.SetIP4([4]byte([]byte(p)))
			return true
		case 16:
			e.SetIP6([16]byte([]byte(p)))
			return true
		}
	}
	return false
}

func setIP4Number(e *span.Endpoint, v int64) bool {
	if v == 0 || v < math.MinInt32 || v > math.MaxUint32 {
		return false
	}
	e.SetIP4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
	return true
}

// readProcessTags takes what process tags say into the fields of the process.
func readProcessTags(w *span.Builder, local *span.Endpoint, attrs []span.Attr) {
	for i := range attrs {
		if a := &attrs[i]; w.Str(a.Key) == tagIP {
			a.Mirrored = readIP(w, local, a)
		}
	}
}

// isEventName is true for the field that names a log.
func isEventName(w *span.Builder, a *span.Attr) bool {
	return a.Type == span.String && w.Str(a.Key) == tagEvent
}
