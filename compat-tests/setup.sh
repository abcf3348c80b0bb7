#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Installs what the heavy tests need and the Go tests cannot fetch by themselves:
# Chromium. Python packages, jars and Jaeger are fetched by the tests.
set -eu
for browser in chromium chromium-browser google-chrome; do
	command -v "$browser" >/dev/null 2>&1 && exit 0
done
if ! command -v apt-get >/dev/null 2>&1; then
	echo "compat-tests: Chromium is not installed and there is no apt-get to install it with" >&2
	exit 1
fi
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
for try in 1 2 3 4 5; do
	if $sudo apt-get update -q && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium; then
		exit 0
	fi
	echo "compat-tests: installing Chromium failed (try $try)" >&2
	sleep $((try * 10))
done
exit 1
