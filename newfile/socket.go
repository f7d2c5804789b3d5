package newfile

import (
	"errors"
	"net"
	"os"
)

// OwnSocket makes a unix socket that was opened at a path its owner's alone, whatever the
// umask is. remove removes it, unless something else stands at its path by then.
func OwnSocket(ln *net.UnixListener, path string) (remove func() error, err error) {
	ln.SetUnlinkOnClose(false) // that looks at the path alone
	mine, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	remove = func() error { return RemoveOwn(path, mine) }
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, remove())
	}
	return remove, nil
}
