// SPDX-License-Identifier: Apache-2.0

// Package exporters is the ways out: it sends what the encoders of the
// protocols write, by HTTP or gRPC, and says how the target answered. There is
// no folder for each backend; translate/<protocol>/protocol.go states what a
// kind of target takes.
//
// Answers are sorted into three: taken; for a while not (*TryAgain: no
// connection, overload, a wrong token or address, since those are mended at the
// target or in the settings and the spans are good); refused (*Refused: the
// target does not want these bytes).
package exporters
