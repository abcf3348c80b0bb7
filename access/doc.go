// SPDX-License-Identifier: Apache-2.0

// Package access says who is let in and how the gateway shows who it is. In
// come the names of files with secrets and certificates, and what a caller
// says of itself; out come a verdict, a header to send, a setting for TLS.
// Files are read again when they change; a faulty one leaves the last good one in
// force, and is logged. No secret is ever part of an error or of a log line.
package access
