// SPDX-License-Identifier: Apache-2.0

// Package browser tries the gateway's page in a real browser. It is a module of
// its own, so that the browser's driver is a dependency of nothing else.
//
//	go test -tags heavy -v -artifacts -outputdir /tmp/page .
//
// starts the gateway ($BRIDGE_BINARY, or built from the module around this
// one) and a Chromium (from $CHROMIUM or the path), and keeps screenshots in
// light and dark. The tests fail where no Chromium is found.
package browser
