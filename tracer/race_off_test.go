// SPDX-License-Identifier: Apache-2.0

//go:build !race

package tracer_test

const raceEnabled = false
