// SPDX-License-Identifier: Apache-2.0

// Package propagation reads the headers by which tracers hand a trace to the
// next service. A header's text goes in, a Context comes out, or an error that
// says what was found and what was wanted. It is lenient where the real tracers
// are: any case, ids without leading zeros.
//
// Identify finds the trace in whatever a person pastes: an id in any form, or a
// whole header.
package propagation
