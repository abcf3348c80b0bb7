// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"encoding/binary"
	"errors"
)

// halves counts the bytes of gRPC messages of one connection that have come in
// part: grpc-go keeps those until the rest has come and tells nobody. It reads
// along the frames of HTTP/2 (RFC 9113, section 4) and in those of type DATA the
// messages of gRPC, each with a flag and a length of four bytes before it.
type halves struct {
	longest int64 // messages that are longer are not kept
	most    int   // streams
	bytes   int64 // of all messages that have come in part

	off     bool // it is no HTTP/2
	preface int  // bytes seen of it
	head    [9]byte
	seen    int // bytes of head
	left    int // bytes of the frame
	pad     int // of them, padding at the end; -1: its length comes first
	stream  uint32
	streams map[uint32]*half
}

// half is a message that has come in part.
type half struct {
	head [5]byte
	seen int   // bytes of head
	left int64 // bytes of the message that are to come
	kept int64
	skip bool // the message is too long: nothing of the stream is kept
}

const clientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Of frames.
const (
	frameData      = 0
	frameReset     = 3
	flagEndStream  = 0x1
	flagPadded     = 0x8
	messageHeadLen = 5
)

var errManyHalves = errors.New("receivers: more messages in part than streams")

func newHalves(longest int64, streams int) *halves {
	return &halves{longest: longest, most: 2*streams + 100, streams: make(map[uint32]*half)}
}

// read takes the bytes that came next.
func (h *halves) read(p []byte) error {
	for len(p) > 0 && !h.off {
		switch {
		case h.preface < len(clientPreface):
			if p[0] != clientPreface[h.preface] {
				h.off = true
				return nil
			}
			h.preface++
			p = p[1:]
		case h.seen < len(h.head):
			n := copy(h.head[h.seen:], p)
			h.seen += n
			p = p[n:]
			if h.seen == len(h.head) {
				h.frame()
			}
		default:
			n := min(len(p), h.left)
			if err := h.payload(p[:n]); err != nil {
				return err
			}
			p = p[n:]
		}
	}
	return nil
}

// frame starts on a frame.
func (h *halves) frame() {
	h.left = int(h.head[0])<<16 | int(h.head[1])<<8 | int(h.head[2])
	h.stream = binary.BigEndian.Uint32(h.head[5:]) &^ (1 << 31)
	h.pad = 0
	if h.head[3] == frameData && h.head[4]&flagPadded != 0 {
		h.pad = -1
	}
	if h.left == 0 {
		h.frameEnd()
	}
}

func (h *halves) frameEnd() {
	h.seen = 0
	if h.head[3] == frameReset || h.head[3] == frameData && h.head[4]&flagEndStream != 0 {
		h.forget(h.stream)
	}
}

func (h *halves) forget(stream uint32) {
	if s := h.streams[stream]; s != nil {
		h.bytes -= s.kept
		delete(h.streams, stream)
	}
}

// payload takes bytes of a frame.
func (h *halves) payload(p []byte) error {
	h.left -= len(p)
	if h.head[3] == frameData && h.pad < 0 && len(p) > 0 {
		h.pad = int(p[0])
		p = p[1:]
	}
	var err error
	if h.head[3] == frameData {
		// What is left of the frame may be padding, and the end of p too.
		if padding := h.pad - h.left; padding > 0 {
			p = p[:max(0, len(p)-padding)]
		}
		err = h.data(p)
	}
	if h.left == 0 {
		h.frameEnd()
	}
	return err
}

// data takes bytes of messages.
func (h *halves) data(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	s := h.streams[h.stream]
	known := s != nil
	var fresh half // most messages are in one frame, and need not be remembered
	if !known {
		s = &fresh
	}
	for len(p) > 0 && !s.skip {
		if s.seen < messageHeadLen {
			n := copy(s.head[s.seen:], p)
			s.seen += n
			p = p[n:]
			if s.seen < messageHeadLen {
				break
			}
			s.left = int64(binary.BigEndian.Uint32(s.head[1:]))
			s.skip = s.left > h.longest
		}
		n := min(int64(len(p)), s.left)
		if !s.skip {
			s.left -= n
			s.kept += n
			h.bytes += n
			p = p[n:]
		}
		if s.left == 0 { // grpc-go hands it on
			h.bytes -= s.kept
			s.kept, s.seen = 0, 0
		}
	}
	switch {
	case known && s.seen == 0:
		delete(h.streams, h.stream)
	case !known && s.seen > 0:
		if len(h.streams) >= h.most {
			return errManyHalves
		}
		part := fresh
		h.streams[h.stream] = &part
	}
	return nil
}
