package jdb

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Save keeps a listing in a new file, as packed JSON; one that exists is an
// error, unless force is set.
func (l *Listing) Save(path string, force bool) (err error) {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return fmt.Errorf("keeping the kernel debugger's listings: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z := gzip.NewWriter(f)
	if err := json.NewEncoder(z).Encode(l); err != nil {
		return fmt.Errorf("keeping the kernel debugger's listings in %s: %w", path, err)
	}
	return z.Close()
}

// maxListing bounds a file of listings, unpacked, in bytes.
const maxListing = 64 << 20

// Load reads what Save has kept.
func Load(path string) (*Listing, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the kernel debugger's listings: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("reading the kernel debugger's listings in %s: %w", path, err)
	}
	l := &Listing{}
	if err := json.NewDecoder(io.LimitReader(z, maxListing)).Decode(l); err != nil {
		return nil, fmt.Errorf("reading the kernel debugger's listings in %s: %w", path, err)
	}
	return l, nil
}
