// SPDX-License-Identifier: Apache-2.0

// Package lab starts real tracing backends for tests, and holds the tools that
// starting them and running real clients needs: a cache of what was downloaded
// or built, processes with logs, free ports, Maven, Python and Java.
//
// Everything listens on 127.0.0.1 and is stopped by the cleanup of the test
// that started it. A part that cannot be had fails the test; nothing is skipped.
package lab
