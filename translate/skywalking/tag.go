// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// Tags that every converted span has, so that the original can be found.
const (
	tagSpanID   = "bridge.span_id"
	tagParentID = "bridge.parent_id"
)

// oapTags are the tags that OAP searches and analyses by the names that other
// conventions have for them.
var oapTags = map[string]string{
	"http.request.method":        "http.method",
	"http.url":                   "url",
	"url.full":                   "url",
	"http.response.status_code":  "http.status_code",
	"rpc.grpc.status_code":       "rpc.status_code",
	"grpc.status_code":           "rpc.status_code",
	"db.system":                  "db.type",
	"db.system.name":             "db.type",
	"db.name":                    "db.instance",
	"db.namespace":               "db.instance",
	"sql.query":                  "db.statement",
	"db.query.text":              "db.statement",
	"messaging.destination":      "mq.topic",
	"messaging.destination.name": "mq.topic",
	"kafka.topic":                "mq.topic",
	"rabbitmq.queue":             "mq.queue",
}

const tagCacheType = "cache.type"

// appendTags appends the attributes of a span and of its resource, and what
// else it says that has no field.
func (c *converter) appendTags(d []byte, it *span.Item, r *role) []byte {
	b, s := it.Batch, it.Span()
	c.keys = c.keys[:0]
	attrs := b.Attrs(s.Attrs)
	for i := range attrs {
		if a := &attrs[i]; !a.Mirrored {
			d = c.appendAttr(d, b, a, r)
		}
	}
	if res := b.Resource(s.Resource); res != nil {
		of := b.Attrs(res.Attrs)
		for i := range of {
			if a := &of[i]; !a.Mirrored && b.Find(s.Attrs, b.Str(a.Key)) == nil {
				d = c.appendAttr(d, b, a, r)
			}
		}
	}
	if scope := b.Scope(s.Scope); scope != nil {
		d = c.appendTag(d, "otel.scope.name", b.Str(scope.Name), r)
		d = c.appendTag(d, "otel.scope.version", b.Str(scope.Version), r)
	}
	d = c.appendTag(d, "w3c.tracestate", b.Str(s.State), r)
	if s.Status == span.StatusOK {
		d = c.appendTag(d, "otel.status_code", "OK", r)
	}
	if r.nameless {
		d = c.appendTag(d, "span.kind", s.Kind.String(), r)
	}
	if r.layer == layerCache && !slices.Contains(c.keys, tagCacheType) {
		d = c.appendTag(d, tagCacheType, or(r.database, "redis"), r)
	}
	if r.converted {
		return d
	}
	var id [16]byte
	d = appendPair(d, 12, tagSpanID, string(it.ID.AppendHex(id[:0])))
	if it.Parent != 0 {
		d = appendPair(d, 12, tagParentID, string(it.Parent.AppendHex(id[:0])))
	}
	return d
}

// appendAttr appends an attribute as a tag, unless a field says the same or OAP
// would lose the whole segment for it.
func (c *converter) appendAttr(d []byte, b *span.Batch, a *span.Attr, r *role) []byte {
	key := b.Str(a.Key)
	if to, ok := oapTags[key]; ok {
		key = to
		if key == "db.type" && r.layer == layerCache {
			key = tagCacheType
		}
	}
	v := c.text(b, a)
	if key == translate.TagTraceName && r.traceName != "" || key == translate.TagInstance && v == r.instance {
		return d
	}
	return c.appendAlways(d, key, v, r)
}

// appendTag appends a tag that has a value.
func (c *converter) appendTag(d []byte, key, value string, r *role) []byte {
	if value == "" {
		return d
	}
	return c.appendAlways(d, key, value, r)
}

// appendAlways appends a tag, also with an empty value. OAP loses the segment
// of a cache span with a repeated key, of a transmission.latency that is no
// whole number, and of an x-le that is no JSON object.
func (c *converter) appendAlways(d []byte, key, value string, r *role) []byte {
	switch {
	case key == "x-le", key == "transmission.latency" && !isWhole(value):
		return d
	case r.layer == layerCache:
		if slices.Contains(c.keys, key) {
			return d
		}
		c.keys = append(c.keys, key)
	}
	return appendPair(d, 12, key, value)
}

// isWhole matches -?[0-9]{1,18}.
func isWhole(s string) bool {
	s = strings.TrimPrefix(s, "-")
	if len(s) == 0 || len(s) > 18 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// appendPair appends a KeyStringValuePair.
func appendPair(d []byte, field int, key, value string) []byte {
	d, mark := wire.Open(d, field)
	d = appendText(d, 1, key)
	d = appendText(d, 2, value)
	return wire.Close(d, mark)
}

// appendText appends a string. One that is not UTF-8 would cost OAP the stream.
func appendText(d []byte, field int, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return wire.AppendString(d, field, s)
}
