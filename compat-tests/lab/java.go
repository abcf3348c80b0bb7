// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Classes compiles all Java sources below a folder of files against a class
// path and returns the folder with the classes. Files that are not Java sources
// are copied beside them, as resources.
func Classes(t testing.TB, name string, files fs.FS, classpath string) string {
	t.Helper()
	parts := []string{classpath}
	walkFiles(t, files, func(path string, content []byte) {
		parts = append(parts, path, string(content))
	})
	return Fetch(t, "classes/"+name+"-"+contentKey(parts...), func(ctx context.Context, dir string) error {
		return compile(ctx, files, classpath, dir)
	})
}

func compile(ctx context.Context, files fs.FS, classpath, dir string) error {
	src, err := os.MkdirTemp("", "lab-java-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(src)
	if err := os.CopyFS(src, files); err != nil {
		return err
	}
	args := []string{"-proc:none", "-Xlint:-options", "-encoding", "UTF-8", "-d", dir}
	if classpath != "" {
		args = append(args, "-cp", classpath)
	}
	err = fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.HasSuffix(path, ".java") {
			args = append(args, filepath.Join(src, path))
			return nil
		}
		b, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, b, 0o644)
	})
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "javac", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("javac: %w: %s", err, lastLines(out))
	}
	return nil
}

// walkFiles visits the files in the order of their names.
func walkFiles(t testing.TB, files fs.FS, visit func(path string, content []byte)) {
	t.Helper()
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, path)
		if err == nil {
			visit(path, b)
		}
		return err
	})
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
}

// JVM is a Java command for a small program on a loaded machine: what takes
// long in a short run is compiling, not running.
func JVM(heap string, args ...string) *exec.Cmd {
	return exec.Command("java", append([]string{"-Xmx" + heap, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"}, args...)...)
}
