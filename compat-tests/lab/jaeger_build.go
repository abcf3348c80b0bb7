// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	jaegerModule  = "github.com/jaegertracing/jaeger"
	jaegerVersion = "v1.76.0"
	jaegerProgram = jaegerModule + "/cmd/jaeger" // Jaeger v2; it is released with the tags of v1
)

// jaegerBinary builds Jaeger once. `go install PROGRAM@VERSION` refuses modules
// that have replace lines, so a module is made that requires this one and has
// its requirements, which keeps every version the one of the release.
func jaegerBinary(t testing.TB) string {
	t.Helper()
	dir := Fetch(t, "jaeger/"+jaegerVersion, func(ctx context.Context, dir string) error {
		module := filepath.Join(dir, "module")
		if err := os.Mkdir(module, 0o755); err != nil {
			return err
		}
		if err := requireJaeger(ctx, module); err != nil {
			return err
		}
		return buildJaeger(ctx, module, filepath.Join(dir, "jaeger"))
	})
	return filepath.Join(dir, "jaeger")
}

func requireJaeger(ctx context.Context, module string) error {
	var source string
	err := retry(ctx, "download "+jaegerModule, func(ctx context.Context) error {
		out, err := goCommand(ctx, module, "mod", "download", "-json", jaegerModule+"@"+jaegerVersion)
		if err != nil {
			return err
		}
		var answer struct{ Dir string }
		if err := json.Unmarshal(out, &answer); err != nil {
			return err
		}
		source = answer.Dir
		return nil
	})
	if err != nil {
		return err
	}
	theirs, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil {
		return err
	}
	var mod strings.Builder
	mod.WriteString("module spanbridgelab/jaeger\n")
	for line := range strings.Lines(string(theirs)) {
		if !strings.HasPrefix(line, "module ") && !strings.HasPrefix(line, "tool ") {
			mod.WriteString(line)
		}
	}
	mod.WriteString("require " + jaegerModule + " " + jaegerVersion + "\n")
	sum, err := os.ReadFile(filepath.Join(source, "go.sum"))
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(module, "go.mod"), []byte(mod.String()), 0o644),
		os.WriteFile(filepath.Join(module, "go.sum"), sum, 0o644),
	)
}

func buildJaeger(ctx context.Context, module, binary string) error {
	// Listing the packages downloads what the build needs, and no more.
	err := retry(ctx, "download the modules of "+jaegerProgram, func(ctx context.Context) error {
		_, err := goCommand(ctx, module, "list", "-deps", jaegerProgram)
		return err
	})
	if err != nil {
		return err
	}
	_, err = goCommand(ctx, module, "build", "-trimpath", "-ldflags=-s -w", "-o", binary, jaegerProgram)
	return err
}

func goCommand(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", args[0], err, lastLines(stderr.Bytes()))
	}
	return out, nil
}
