// Package archtest has tests only: they read the sources of this module and hold
// them to the rules of the house, such as which package may import which, and
// hold docs/REQUIREMENTS.md to the tests that it names.
package archtest
