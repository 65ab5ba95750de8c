package app

import "runtime"

// deepStack is what the path of a command needs of a goroutine's stack, in bytes,
// down to a provider's driver.
const deepStack = 12 << 10

// growStack makes room for the path of a command at once, while there is nothing
// to move. Each command runs on a goroutine of its own, which begins with 2 KiB;
// grown on the way down, step by step, the stack was copied three times with all
// its frames, for a tenth of what a command costs.
// It is called with false: the room is made on entry, and need not be cleared.
//
//go:noinline
func growStack(use bool) {
	if use {
		var room [deepStack]byte
		runtime.KeepAlive(&room)
	}
}
