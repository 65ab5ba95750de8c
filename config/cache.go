package config

import "time"

// CacheSizes bounds what one worker keeps in memory.
type CacheSizes struct {
	Entries int `mapstructure:"entries"`
}

// Cache is how long answers of look-ups are kept.
type Cache struct {
	Providers map[string]ProviderCache `mapstructure:"providers"`
}

// ProviderCache is the rule for every call of a provider, and those of calls
// that have one of their own.
type ProviderCache struct {
	CacheRule `mapstructure:",squash"`
	Calls     map[string]CacheRule `mapstructure:"calls"`
}

// CacheRule is how long an answer is fresh, how much longer it may be served
// when every provider fails, and how long "not found" is believed.
type CacheRule struct {
	TTL      time.Duration `mapstructure:"ttl"`
	Stale    time.Duration `mapstructure:"stale"`
	Negative time.Duration `mapstructure:"negative"`
}

// Of returns the rule for one call of a provider. Every provider of a business
// or address driver has one; for others it is zero: nothing is kept.
func (c Cache) Of(provider, call string) CacheRule {
	rules := c.Providers[provider]
	if rule, ok := rules.Calls[call]; ok {
		return rule
	}
	return rules.CacheRule
}
