package templates

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// seoul is the portal's clock; Korea has had no daylight saving time since 1988, so
// that no time-zone database is needed.
var seoul = time.FixedZone("KST", 9*60*60)

// moment is a date, with a time of day when clock is set.
type moment struct {
	time.Time
	clock bool
}

var errMoment = errors.New("neither a date such as 2026-01-31 nor a time such as 2026-01-31T18:00:00+09:00")

// parseMoment reads a date, an RFC 3339 time, or a time of day in Korea.
func parseMoment(text string) (moment, error) {
	if at, err := time.ParseInLocation(time.DateOnly, text, seoul); err == nil {
		return moment{Time: at}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return moment{Time: at.In(seoul), clock: true}, nil
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02T15:04", time.DateTime, "2006-01-02T15:04:05"} {
		if at, err := time.ParseInLocation(layout, text, seoul); err == nil {
			return moment{Time: at, clock: true}, nil
		}
	}
	return moment{}, errMoment
}

// style is how a language writes dates and money. Languages other than Korean are
// written as in English.
type style struct{ korean bool }

func styleOf(locale string) style {
	return style{korean: fold(locale) == "ko" || strings.HasPrefix(fold(locale), "ko-")}
}

// date writes 2026년 1월 31일, or January 31, 2026.
func (s style) date(value any) (string, error) {
	at, err := momentOf("date", value)
	if err != nil {
		return "", err
	}
	if s.korean {
		return fmt.Sprintf("%d년 %d월 %d일", at.Year(), int(at.Month()), at.Day()), nil
	}
	return at.Format("January 2, 2006"), nil
}

// datetime adds the time of day in Korea; foreign readers are told so.
func (s style) datetime(value any) (string, error) {
	at, err := momentOf("datetime", value)
	if err != nil {
		return "", err
	}
	day, _ := s.date(value)
	switch {
	case !at.clock:
		return day, nil
	case s.korean:
		return day + at.Format(" 15:04"), nil
	default:
		return day + at.Format(", 15:04") + " KST", nil
	}
}

// weekday writes 토, or Saturday.
func (s style) weekday(value any) (string, error) {
	at, err := momentOf("weekday", value)
	if err != nil {
		return "", err
	}
	if s.korean {
		return []string{"일", "월", "화", "수", "목", "금", "토"}[at.Weekday()], nil
	}
	return at.Weekday().String(), nil
}

// number writes 1,234,567; decimals stay as they were given.
func (s style) number(value any) (string, error) {
	text, ok := asText(value)
	if !ok {
		return "", argumentError{"number", "is not a number"}
	}
	whole, rest, minus := text, "", ""
	if cut := strings.IndexAny(text, ".eE"); cut >= 0 {
		whole, rest = text[:cut], text[cut:]
	}
	if strings.HasPrefix(whole, "-") {
		minus, whole = "-", whole[1:]
	}
	if whole == "" || strings.Trim(whole, "0123456789") != "" || strings.Trim(rest, ".eE+-0123456789") != "" {
		return "", argumentError{"number", "is not a number"}
	}
	if strings.ContainsAny(rest, "eE") {
		return text, nil // 1e9 has no places to group
	}
	var b strings.Builder
	b.WriteString(minus)
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	b.WriteString(rest)
	return b.String(), nil
}

// won writes 12,500,000원, or KRW 12,500,000.
func (s style) won(value any) (string, error) {
	text, err := s.number(value)
	if err != nil {
		return "", argumentError{"won", "is not a number"}
	}
	if s.korean {
		return text + "원", nil
	}
	return "KRW " + text, nil
}

func momentOf(function string, value any) (moment, error) {
	text, _ := value.(string)
	at, err := parseMoment(text)
	if err != nil {
		return at, argumentError{function, "is " + err.Error()}
	}
	return at, nil
}

// argumentError is a function's complaint. It holds no value, so that it may be shown.
type argumentError struct{ function, problem string }

func (e argumentError) Error() string { return "the value given to " + e.function + " " + e.problem }
