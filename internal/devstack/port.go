package devstack

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// AnyPort asks for any free port.
const AnyPort = -1

// Free ports are taken from here: below the range from which the kernel gives
// out the local ports of connections and of listeners on port 0, so that a port
// stays free between our look at it and the server's, and over a restart.
const lowestFree, highestFree = 20000, 32000

// choosePort returns the port to listen on: wanted itself when it is positive
// (an error when it is taken), the usual one or else a free one for 0, a free
// one for [AnyPort].
func choosePort(host string, wanted, usual int) (int, error) {
	switch {
	case wanted > 0:
		return wanted, listenable(host, wanted)
	case wanted == 0 && listenable(host, usual) == nil:
		return usual, nil
	}
	return FreePort(host)
}

// FreePort returns a port that nobody listens on at host.
func FreePort(host string) (int, error) {
	var err error
	for range 100 {
		port := lowestFree + rand.IntN(highestFree-lowestFree)
		if err = listenable(host, port); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port between %d and %d: %w", lowestFree, highestFree, err)
}

func listenable(host string, port int) error {
	listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return listener.Close()
}
