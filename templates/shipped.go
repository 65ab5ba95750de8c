package templates

import "embed"

// shipped holds the templates of the portal. The patterns name the extensions, so
// that a new folder is embedded without a line of code.
//
//go:embed _*.html _*.txt _*.yaml */*.subject */*.html */*.txt */*.sms */*.yaml
var shipped embed.FS
