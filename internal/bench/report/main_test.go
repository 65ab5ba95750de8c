package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	const printed = `goos: linux
BenchmarkCeiling/narrow-2   1  1 ns/op  40000 commands/s
BenchmarkCeiling/narrow-2   1  1 ns/op  60000 commands/s
BenchmarkCeiling/narrow-2   1  1 ns/op  50000 commands/s
BenchmarkEngine/noop-2      1  1 ns/op  20000 commands/s
BenchmarkEngine/noop-2      1  1 ns/op  10000 commands/s
BenchmarkSteady-2           1  1 ns/op  4.25 p50-ms
PASS
`
	var out strings.Builder
	if err := run(strings.NewReader(printed), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Ceiling/narrow  commands/s  50000   40000–60000     3",
		"Engine/noop     commands/s  15000   10000–20000     2     30 % of the raw loop",
		"Steady          p50-ms      4.25    4.25–4.25       1",
		"processors",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "sec/op") {
		t.Error("the time of a whole iteration is shown")
	}
	if err := run(strings.NewReader("PASS\n"), &out); err == nil {
		t.Error("nothing measured is no error")
	}
}
