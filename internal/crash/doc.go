// Package crash has tests only: they run real workers as child processes over
// real servers, kill them at every step and at random, take the servers away,
// and then hold what is left against what the providers saw.
package crash
