// SPDX-License-Identifier: Apache-2.0

// Package archtest holds the rules of the tree as tests: who may import whom,
// what every package and file must have, and that the generated pages are as
// the source says. It reads the files itself, since a test that asks the go
// command would pass from the cache after a bad edit.
package archtest
