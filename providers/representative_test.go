package providers_test

import (
	"testing"

	"github.com/gangwon-portal/gangway/providers"
)

func TestJudgeRepresentative(t *testing.T) {
	const match, mismatch, found = providers.BusinessMatch, providers.BusinessMismatch, providers.BusinessFound
	for _, c := range []struct {
		listed, asked string
		want          providers.BusinessOutcome
	}{
		{"홍길동", "홍길동", match},
		{"홍길동", "홍 길 동", match},
		{"홍 길동", "홍길동", match},
		{"홍길동", "성춘향", mismatch},
		{"홍길동", "길동", mismatch},
		{"홍길동(洪吉童)", "홍길동", match},
		{"홍길동（洪吉童）", "홍길동", match},
		{"홍길동 [洪吉童]", "洪吉童", match},
		{"홍길동", "홍길동(洪吉童)", match},
		{"홍길동(洪吉童)", "성춘향(成春香)", mismatch},
		{"홍길동,성춘향", "성춘향", match},
		{"홍길동 / 성춘향", "성춘향", match},
		{"홍길동·성춘향", "성춘향", match},
		{"홍길동ㆍ성춘향", "성춘향", match},
		{"홍길동、성춘향", "성춘향", match},
		{"홍길동;성춘향", "홍길동", match},
		{"홍길동 성춘향", "성춘향", match},
		{"홍길동 성춘향", "이몽룡", mismatch},
		{"남궁 민수", "남궁민수", match},
		{"남궁 민수", "민수", mismatch},
		{"홍길동(洪吉童), 성춘향(成春香)", "성 춘 향", match},
		{"홍길동 외 1명", "홍길동", match},
		{"홍길동외1인", "홍길동", match},
		{"홍길동 외 2", "성춘향", found},
		{"홍길동 외", "성춘향", found},
		{"홍길동, 성춘향 외 1인", "이몽룡", found},
		{"김외", "김외", match},
		{"김외", "김", mismatch},
		{"대표이사 홍길동", "홍길동", match},
		{"공동대표이사 홍길동, 공동대표이사 성춘향", "성춘향", match},
		{"각자대표 홍길동", "성춘향", mismatch},
		{"홍길동(대표이사)", "홍길동", match},
		{"洪吉童", "홍길동", found},
		{"홍길동", "洪吉童", found},
		{"JOHN SMITH", "John Smith", match},
		{"SMITH, JOHN", "John Smith", mismatch}, // the comma divides names; better no match than a made-up one
		{"Smith John", "john smith", match},
		{"John Smith(존 스미스)", "존스미스", match},
		{"John Smith", "존 스미스", found},
		{"", "홍길동", found},
		{" , ", "홍길동", found},
		{"\u1112\u1169\u11bc\u1100\u1175\u11af\u1103\u1169\u11bc", "홍길동", match}, // decomposed
		{"홍길동", "---", found},
	} {
		if got := providers.JudgeRepresentative(c.listed, c.asked); got != c.want {
			t.Errorf("JudgeRepresentative(%q, %q) = %s, want %s", c.listed, c.asked, got, c.want)
		}
	}
}

func TestRepresentativesDiffer(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"홍길동", "홍 길동", false}, {"홍길동", "성춘향", true}, {"홍길동", "성춘향, 홍길동", false}, {"홍길동, 성춘향", "성춘향·홍길동", false},
		{"홍길동, 성춘향", "성춘향", false}, {"홍길동, 성춘향", "이몽룡, 임꺽정", true}, {"홍길동(洪吉童)", "洪吉童", false},
		{"洪吉童", "홍길동", false}, {"홍길동 외 1명", "성춘향", false}, {"홍길동", "성춘향 외 1명", false}, {"", "성춘향", false}, {"홍길동", "", false},
	} {
		if got := providers.RepresentativesDiffer(c.a, c.b); got != c.want {
			t.Errorf("RepresentativesDiffer(%q, %q) = %v", c.a, c.b, got)
		}
	}
}

// FuzzJudgeRepresentative: whatever a register says, the person it names alone is a match,
// and nothing crashes.
func FuzzJudgeRepresentative(f *testing.F) {
	for _, seed := range []string{"홍길동", "홍길동(洪吉童), 성춘향 외 1명", "((", "외 1", "대표 홍"} {
		f.Add(seed, "홍길동")
	}
	f.Fuzz(func(t *testing.T, listed, asked string) {
		switch providers.JudgeRepresentative(listed, asked) {
		case providers.BusinessMatch, providers.BusinessMismatch, providers.BusinessFound:
		default:
			t.Errorf("JudgeRepresentative(%q, %q) gives another outcome", listed, asked)
		}
		if providers.JudgeRepresentative(listed+", 가나다", "가나다") != providers.BusinessMatch {
			t.Errorf("가나다 at the end of %q is not found", listed)
		}
	})
}
