// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	tailLines = 60
	termLimit = 20 * time.Second
	endLimit  = 2 * time.Minute

	// A JVM that was asked to end runs its hooks and exits with this status.
	jvmTerminated = 128 + int(syscall.SIGTERM)
)

// Process is a program that runs beside a test.
type Process struct {
	Name string
	PID  int
	Log  string // path of the file with what it printed

	exited chan struct{}
	err    error // how it ended, once exited is closed
}

// Start runs cmd until the test ends or Stop is called. Its output goes to a
// file of its own; the end of that file is printed when the test has failed.
// With `go test -artifacts` the file is kept.
func Start(t testing.TB, name string, cmd *exec.Cmd) *Process {
	t.Helper()
	log := createLog(t, name)
	if cmd.Stdout == nil {
		cmd.Stdout = log
	}
	cmd.Stderr = log
	// A child that outlives it may hold its output open.
	cmd.WaitDelay = termLimit
	apart(cmd)
	if err := cmd.Start(); err != nil {
		log.Close()
		t.Fatalf("lab: start %s: %v", name, err)
	}
	p := &Process{Name: name, PID: cmd.Process.Pid, Log: log.Name(), exited: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		log.Close()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("lab: end of the log of %s (pid %d):\n%s", p.Name, p.PID, p.Tail())
		}
	})
	return p
}

// Run waits until cmd has ended by itself and returns what it wrote to standard
// output. An exit status other than 0, or none within the limit, fails the test.
func Run(t testing.TB, name string, cmd *exec.Cmd, limit time.Duration) string {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout = &out
	p := Start(t, name, cmd)
	select {
	case <-p.exited:
	case <-time.After(limit):
		t.Fatalf("lab: %s still runs after %v", name, limit)
	}
	if p.err != nil {
		t.Fatalf("lab: %s: %v, printed %q", name, p.err, out.String())
	}
	return out.String()
}

// Await polls until ready returns nil. The test fails when the process ends
// first or the limit is over.
func (p *Process) Await(t testing.TB, limit time.Duration, what string, ready func(ctx context.Context) error) {
	t.Helper()
	Eventually(t, limit, p.Name+": "+what, func(ctx context.Context) error {
		select {
		case <-p.exited:
			t.Fatalf("lab: %s ended before %s: %v", p.Name, what, p.err)
		default:
		}
		return ready(ctx)
	})
}

// Running tells whether the process has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// Stop asks the process and its children to end, and forces them to if they do
// not. It returns when the process has ended.
func (p *Process) Stop() {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(termLimit):
	}
	// Even a process that ended in time may have left children.
	p.signal(syscall.SIGKILL)
	<-p.exited
}

// End is Stop for a program whose ending matters, since it sends what is left:
// the test fails unless the program ends by itself when asked.
func (p *Process) End(t testing.TB) {
	t.Helper()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(endLimit):
		t.Fatalf("lab: %s still runs %v after it was asked to end", p.Name, endLimit)
	}
	var exit *exec.ExitError
	if errors.As(p.err, &exit) && exit.ExitCode() == jvmTerminated {
		return
	}
	if p.err != nil {
		t.Fatalf("lab: %s: %v, want a clean end", p.Name, p.err)
	}
}

// Kill ends the process at once, as a crash would.
func (p *Process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.exited
}

// signal reaches the whole group that the process leads.
func (p *Process) signal(sig syscall.Signal) {
	syscall.Kill(-p.PID, sig)
}

// Tail returns the last lines of the log.
func (p *Process) Tail() string {
	b, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}

// Eventually polls until check returns nil and fails the test with its last
// error when the limit is over.
func Eventually(t testing.TB, limit time.Duration, what string, check func(ctx context.Context) error) {
	t.Helper()
	eventually(t.Context(), t, limit, what, check)
}

// EventuallyAfter is Eventually for cleanups, when the test's own context is
// over.
func EventuallyAfter(t testing.TB, limit time.Duration, what string, check func(ctx context.Context) error) {
	t.Helper()
	eventually(context.WithoutCancel(t.Context()), t, limit, what, check)
}

func eventually(parent context.Context, t testing.TB, limit time.Duration, what string, check func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(parent, limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		// One attempt that hangs must not use up the whole limit.
		one, stop := context.WithTimeout(ctx, 10*time.Second)
		err := check(one)
		stop()
		if err == nil {
			return
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			t.Fatalf("lab: %s: not within %v: %v", what, limit, last)
		case <-tick.C:
		}
	}
}

// Answers is a check for Eventually: a GET of the URL must give status 200.
func Answers(url string) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		_, err := get(ctx, url)
		return err
	}
}

// get returns the body of a 200 answer.
func get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return do(req)
}

func do(req *http.Request) ([]byte, error) {
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, &statusError{url: req.URL.String(), status: res.StatusCode, body: string(body)}
	}
	return body, nil
}

// statusError is an answer other than 200.
type statusError struct {
	url    string
	status int
	body   string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s: status %d, want 200: %.300s", e.url, e.status, e.body)
}

func createLog(t testing.TB, name string) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.ArtifactDir(), filepath.Base(name)+"-*.log")
	if err != nil {
		t.Fatalf("lab: log of %s: %v", name, err)
	}
	return f
}
