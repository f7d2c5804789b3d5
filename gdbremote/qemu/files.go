package qemu

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// dirPrefix begins the names of private directories.
const dirPrefix = "thaw-qemu-"

// maxSocketPath is what fits a unix socket's address.
const maxSocketPath = 100

// staleAge is how old a directory without an owner must be to be removed, so
// that one being made is left alone.
const staleAge = time.Minute

// privateDir is a directory only this user can enter. Its lock file is held
// while its owner lives.
type privateDir struct {
	path string
	lock *os.File
}

func newPrivateDir(root string) (*privateDir, error) {
	path, err := os.MkdirTemp(root, dirPrefix) // mode 0700
	if err != nil {
		return nil, fmt.Errorf("making a private directory: %w", err)
	}
	d := &privateDir{path: path}
	if d.lock, err = lockFile(path); err != nil {
		d.remove()
		return nil, err
	}
	return d, nil
}

func (d *privateDir) file(name string) string { return filepath.Join(d.path, name) }

func (d *privateDir) remove() {
	os.RemoveAll(d.path)
	if d.lock != nil {
		d.lock.Close()
	}
}

// lockFile takes a directory's lock, which ends with the process that has it.
func lockFile(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking a private directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	return f, nil
}

// sweepOnce removes, once per process, what owners that were killed have left.
var sweepOnce = sync.OnceFunc(func() {
	for _, root := range []string{socketRoot(), sharedMemory} {
		sweep(root, time.Now().Add(-staleAge))
	}
})

// sweep removes this user's private directories in root that are older than
// before and have no owner.
func sweep(root string, before time.Time) {
	paths, _ := filepath.Glob(filepath.Join(root, dirPrefix+"*"))
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() || info.ModTime().After(before) {
			continue
		}
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Getuid() {
			continue
		}
		if lock, err := lockFile(path); err == nil {
			os.RemoveAll(path)
			lock.Close()
		}
	}
}

const sharedMemory = "/dev/shm"

// socketRoot is where private directories go: the usual place for temporary
// files, unless sockets in it would have names too long.
func socketRoot() string {
	root := os.TempDir()
	if len(root)+len(dirPrefix)+20 > maxSocketPath {
		return "/tmp"
	}
	return root
}

// ramRoot is a file system in memory with room for size bytes, or "".
func ramRoot(size int64) string {
	var st unix.Statfs_t
	if err := unix.Statfs(sharedMemory, &st); err != nil || int64(st.Bavail)*st.Bsize < size+size/8 {
		return ""
	}
	if unix.Access(sharedMemory, unix.W_OK) != nil {
		return ""
	}
	return sharedMemory
}

// socketPair makes two connected sockets, one to keep and one for QEMU.
func socketPair(name string) (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("making a socket pair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), name), os.NewFile(uintptr(fds[1]), name+" of QEMU"), nil
}

// listen opens the gdbstub's socket, which only this user can reach, so that it takes
// connections before QEMU is ready.
func listen(path string) (*os.File, error) {
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("gdbstub socket: %w", err)
	}
	ln.SetUnlinkOnClose(false)
	defer ln.Close()
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, fmt.Errorf("gdbstub socket: %w", err)
	}
	return ln.File()
}
