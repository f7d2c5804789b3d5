package debuginfo

import (
	"fmt"
	"strconv"
	"strings"
)

// Bounds on how much of a value is put into words.
const (
	formatElems = 16
	formatText  = 200
)

// Format puts a value into words as GDB does: "{ip = 16777216, name = \"ep\"}".
// Structs inside structs are shown to the given depth. What cannot be read is
// shown as <why>.
func (v Value) Format(depth int) string {
	if depth < 0 {
		return "..."
	}
	if v.Type == nil {
		return "<" + errNoType.Error() + ">"
	}
	u := v.Type.Underlying()
	switch {
	case u == nil:
		return "void"
	case v.Type.IsStruct():
		return v.formatStruct(u, depth)
	case u.Kind == KindArray:
		return v.formatArray(u, depth)
	case u.Kind == KindEnum:
		return v.formatEnum(u)
	case u.Kind == KindBase && u.Encoding == EncodingFloat:
		f, err := v.Float64()
		return orWhy(strconv.FormatFloat(f, 'g', -1, 64), err)
	case u.Kind == KindRef:
		d, err := v.Deref()
		if err != nil {
			return why(err)
		}
		if depth <= 0 {
			return fmt.Sprintf("@%#x", d.Addr)
		}
		return fmt.Sprintf("@%#x: %s", d.Addr, d.Format(depth-1))
	}
	n, err := v.Int64()
	if err != nil {
		return why(err)
	}
	switch {
	case u.Kind == KindPointer:
		return v.formatPointer(u, uint64(n))
	case u.Encoding == EncodingBool && uint64(n) <= 1:
		return strconv.FormatBool(n == 1)
	case u.Encoding == EncodingChar && u.Size == 1:
		return fmt.Sprintf("%d %s", n, strconv.QuoteRuneToASCII(rune(byte(n))))
	case u.Signed:
		return strconv.FormatInt(n, 10)
	}
	return strconv.FormatUint(uint64(n), 10)
}

func why(err error) string { return "<" + err.Error() + ">" }

func orWhy(s string, err error) string {
	if err != nil {
		return why(err)
	}
	return s
}

func (v Value) formatStruct(u *Type, depth int) string {
	if u.Incomplete {
		return "<incomplete type>"
	}
	if depth <= 0 {
		return "{...}"
	}
	var parts []string
	for _, f := range v.Parts(len(u.Fields)) {
		if f.Err != nil {
			parts = append(parts, f.Name+" = "+why(f.Err))
			continue
		}
		text := f.Value.Format(depth - 1)
		switch {
		case f.Base:
			text = "<" + f.Name + "> = " + text
		case f.Name != "":
			text = f.Name + " = " + text
		}
		parts = append(parts, text)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (v Value) formatArray(u *Type, depth int) string {
	if isChar(u.Elem) {
		if s, err := v.String(); err == nil {
			return quote(s)
		}
	}
	if depth <= 0 {
		return "{...}"
	}
	var parts []string
	for _, e := range v.elements(u, formatElems) {
		parts = append(parts, orWhy(e.Value.Format(depth-1), e.Err))
	}
	if u.Count > formatElems {
		parts = append(parts, "...")
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func quote(s string) string {
	if len(s) > formatText {
		return strconv.QuoteToASCII(s[:formatText]) + "..."
	}
	return strconv.QuoteToASCII(s)
}

func (v Value) formatEnum(u *Type) string {
	n, err := v.Int64()
	if err != nil {
		return why(err)
	}
	for _, e := range u.Enumerators {
		if e.Value == n {
			return e.Name
		}
	}
	if names, rest := u.FlagNames(uint64(n)); len(names) > 0 {
		if rest != 0 {
			names = append(names, fmt.Sprintf("%#x", rest))
		}
		return "(" + strings.Join(names, " | ") + ")"
	}
	return strconv.FormatInt(n, 10)
}

func (v Value) formatPointer(u *Type, n uint64) string {
	text := fmt.Sprintf("%#x", n)
	if n == 0 {
		return text
	}
	switch {
	case isChar(u.Elem):
		if s, err := v.String(); err == nil {
			return text + " " + quote(s)
		}
	default:
		if sym, off, ok := v.scope.File.SymbolAt(n); ok && off == 0 {
			return text + " <" + sym.Name + ">"
		} else if ok {
			return fmt.Sprintf("%s <%s+%d>", text, sym.Name, off)
		}
	}
	return text
}
