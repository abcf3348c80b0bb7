#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs every fuzz target of the main module for a time (60s), one after the
# other, and says what each did. A crasher lands in testdata/fuzz and ends the
# run with an error.
set -eu
time=${1:-60s}
cd "$(dirname "$0")"
for package in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		printf '%s %s: ' "${package#*/spanbridge/}" "$target"
		if ! out=$(go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 20x "$package" 2>&1) &&
			# The go command at times takes its own end of the time for a failure; a
			# real one writes the input that fails.
			{ printf '%s\n' "$out" | grep -q 'Failing input\|panic:' || ! printf '%s\n' "$out" | grep -q 'context deadline exceeded'; }; then
			printf 'FAILED\n%s\n' "$out"
			exit 1
		fi
		printf '%s\n' "$out" | grep 'execs:' | tail -1
	done
done
