package main

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

type nested struct{ Next *nested }

// PHP would keep the session aside, and the user would be logged out.
func TestRefusesWhatPHPCannotRead(t *testing.T) {
	var deep any = 1
	for i := 0; i < 512; i++ {
		deep = []any{deep}
	}
	for name, value := range map[string]any{
		"NaN": math.NaN(), "infinity": math.Inf(1), "function": func() {}, "channel": make(chan int),
		"huge": json.Number("1e999"), "digits": json.Number(strings.Repeat("9", 400)), "deep": deep,
		"half a pair": json.RawMessage(`"\ud800"`), "the other half": json.RawMessage(`"\ud83dx\ude00"`),
		"a name": json.RawMessage(`{"\uDC00":1}`), "no UTF-8": json.RawMessage("\"\xff\""),
	} {
		s := &Session{}
		if err := s.Set("x", value); err == nil || s.changed {
			t.Errorf("%s is not refused", name)
		}
	}
	for name, value := range map[string]any{
		"deep": deep.([]any)[0], "a pair": json.RawMessage(`"\ud83d\ude00"`), "a backslash": json.RawMessage(`"\\ud800"`),
		"bytes": []byte{255}, "number": json.Number("1e300"), "not UTF-8": "\xff", "null": (*nested)(nil),
	} {
		if err := (&Session{}).Set("x", value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
