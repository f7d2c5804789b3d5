package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// version and the beginning of doctor say what a bug report needs.
func TestVersion(t *testing.T) {
	t.Parallel()
	r := thawEnv(t, []string{"LC_ALL=C.utf8", "TERM=xterm"}, "version")
	if r.code != exitOK || !strings.HasPrefix(r.stdout, "thaw") {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	for _, s := range []string{"built with go1.", "QEMU emulator version", "TERM=xterm, locale C.utf8"} {
		if !strings.Contains(r.stdout, s) {
			t.Errorf("%q is not in %s", s, r.stdout)
		}
	}
	first, _, _ := strings.Cut(r.stdout, "\n")
	if v := thaw(t, "--version"); v.stdout != first+"\n" || len(strings.Fields(first)) < 2 {
		t.Errorf("--version: %q%s", v.stdout, v.stderr)
	}
	if d := thawEnv(t, []string{"LC_ALL=C.utf8", "TERM=xterm"}, onLab("doctor")...); !strings.HasPrefix(d.stdout, r.stdout) {
		t.Errorf("doctor begins otherwise: %s", d.stdout)
	}
}

// Settings that cannot be saved are told, and nothing that must be put right.
func TestDoctorWithoutSettings(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := thawEnv(t, []string{"XDG_CONFIG_HOME=" + filepath.Join(file, "x"), "TERM=xterm"}, onLab("doctor")...)
	if r.code != exitOK || !strings.Contains(r.stdout, "--  settings") {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
}

// What is installed stands where it was asked for, whatever the folder's name, and
// everybody can read it. The program is built already.
func TestInstall(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fake := filepath.Join(dir, "go")
	script := `#!/bin/sh
if [ "$1" = env ]; then exec go "$@"; fi
while [ "$1" != -o ]; do shift; done
cp "$THAW_PROGRAM" "$2"
`
	if err := os.WriteFile(fake, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	prefix := filepath.Join(dir, "my own/$x & more")
	cmd := exec.Command("sh", "-c", `umask 077; exec make -o guest install "GO=$0" "PREFIX=$1"`, fake, strings.ReplaceAll(prefix, "$", "$$"))
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "THAW_PROGRAM="+program)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 2 {
		t.Errorf("%v, %v", all, err)
	}
	for file, mode := range map[string]os.FileMode{"bin/thaw": 0o755, "share/man/man1": 0o755, "share/man/man1/thaw.1": 0o644, "share/thaw/guest/fiasco.image": 0o644} {
		if st, err := os.Stat(filepath.Join(prefix, file)); err != nil || st.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", file, st, err)
		}
	}
}
