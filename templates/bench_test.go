package templates

import "testing"

// BenchmarkEmail renders a shipped mail with all its variables: the part of
// email.send that is ours before a provider is called.
func BenchmarkEmail(b *testing.B) {
	set, err := Load(Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"application-received", "supplement-requested", "password-reset"} {
		variables := set.Examples(name, "ko")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := set.Email(name, "ko", variables); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSMS(b *testing.B) {
	set, err := Load(Options{})
	if err != nil {
		b.Fatal(err)
	}
	variables := set.Examples("application-received", "ko")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := set.SMS("application-received", "ko", variables); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := Load(Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
