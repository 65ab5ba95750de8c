package broker_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// restartCommand is what the test binary is started with to restart the server
// of the test that started it: watermill's suite wants a program for that.
const restartCommand = "restart-broker"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == restartCommand {
		if err := askForRestart(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	testkit.Main(m)
}

// askForRestart returns when the other side has closed the connection.
func askForRestart(address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = io.ReadAll(conn)
	return err
}

// restarts listens for askForRestart, calls restart for each, and returns the
// address.
func restarts(t *testing.T, restart func()) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			restart()
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	return listener.Addr().String()
}
