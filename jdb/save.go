package jdb

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"thaw/readfile"
)

// Write writes a listing as packed JSON.
func (l *Listing) Write(w io.Writer) error {
	z := gzip.NewWriter(w)
	if err := errors.Join(json.NewEncoder(z).Encode(l), z.Close()); err != nil {
		return fmt.Errorf("keeping the kernel debugger's listings: %w", err)
	}
	return nil
}

// maxListing bounds a file of listings, unpacked, in bytes.
const maxListing = 64 << 20

// Load reads what Write has written.
func Load(path string) (*Listing, error) {
	f, err := readfile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the kernel debugger's listings in %s: %w", path, err)
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
