// SPDX-License-Identifier: Apache-2.0

// Package migration holds docs/migration.md and docs/library.md to the libraries
// that they speak of: each call of their tables and each line of their examples
// stands in a test here, compiled against the real library, and runs.
package migration
