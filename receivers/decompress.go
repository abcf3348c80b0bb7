// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zlib"

	"github.com/spanbridge/spanbridge/internal/compress"
)

// decompress gives a reader over the decoded body, which is r itself when the
// body is not encoded; done frees what it took. An empty body is an empty body
// in any encoding: reporters send those, and the real server's "Cannot gunzip"
// helps nobody.
func decompress(encoding string, r io.Reader, any bool) (_ io.Reader, done func(), err error) {
	encoding = strings.ToLower(strings.TrimSpace(encoding))
	done = func() {}
	switch {
	case encoding == "" || encoding == "identity":
		return r, done, nil
	case strings.Contains(encoding, "gzip"):
		in, empty := peek(r)
		if empty {
			return in, done, nil
		}
		z, err := compress.NewReader(compress.Gzip, in)
		if err != nil {
			return nil, nil, &badStream{"gzip", err}
		}
		return z, func() { _ = z.Close() }, nil
	case any:
		return r, done, nil
	case encoding == "deflate" || encoding == "zlib":
		in, empty := peek(r)
		if empty {
			return in, done, nil
		}
		z, err := zlib.NewReader(in)
		if err != nil {
			return nil, nil, &badStream{encoding, err}
		}
		return z, func() { _ = z.Close() }, nil
	case isZstd(encoding):
		z, err := compress.NewReader(compress.Zstd, r)
		if err != nil {
			return nil, nil, &badStream{encoding, err}
		}
		return z, func() { _ = z.Close() }, nil
	}
	return nil, nil, fmt.Errorf("content encoding %q, want gzip, deflate, zstd or none", encoding)
}

func isZstd(encoding string) bool {
	return strings.EqualFold(strings.TrimSpace(encoding), "zstd")
}

// badStream is a body that is not in the encoding that its header says.
type badStream struct {
	encoding string
	err      error
}

func (b *badStream) Error() string {
	return fmt.Sprintf("cannot decompress the body (content encoding %s): %v", b.encoding, b.err)
}

func (b *badStream) Unwrap() error { return b.err }

// peek tells a body of no bytes.
func peek(r io.Reader) (_ io.Reader, empty bool) {
	in := bufio.NewReader(r)
	_, err := in.Peek(1)
	return in, errors.Is(err, io.EOF)
}
