// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"mime"
	"testing"
)

// TestMediaTypeIsThatOfTheLibrary: what is written as it is read is not parsed, with
// the same answer.
func TestMediaTypeIsThatOfTheLibrary(t *testing.T) {
	for _, header := range mediaTypes {
		sameMedia(t, header)
	}
}

var mediaTypes = []string{
	"", "/", "a", "a/", "/a", "a/b", "a/b/c", "application/json", "Application/JSON", "application/json; charset=utf-8",
	" application/json ", "application/x-protobuf", "application/vnd.apache.thrift.binary", "image/svg+xml", "a/b;", "a/b;c", "a b/c", "ä/b", "a//b", "a/b,c/d",
}

func sameMedia(t *testing.T, header string) {
	want, _, _ := mime.ParseMediaType(header)
	if got := mediaType(header); got != want {
		t.Fatalf("%q is %q, want %q", header, got, want)
	}
}

func FuzzMediaType(f *testing.F) {
	for _, header := range mediaTypes {
		f.Add(header)
	}
	f.Fuzz(sameMedia)
}
