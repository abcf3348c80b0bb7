// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestProxyOptions: each option of bridge proxy has a variable of the same name,
// and stands on its page.
func TestProxyOptions(t *testing.T) {
	page, err := os.ReadFile("../../docs/proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	for f := range reflect.TypeFor[proxyCmd]().Fields() {
		name := f.Tag.Get("name")
		if name == "" {
			for j, c := range f.Name {
				if j > 0 && 'A' <= c && c <= 'Z' {
					name += "-"
				}
				name += strings.ToLower(string(c))
			}
		}
		if want := "BRIDGE_PROXY_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")); f.Tag.Get("env") != want {
			t.Errorf("--%s: variable %q, want %s", name, f.Tag.Get("env"), want)
		}
		if !strings.Contains(string(page), "`--"+name+"`") {
			t.Errorf("docs/proxy.md does not tell of --%s", name)
		}
		if f.Tag.Get("help") == "" {
			t.Errorf("--%s has no help", name)
		}
	}
}
