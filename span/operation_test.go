// SPDX-License-Identifier: Apache-2.0

package span

import "testing"

func TestAppendEndpointName(t *testing.T) {
	f := func(operation, want string) {
		t.Helper()
		if got := string(AppendEndpointName(nil, operation)); got != want {
			t.Errorf("%q: %q, want %q", operation, got, want)
		}
	}
	f("GET /users/{id}", "GET:/users/{id}")
	f("get /users/7?x=1", "GET:/users/{id}")
	f("GET:/users/7", "GET:/users/{id}")
	f("HTTP GET /a", "GET:/a")
	f("/shop.Stock/Reserve", "/shop.Stock/Reserve")
	f("/de5980b8-fce3-4a37-aab9-b4ac3af7eedd", "/{id}")
	f("GET", "GET")
	f("check out", "check out")
	f("", "")
	if got := EndpointName("PROPFIND", "/dav/12"); got != "PROPFIND:/dav/{id}" {
		t.Error(got)
	}
}
