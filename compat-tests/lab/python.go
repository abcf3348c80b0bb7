// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ErrNoPython tells that this machine has no interpreter of the version asked
// for. Of all that can be missing only this does not fail a test by itself: old
// versions are hard to get, and the requests of their clients can be replayed.
var ErrNoPython = errors.New("no Python of this version")

// Python returns the interpreter of a virtual environment that has the packages
// of requirements (the text of a pip requirements file, pinned, whole). The
// versions, such as "3.8" or "3", are tried in turn; $BRIDGE_PYTHON38 names the
// interpreter for "3.8". The error wraps ErrNoPython if none runs here.
func Python(t testing.TB, requirements string, versions ...string) (string, error) {
	t.Helper()
	base, full, err := interpreter(t.Context(), versions)
	if err != nil {
		return "", err
	}
	dir := Fetch(t, "python/"+full+"-"+contentKey(base, requirements), func(ctx context.Context, dir string) error {
		return makeEnvironment(ctx, base, dir, requirements)
	})
	return filepath.Join(dir, "bin", "python"), nil
}

func makeEnvironment(ctx context.Context, base, dir, requirements string) error {
	if out, err := exec.CommandContext(ctx, base, "-m", "venv", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("venv: %w: %s", err, lastLines(out))
	}
	file := filepath.Join(dir, "requirements.txt")
	if err := os.WriteFile(file, []byte(requirements), 0o644); err != nil {
		return err
	}
	// Pinned lists are whole: a resolver could only disagree with them.
	args := []string{"-m", "pip", "install", "--no-input", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", file}
	return retry(ctx, "pip install", func(ctx context.Context) error {
		if out, err := exec.CommandContext(ctx, filepath.Join(dir, "bin", "python"), args...).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, lastLines(out))
		}
		return nil
	})
}

// interpreter finds a Python that runs: a name on the path may belong to a
// version switcher that has no such version to switch to.
func interpreter(ctx context.Context, versions []string) (python, full string, err error) {
	var tried []string
	for _, version := range versions {
		for _, name := range candidates(version) {
			full, err := versionOf(ctx, name)
			if err != nil {
				tried = append(tried, fmt.Sprintf("%s (%v)", name, err))
				continue
			}
			if strings.HasPrefix(full, version+".") {
				return name, full, nil
			}
			tried = append(tried, fmt.Sprintf("%s (is %s)", name, full))
		}
	}
	return "", "", fmt.Errorf("%w: want %s, tried %s", ErrNoPython, strings.Join(versions, " or "), strings.Join(tried, ", "))
}

func candidates(version string) []string {
	var names []string
	if path := os.Getenv("BRIDGE_PYTHON" + strings.ReplaceAll(version, ".", "")); path != "" {
		names = append(names, path)
	}
	names = append(names, "python"+version)
	if home, err := os.UserHomeDir(); err == nil {
		switched, _ := filepath.Glob(filepath.Join(home, ".pyenv", "versions", version+".*", "bin", "python"+version))
		names = append(names, switched...)
	}
	return names
}

// versionOf runs the interpreter: a name that exists proves nothing.
func versionOf(ctx context.Context, python string) (string, error) {
	out, err := exec.CommandContext(ctx, python, "-c", "import sys, venv; print('.'.join(map(str, sys.version_info[:3])))").Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return "", fmt.Errorf("%w: %s", err, lastLines(exit.Stderr))
		}
		return "", err
	}
	return strings.TrimSpace(string(out)), nil
}
