// SPDX-License-Identifier: Apache-2.0

//go:build fence && linux

package span

import (
	"fmt"
	"sync"
	"syscall"
	"unsafe"
)

// In a build with the tag "fence", which is for tests, each buffer is memory of its
// own, mapped by the kernel, to which all access ends when the buffer is released. Who
// still reads what they gave up, which else finds the bytes of another message, is
// ended by a fault there.
const fenced = true

// fencedSlab is how many elements a slab has place for in there. What grows longer is
// in ordinary memory, which gets other bytes instead.
const fencedSlab = 2048

// mostFenced is how many mappings stay after their release, lest their addresses be
// used again too soon. The kernel allows for 65,530.
const mostFenced = 10_000

// fence is the mappings.
var fence struct {
	mu   sync.Mutex
	of   map[*Buffer][]byte // in use
	gone [][]byte           // in the order of their release
}

func takeBuffer(n int) *Buffer {
	step, size := bufferSize(n)
	if step >= bufferSizes {
		size = n
	}
	var f Buffer
	total := size + fencedSlab*int(unsafe.Sizeof(Span{})+unsafe.Sizeof(Attr{})+unsafe.Sizeof(Event{})+unsafe.Sizeof(Ref{})+
		unsafe.Sizeof(Segment{})+unsafe.Sizeof(Agent{})+unsafe.Sizeof(AgentRef{})) + fencedSlab + 8*64
	m, err := syscall.Mmap(-1, 0, total, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(fmt.Sprintf("span: a buffer of %d bytes cannot be mapped: %v", total, err))
	}
	rest := m
	f.Body = cutFenced[byte](&rest, size)
	f.slabs = slabs{
		side: cutFenced[byte](&rest, fencedSlab), spans: cutFenced[Span](&rest, fencedSlab), attrs: cutFenced[Attr](&rest, fencedSlab),
		events: cutFenced[Event](&rest, fencedSlab), refs: cutFenced[Ref](&rest, fencedSlab),
		segments: cutFenced[Segment](&rest, fencedSlab), agents: cutFenced[Agent](&rest, fencedSlab), agentRefs: cutFenced[AgentRef](&rest, fencedSlab),
	}
	fence.mu.Lock()
	defer fence.mu.Unlock()
	if fence.of == nil {
		fence.of = make(map[*Buffer][]byte)
	}
	fence.of[&f] = m
	return &f
}

// cutFenced is a slab of n elements at the front of what is left.
func cutFenced[T any](rest *[]byte, n int) []T {
	var zero T
	const align = 64
	size := (n*int(unsafe.Sizeof(zero)) + align - 1) / align * align
	p := (*rest)[:min(size, len(*rest))]
	*rest = (*rest)[len(p):]
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(p))), n)[:0]
}

func (f *Buffer) giveBack() {
	fence.mu.Lock()
	defer fence.mu.Unlock()
	m := fence.of[f]
	delete(fence.of, f)
	s := &f.slabs
	foul(m, s.side)
	foul(m, s.spans)
	foul(m, s.attrs)
	foul(m, s.events)
	foul(m, s.refs)
	foul(m, s.resources)
	foul(m, s.scopes)
	foul(m, s.segments)
	foul(m, s.agents)
	foul(m, s.agentRefs)
	foul(m, s.instances)
	f.Body, f.slabs = nil, slabs{}
	if err := syscall.Madvise(m, syscall.MADV_DONTNEED); err != nil {
		panic(fmt.Sprintf("span: madvise: %v", err))
	}
	if err := syscall.Mprotect(m, syscall.PROT_NONE); err != nil {
		panic(fmt.Sprintf("span: mprotect: %v", err))
	}
	if fence.gone = append(fence.gone, m); len(fence.gone) > mostFenced {
		_ = syscall.Munmap(fence.gone[0])
		fence.gone = fence.gone[1:]
	}
}

// foul fills a slab that has outgrown its mapping with what nobody wrote.
func foul[T any](mapping []byte, s []T) {
	p := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), slab(s))
	from := uintptr(unsafe.Pointer(unsafe.SliceData(mapping)))
	if at := uintptr(unsafe.Pointer(unsafe.SliceData(p))); at >= from && at < from+uintptr(len(mapping)) {
		return
	}
	for i := range p {
		p[i] = 0xa5
	}
}
