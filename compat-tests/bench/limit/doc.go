// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package limit has the gateways that only copy: what a real one is held against.
// Each takes bytes as clients of a protocol send them, answers as its server does,
// and sends the same bytes on, none of which it understands. A durable one answers
// when they are on disk.
package limit
