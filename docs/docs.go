// Package docs embeds the documents that the program serves.
package docs

import _ "embed" // for the documents

// OpenAPI describes the API of the admin listener.
//
//go:embed openapi.yaml
var OpenAPI []byte
