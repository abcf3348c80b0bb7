// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"fmt"
	"testing"
)

// Keys that are alike at both ends do not make searches long: who chooses them must
// not choose what a search costs.
func TestKeysAlikeAtTheEnds(t *testing.T) {
	t.Parallel()
	k := keySet{told: func(string) bool { return false }, form: func(string) []byte { return nil }}
	k.begin()
	for i := range 500 {
		if k.add(fmt.Sprintf("http.request.%03d.header.value", i)) == nil {
			t.Fatal("no room")
		}
	}
	longest, run := 0, 0
	for _, number := range k.slots {
		if run++; number == 0 {
			run = 0
		}
		longest = max(longest, run)
	}
	if longest > 100 { // about 10 with a hash that is none of the sender's business
		t.Errorf("%d slots in a row are taken", longest)
	}
}
