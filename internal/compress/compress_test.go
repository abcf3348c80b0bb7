// SPDX-License-Identifier: Apache-2.0

package compress

import (
	"bytes"
	stdgzip "compress/gzip"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/encoding"
)

func text(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `{"traceId":"%016x","name":"get /orders/%d","tags":{"http.method":"GET"}},`, i*7919, i)
	}
	return b.Bytes()
}

// What was compressed comes back, by writers and readers that were used before, and
// some at a time.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	for _, coding := range []string{Gzip, Zstd} {
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				c := encoding.GetCompressor(coding)
				for n := range 20 {
					want := text(n * i)
					var packed bytes.Buffer
					w, err := c.Compress(&packed)
					if err != nil {
						t.Error(err)
						return
					}
					_, _ = w.Write(want[:len(want)/2])
					_, _ = w.Write(want[len(want)/2:])
					if err := w.Close(); err != nil {
						t.Error(err)
					}
					r, err := c.Decompress(&packed)
					if err != nil {
						t.Error(err)
						return
					}
					got, err := io.ReadAll(r)
					if err != nil || !bytes.Equal(got, want) {
						t.Errorf("%s: %d bytes, want %d, %v", coding, len(got), len(want), err)
					}
					_ = r.(io.Closer).Close()
				}
			})
		}
		all.Wait()
	}
}

// gRPC's gzip is this package's.
func TestOurs(t *testing.T) {
	t.Parallel()
	for _, coding := range []string{Gzip, Zstd} {
		if c, ok := encoding.GetCompressor(coding).(forGRPC); !ok || c.Name() != coding {
			t.Errorf("%s is of %T", coding, encoding.GetCompressor(coding))
		}
	}
}

// What is none costs an error, and no reader: the next one reads.
func TestRubbish(t *testing.T) {
	t.Parallel()
	for _, coding := range []string{Gzip, Zstd} {
		c := encoding.GetCompressor(coding)
		for range 3 * cap(inflating) {
			r, err := c.Decompress(strings.NewReader("rubbish that is in no coding"))
			if err == nil {
				_, err = io.ReadAll(r)
				_ = r.(io.Closer).Close()
			}
			if err == nil {
				t.Fatalf("rubbish in %s is read", coding)
			}
		}
	}
	var packed bytes.Buffer
	w := stdgzip.NewWriter(&packed)
	_, _ = w.Write(text(3))
	_ = w.Close()
	r, err := NewReader(Gzip, &packed)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, text(3)) {
		t.Errorf("%q, %v", got, err)
	}
	_ = r.Close()
}

// A reader that was given back twice is nobody's twice, nor does it end a turn of others.
func TestClosedTwice(t *testing.T) {
	t.Parallel()
	for _, coding := range []string{Gzip, Zstd} {
		c := encoding.GetCompressor(coding)
		read := func(want []byte) io.Reader {
			var packed bytes.Buffer
			w, _ := c.Compress(&packed)
			_, _ = w.Write(want)
			_ = w.Close()
			r, err := NewReader(coding, &packed)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		first := read(text(1))
		_ = first.(io.Closer).Close()
		_ = first.(io.Closer).Close()
		one, other := read(text(100)), read(text(200))
		if n, err := first.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Errorf("%s: what was given back reads %d bytes, %v", coding, n, err)
		}
		for r, want := range map[io.Reader][]byte{one: text(100), other: text(200)} {
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes, want %d, %v", coding, len(got), len(want), err)
			}
		}
	}
}

// Answers in gzip do not wait for a message in zstd.
func TestGzipWaitsForNone(t *testing.T) {
	t.Parallel()
	read := func(coding string) io.Reader {
		c := encoding.GetCompressor(coding)
		var packed bytes.Buffer
		w, _ := c.Compress(&packed)
		_, _ = w.Write(text(1))
		_ = w.Close()
		r, err := c.Decompress(&packed)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	message := read(Zstd)
	answer := read(Gzip)
	if got, err := io.ReadAll(answer); err != nil || !bytes.Equal(got, text(1)) {
		t.Errorf("%q, %v", got, err)
	}
	_ = answer.(io.Closer).Close()
	_ = message.(io.Closer).Close()
}

func BenchmarkCompress(b *testing.B) {
	body := text(1000)
	for _, coding := range []string{Gzip, Zstd} {
		var packed bytes.Buffer
		b.Run("write "+coding, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				packed.Reset()
				w := NewWriter(coding, &packed)
				_, _ = w.Write(body)
				_ = w.Close()
				w.Free()
			}
			b.ReportMetric(float64(packed.Len())/float64(len(body)), "packed/byte")
		})
		b.Run("read "+coding, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := NewReader(coding, bytes.NewReader(packed.Bytes()))
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, r); err != nil || n != int64(len(body)) {
					b.Fatal(n, err)
				}
				_ = r.Close()
			}
		})
	}
}
