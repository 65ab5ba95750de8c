//go:build race

package cli

// The race detector makes decoding ten times slower.
const streamed = 20_000
