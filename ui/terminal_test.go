package ui

import "testing"

// A locale is asked as POSIX says, and UTF-8 is known however it is written.
func TestUTF8Locale(t *testing.T) {
	for _, c := range []struct {
		all, ctype, lang string
		want             bool
	}{
		{"C.utf8", "", "", true}, {"en_US.utf-8", "", "", true}, {"", "", "de_DE.UTF-8@euro", true}, {"", "C.UTF-8", "C", true}, {"", "", "en_US", true},
		{"C", "", "de_DE.UTF-8", false}, {"POSIX", "", "", false}, {"de_DE.ISO-8859-1", "", "C.UTF-8", false}, {"ru_RU.KOI8-R", "", "", false}, {"zh_CN.GB18030", "", "", false},
		{"", "", "C", false},
	} {
		t.Setenv("LC_ALL", c.all)
		t.Setenv("LC_CTYPE", c.ctype)
		t.Setenv("LANG", c.lang)
		if got := UTF8Locale(); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
