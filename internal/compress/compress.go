// SPDX-License-Identifier: Apache-2.0

// Package compress has gzip and zstd as bodies and messages come and go by them, with
// writers and readers that are used again: to make one costs more than to compress a
// message. To import it makes both known to gRPC in this process, gzip in place of
// grpc-go's own, which is the standard library's; so it is not for packages that a
// user's program imports.
package compress

import (
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // before init: the last one who registers a name has it
)

// The codings, as HTTP and gRPC name them.
const (
	Gzip = "gzip"
	Zstd = "zstd"
)

// Writer compresses what is written to it. It is complete when closed, and may be
// given back then.
type Writer struct {
	io.WriteCloser
	reset func(io.Writer)
	pool  *sync.Pool
}

// zstdWindow is how far back a writer of zstd looks: about a body.
const zstdWindow = 1 << 20

var gzipWriters, zstdWriters sync.Pool

// NewWriter is a writer in one of the codings. It compresses fast rather than much:
// spans repeat themselves near by.
func NewWriter(coding string, to io.Writer) *Writer {
	pool := &gzipWriters
	if coding == Zstd {
		pool = &zstdWriters
	}
	if w, ok := pool.Get().(*Writer); ok {
		w.reset(to)
		return w
	}
	if coding == Zstd {
		// It fails for options that do not fit together.
		z, err := zstd.NewWriter(to, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(zstdWindow))
		if err != nil {
			panic(err)
		}
		return &Writer{z, z.Reset, pool}
	}
	z, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	if err != nil {
		panic(err)
	}
	return &Writer{z, z.Reset, pool}
}

// Free gives the writer back.
func (w *Writer) Free() {
	w.reset(io.Discard)
	w.pool.Put(w)
}

// Reader decompresses.
type Reader struct {
	io.Reader
	free func()
}

// Close gives the reader back; it is not for use any more. Once more does nothing: by
// then somebody else may read with it.
func (r *Reader) Close() error {
	if free := r.free; free != nil {
		r.Reader, r.free = ended{}, nil
		free()
	}
	return nil
}

// ended stands for what was given back.
type ended struct{}

func (ended) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

// mostMemory bounds what a stream of zstd may ask for its window.
const mostMemory = 8 << 20

var gzipReaders, zstdReaders sync.Pool

// NewReader reads a coding. What is not gzip is told at once, what is not zstd with
// the first byte.
func NewReader(coding string, from io.Reader) (*Reader, error) {
	if coding == Zstd {
		z, ok := zstdReaders.Get().(*zstd.Decoder)
		if !ok {
			var err error
			if z, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(mostMemory), zstd.WithDecoderMaxWindow(mostMemory)); err != nil {
				return nil, err
			}
		}
		if err := z.Reset(from); err != nil {
			return nil, err
		}
		return &Reader{z, func() {
			if z.Reset(nil) == nil {
				zstdReaders.Put(z)
			}
		}}, nil
	}
	z, ok := gzipReaders.Get().(*gzip.Reader)
	if !ok {
		z = new(gzip.Reader)
	}
	if err := z.Reset(from); err != nil {
		gzipReaders.Put(z)
		return nil, err
	}
	return &Reader{z, func() { gzipReaders.Put(z) }}, nil
}

// forGRPC is a coding as gRPC wants it.
type forGRPC string

func init() {
	encoding.RegisterCompressor(forGRPC(Gzip))
	encoding.RegisterCompressor(forGRPC(Zstd))
}

// Name is that of the coding.
func (c forGRPC) Name() string { return string(c) }

// Compress gives the writer back when it is closed.
func (c forGRPC) Compress(w io.Writer) (io.WriteCloser, error) {
	return closing{NewWriter(string(c), w)}, nil
}

type closing struct{ *Writer }

// Close ends the message.
func (c closing) Close() error {
	err := c.Writer.Close()
	c.Free()
	return err
}

// inflating lets one message in zstd be decompressed at a time: each may take as much
// memory as a message may be long, of which nobody knows before it is there, and all
// calls come at once. One processor reads some hundred MB/s.
var inflating = make(chan struct{}, 1)

// Decompress waits for its turn, which ends when the reader is closed. What is in gzip
// waits for none: here it is answers of targets, which are short, while messages have a
// decompressor of the receivers' own.
func (c forGRPC) Decompress(r io.Reader) (io.Reader, error) {
	if c == Gzip {
		z, err := NewReader(Gzip, r)
		if err != nil {
			return nil, err
		}
		return z, nil
	}
	inflating <- struct{}{}
	z, err := NewReader(string(c), r)
	if err != nil {
		<-inflating
		return nil, err
	}
	return &Reader{z, func() {
		_ = z.Close()
		<-inflating
	}}, nil
}
