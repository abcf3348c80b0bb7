// SPDX-License-Identifier: Apache-2.0

// Package compat holds tests that run real tracing clients against real
// backends. Package lab starts the backends; the folders go, python and java
// hold the clients, each of which plays a small story that package story can
// compare with what a backend shows.
package compat
