// SPDX-License-Identifier: Apache-2.0

// Package wire reads and writes the encodings that the protocols share:
// protobuf, JSON, Thrift binary and compact. It knows no message of any
// protocol. Bytes come in as one slice and places in that slice come out, so
// that a decoder can keep a place instead of a copy.
//
// The readers keep the first fault they meet (Err) and from then on read
// zeros, so a decoder may look once at the end of a message. Every length is
// checked against the bytes that are left before anything is read or set
// aside for it: a body can never ask for more memory than its own size.
package wire
