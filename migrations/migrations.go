// Package migrations holds the schema as goose SQL files, embedded. A migration
// only adds: an older worker keeps running beside a newer schema.
package migrations

import "embed"

// FS holds the files, named by version.
//
//go:embed *.sql
var FS embed.FS
