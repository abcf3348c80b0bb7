// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is one that was started here. It ends with this one, however that ends.
type process struct {
	command *exec.Cmd
	input   io.WriteCloser
	ended   chan struct{}
	err     error // of its end
	logFile string
}

// endLimit is how long a process may take to end when it is asked.
const endLimit = 20 * time.Second

// starter starts processes from one thread that never ends: the kernel kills the
// children of a thread when it ends, and gives them the processors of the thread.
// What it started does not outlive its context.
type starter struct {
	context context.Context
	jobs    chan func()
	all     unix.CPUSet
}

func newStarter(ctx context.Context) (*starter, error) {
	s := &starter{context: ctx, jobs: make(chan func())}
	if err := unix.SchedGetaffinity(0, &s.all); err != nil {
		return nil, err
	}
	go func() {
		runtime.LockOSThread()
		for job := range s.jobs {
			job()
		}
	}()
	return s, nil
}

// core is the n-th processor that this process may use, or the last one.
func (s *starter) core(n int) (set unix.CPUSet) {
	last := -1
	for i := range len(s.all) * 64 {
		if !s.all.IsSet(i) {
			continue
		}
		if last = i; n == 0 {
			break
		}
		n--
	}
	set.Set(last)
	return set
}

// start starts a process on a processor. What it writes goes to a file; of its
// standard output only if there is no other file for that.
func (s *starter) start(core int, logFile string, output *os.File, environment []string, program string, arguments ...string) (*process, error) {
	p := &process{command: exec.Command(program, arguments...), ended: make(chan struct{}), logFile: logFile}
	p.command.Env = environment
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	input, err := p.command.StdinPipe()
	if err != nil {
		return nil, err
	}
	p.input = input
	log, err := os.Create(logFile)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.command.Stdout, p.command.Stderr = log, log
	if output != nil {
		p.command.Stdout = output
	}
	done := make(chan error)
	s.jobs <- func() {
		pinned := s.core(core)
		err := unix.SchedSetaffinity(0, &pinned)
		if err == nil {
			err = p.command.Start()
			_ = unix.SchedSetaffinity(0, &s.all)
		}
		done <- err
	}
	if err := <-done; err != nil {
		return nil, fmt.Errorf("%s: %w", program, err)
	}
	dies := context.AfterFunc(s.context, func() { _ = p.command.Process.Kill() })
	go func() {
		p.err = p.command.Wait()
		dies()
		close(p.ended)
	}()
	return p, nil
}

// stop asks the process to end, and kills it if it does not.
func (p *process) stop() {
	_ = p.input.Close()
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(endLimit):
		p.kill()
	}
}

func (p *process) kill() {
	_ = p.command.Process.Kill()
	<-p.ended
}

// await waits until a condition holds, the process has ended or the time is over.
func (p *process) await(ctx context.Context, limit time.Duration, what string, holds func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := holds()
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended before it was %s: %w: %s", p.command.Path, what, p.err, p.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("%s is not %s: %w: %s", p.command.Path, what, err, p.lastWords())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// lastWords are the end of what it wrote to standard error.
func (p *process) lastWords() string {
	text, err := os.ReadFile(p.logFile)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-2000):]))
}

// processorTime is what all threads of the process have used so far, those that
// ended too, in nanoseconds: /proc counts in hundredths of a second.
func (p *process) processorTime() (time.Duration, error) {
	var t unix.Timespec
	// See clock_getcpuclockid(3): the clock of a process is made of its number.
	clock := int32(^p.command.Process.Pid<<3 | 2)
	if err := unix.ClockGettime(clock, &t); err != nil {
		return 0, fmt.Errorf("processor time of %s: %w", p.command.Path, err)
	}
	return time.Duration(t.Nano()), nil
}

// peakMemory is the most of it that was resident, in bytes.
func (p *process) peakMemory() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no VmHWM", p.command.Process.Pid)
}

// over is true when the process has ended.
func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}
