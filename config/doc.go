// SPDX-License-Identifier: Apache-2.0

// Package config reads the settings of the gateway: one YAML file, every key
// with a default, every scalar with an environment variable that wins over the
// file. Bytes and variables come in; a Config comes out, or every fault at once,
// each with its place, what was found and what was wanted. It opens nothing but
// the file. It does not know the protocols either: the names of ports and of
// kinds of targets are given to it (Known).
package config
