// Package fleet has tests only: several workers, as processes or as parts of one,
// on one NATS and one Postgres, that must behave as one careful client of each
// provider.
package fleet
