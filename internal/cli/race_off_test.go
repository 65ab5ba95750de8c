//go:build !race

package cli

const streamed = 100_000
