// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/spanbridge/spanbridge/internal/compress"
)

// inflater decompresses gRPC messages for grpc-go, inside the budget and by a
// few at a time: grpc-go would do it for all calls at once, each up to the limit
// of a message. It takes one coding, the one that clients have by default; what
// comes by zstd is decompressed by one alone (internal/compress).
type inflater struct{ intake *intake }

// Type is the encoding.
func (*inflater) Type() string { return "gzip" }

// Do decompresses a message. Of one that is too long it gives a byte more than
// the limit, which grpc-go refuses.
func (f *inflater) Do(r io.Reader) ([]byte, error) {
	f.intake.working <- struct{}{}
	defer func() { <-f.intake.working }()
	share := f.intake.hold()
	defer share.end()
	z, err := compress.NewReader(compress.Gzip, r)
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	defer func() { _ = z.Close() }()
	all, err := readAll(z, 0, int64(f.intake.limits().Message), &share)
	switch {
	case errors.Is(err, errNoMemory):
		return noRoom, nil
	case err != nil:
		return nil, fmt.Errorf("gzip: %w", err)
	}
	defer all.Release()
	return bytes.Clone(all.Body), nil // grpc-go keeps it, and need not keep all that the buffer has
}

// noRoom stands for a message for which there is no memory. An error would go to
// the client as INTERNAL, after which no client tries again.
var noRoom = []byte("no room")
