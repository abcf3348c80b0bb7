// SPDX-License-Identifier: Apache-2.0

// Package residue carries what a target's protocol has no place for in one
// attribute, bridge.x, and brings it back when the span returns. A canonical
// span and what the target will make of it go in, a short JSON text comes out; a
// batch with such attributes goes in, the spans as they were come out. Nothing
// here knows a pair of protocols.
//
// # How a protocol joins in
//
// What differs between the original and the visible form, which is what the
// protocol's own decoder makes of what its encoder writes, is the residue. An
// encoder writes a span, with the text of the residue as its last attribute
// under [Key]. It finds the text in one of two ways:
//
//   - While it writes, it tells a [Sight] what its decoder will make of it. It does
//     so for spans that the decoder reads in the usual way, which are nearly all.
//   - For others it writes the spans without a residue into a [Draft], which has
//     the decoder read them, and then once more with the text of Draft.Text. So the
//     visible form is never guessed.
//
// Tests hold both to the same texts. An encoder that does not write one span for
// one item calls [Writer.Append] itself with the visible span.
//
// A decoder tells the [Reader] of each span that has an attribute of the key,
// and calls Reader.Restore when the whole body was read. Keys of attributes
// that look like ours but are the user's are written by [Outside] and read
// back by [Inside].
//
// # The text
//
// A JSON object. Each entry is true only for what we wrote ourselves: most
// start with a number, the fingerprint of the visible values that they
// replace. When somebody changed those on the way, the entry is stale: it is
// ignored, counted ([span.Batch.Stale]), and what is visible counts. A
// fingerprint does not see the case of names, which Zipkin lowers.
//
//	v      1, always first
//	p      z, j, o, s: the protocol whose conventions the attributes follow;
//	       always there, since a span that looks like the target's own would
//	       else be taken for it
//	h      fingerprint of the fields that mirrored attributes speak of; if it
//	       fails, p and all mirrored attributes are ignored
//	sid    [fp, wire id], pid [fp, wire parent or ""], sh 1: Zipkin's identity;
//	       w 0: there is none
//	pa     [fp, parent] where the target takes another span for the parent
//	n      [fp, name]
//	kd     [fp, kind as in OTLP]
//	st du  [fp, ns to add] or [fp] for an absent start or duration
//	e      [fp, status, 1 if given as a code, message (null: as visible)]
//	f      [fp, sampling, trace flags]
//	ts     [fp, tracestate] or [fp]
//	le re  [fp, service, IPv4, IPv6, port] of both ends: null as visible, 0
//	       absent
//	dc     [fp, attributes, events, references] dropped by the sender
//	sc     [fp, name, version, schema, dropped, [attribute…]] or [fp]
//	rs     [fp, schema, dropped] of the resource
//	l      [fp, reference…]
//	ev     [fp, event…]
//	sw     what a SkyWalking agent says of span and segment
//	k      {key: type} of attributes that are visible as text
//	d      [attribute…], all of the span's; r the resource's (0: no resource)
//	x xr   keys of visible attributes that we made: of the span, the resource
//
// An attribute is its key (as visible), [key, type] (visible, as text) or
// [key, type, text]. Types are s, i, f, b, y (base64), j (JSON), n (null), in
// upper case for mirrored attributes. An attribute that is visible and in no
// list was added on the way and stays.
//
// # Bound
//
// A text has at most [Max] bytes. What goes first: ev, then the types and the
// list of attributes (k, d, r), then l and sc; the identity goes last. What
// goes is lost and counted.
package residue
