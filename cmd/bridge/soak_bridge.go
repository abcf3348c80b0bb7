// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// soakBridge is the bridge under test: a process, in one life after the other.
type soakBridge struct {
	program string
	dir     string // of the configuration, the log and, in queue, the queue
	queue   string
	ports   map[string]string // addresses of the receivers
	admin   string
	log     *soakLog
	text    string // the configuration
	serve   func(life int) []string

	cmd   *exec.Cmd
	ended chan error // of this life
	lives int
}

// startLimit is how long a start may take: it reads the whole queue.
const startLimit = time.Minute

func newSoakBridge(program, dir, limits string, ways []soakWay, targets []*soakTarget) (*soakBridge, error) {
	b := &soakBridge{program: program, dir: dir, queue: filepath.Join(dir, "queue"), ports: make(map[string]string), log: &soakLog{}}
	var text strings.Builder
	text.WriteString("receivers:\n")
	used := func(port string) bool {
		return slices.ContainsFunc(ways, func(w soakWay) bool { return w.port == port })
	}
	var given []string
	for _, p := range known(protocols(nil)).Ports {
		if !used(p.Name) {
			fmt.Fprintf(&text, "  %s: {enabled: false}\n", p.Name)
			continue
		}
		address, err := openPort(p.UDP, given)
		if err != nil {
			return nil, err
		}
		given = append(given, address)
		b.ports[p.Name] = address
		fmt.Fprintf(&text, "  %s: {listen: %q}\n", p.Name, address)
	}
	var err error
	if b.admin, err = openPort(false, given); err != nil {
		return nil, err
	}
	fmt.Fprintf(&text, "admin: {listen: %q}\nview: {enabled: false}\nshutdown: {drain: 500ms}\n%squeue: {dir: %q}\ntargets:\n", b.admin, limits, b.queue)
	for _, t := range targets {
		fmt.Fprintf(&text, "  %s: {kind: %s, endpoint: %q, timeout: 2s, retry: {initial: 50ms, max: 500ms}, headers: {%s: %q}}\n", t.name, t.kind, t.endpoint(), lifeHeader, lifeMark)
	}
	b.text = text.String()
	b.serve = func(int) []string { return []string{"serve", "--config", b.config()} }
	return b, nil
}

// lifeMark stands in the text of the configuration for the number of the life.
const lifeMark = "%LIFE%"

func (b *soakBridge) config() string { return filepath.Join(b.dir, "bridge.yaml") }

// The ports that a soak chooses from: none that a protocol knows by number, and
// none that the tests of this repository choose from for other gateways, which may
// not have opened them yet.
const (
	firstSoakPort = 16_700
	soakPorts     = 3_300
)

// openPort finds a port on loopback that nobody uses, below the range from which
// outgoing connections get theirs, since it must be free again after each kill.
func openPort(udp bool, not []string) (string, error) {
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", firstSoakPort+rand.IntN(soakPorts))
		if slices.Contains(not, address) {
			continue
		}
		var free io.Closer
		var err error
		var lc net.ListenConfig
		if udp {
			free, err = lc.ListenPacket(context.Background(), "udp", address)
		} else {
			free, err = lc.Listen(context.Background(), "tcp", address)
		}
		if err == nil {
			return address, free.Close()
		}
	}
	return "", errors.New("no free port in 1000 tries")
}

// start starts a life, and waits until it is ready.
func (b *soakBridge) start(ctx context.Context) error {
	b.lives++
	b.log.mark("life %d", b.lives)
	if err := os.WriteFile(b.config(), []byte(strings.ReplaceAll(b.text, lifeMark, fmt.Sprint(b.lives))), 0o600); err != nil {
		return err
	}
	b.cmd = exec.Command(b.program, b.serve(b.lives)...) //nolint:gosec,noctx // the operator names it, and ends it by a fault
	// Settings of the surroundings are not for it.
	b.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BRIDGE_") })
	b.cmd.Stdout, b.cmd.Stderr = b.log, b.log
	b.cmd.SysProcAttr = apart()
	if err := b.cmd.Start(); err != nil {
		return fmt.Errorf("the bridge under test: %w", err)
	}
	cmd, ended := b.cmd, make(chan error, 1)
	b.ended = ended
	go func() { ended <- cmd.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		if b.ready(ctx) {
			return nil
		}
		select {
		case err := <-b.ended:
			b.ended <- err
			return fmt.Errorf("the bridge under test ended at its start: %w\n%s", errOr(err), b.log.tail())
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the bridge under test is not ready: %w\n%s", ctx.Err(), b.log.tail())
		}
	}
}

func errOr(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

func (b *soakBridge) ready(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.admin+"/readyz", http.NoBody)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// died is the reason when the bridge ended and nobody asked it to; nil while it
// runs.
func (b *soakBridge) died() error {
	select {
	case err := <-b.ended:
		b.ended <- err
		return fmt.Errorf("the bridge under test ended by itself: %w\n%s", errOr(err), b.log.tail())
	default:
		return nil
	}
}

// kill ends it as a crash would.
func (b *soakBridge) kill() {
	_ = b.cmd.Process.Kill()
	err := <-b.ended
	b.ended <- err
}

// stop asks it to end, which marks the end of its last segment.
func (b *soakBridge) stop() error {
	if runtime.GOOS == "windows" { // where nobody can be asked
		b.kill()
		return nil
	}
	_ = b.cmd.Process.Signal(os.Interrupt)
	select {
	case err := <-b.ended:
		b.ended <- err
		if err != nil {
			return fmt.Errorf("the bridge under test did not end in order: %w\n%s", err, b.log.tail())
		}
		return nil
	case <-time.After(startLimit):
		b.kill()
		return fmt.Errorf("the bridge under test did not end when asked\n%s", b.log.tail())
	}
}

// soakLog keeps the end of what the bridge under test says.
type soakLog struct {
	mu   sync.Mutex
	text []byte
}

// mostLog bounds what is kept.
const mostLog = 256 << 10

func (l *soakLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	if n := len(l.text) - mostLog; n > mostLog {
		l.text = append(l.text[:0], l.text[n:]...)
	}
	return len(p), nil
}

func (l *soakLog) mark(format string, args ...any) {
	fmt.Fprintf(l, "--- "+format+"\n", args...)
}

// tail is the last lines.
func (l *soakLog) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text[max(0, len(l.text)-4000):])
}

func (l *soakLog) all() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.text)
}
