// Package e2e has tests only. They run the programs as their users do: built, as
// child processes, over a real NATS and Postgres, with a real mail server behind
// them, and look at nothing but what the public contract names.
package e2e
