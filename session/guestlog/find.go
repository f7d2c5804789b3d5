package guestlog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"thaw/session/view"
	"thaw/words"
)

// Hit is a line of the LOG, numbered from 1.
type Hit struct {
	Line int
	Text string
}

// finder looks for a text, in whatever case, in lines that are left out.
type finder struct {
	needle string
	gap    view.LogGap
	at     int // lines before the next one
	hits   []Hit
}

func newFinder(needle string, gap view.LogGap) *finder {
	return &finder{needle: strings.ToLower(needle), gap: gap}
}

func (f *finder) line(text string) {
	if f.at >= f.gap.At && f.at < f.gap.At+f.gap.Lines && len(f.hits) < mostHits && strings.Contains(strings.ToLower(text), f.needle) {
		f.hits = append(f.hits, Hit{f.at + 1, text})
	}
	f.at++
}

// back goes back to where there were n lines: those that came behind are no more.
func (f *finder) back(n int) {
	f.at = n
	for len(f.hits) > 0 && f.hits[len(f.hits)-1].Line > n {
		f.hits = f.hits[:len(f.hits)-1]
	}
}

// mostHits bounds what is found.
const mostHits = 1000

// FindIn looks for a text in what is left out of lines that are all there.
func FindIn(lines []string, gap view.LogGap, needle string) []Hit {
	f := newFinder(needle, gap)
	for _, l := range lines {
		f.line(l)
	}
	return f.hits
}

// Find looks for a text in what is left out. It reads the file, up to what it holds now.
func (b *Book) Find(needle string) ([]Hit, error) {
	b.mu.Lock()
	gap, path, size, backs := b.gap, b.path, b.size, b.backs
	b.mu.Unlock()
	switch {
	case gap.Lines == 0:
		return nil, nil
	case path == "":
		return nil, fmt.Errorf("%s of the LOG are left out and cannot be searched: %s", words.Count(gap.Lines, "line"), gap.Where)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("searching the file of the LOG: %w", err)
	}
	defer file.Close()
	f := newFinder(needle, gap)
	r := bufio.NewReader(io.LimitReader(file, int64(size)))
	for at := 0; ; {
		text, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return f.hits, nil
		}
		if err != nil {
			return nil, fmt.Errorf("searching the file of the LOG: %w", err)
		}
		if len(backs) > 0 && backs[0].at == at { // this line is our own, about that
			f.back(backs[0].line)
			backs = backs[1:]
		} else {
			f.line(strings.TrimSuffix(text, "\n"))
		}
		at += len(text)
	}
}
