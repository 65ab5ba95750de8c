package telemetry

import (
	"bytes"
	jsonv1 "encoding/json"
	"fmt"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// fieldLimit bounds one structured field of a log line, in bytes.
const fieldLimit = 64 << 10

// redactCore passes every message and every field through the redactor. Fields
// are judged by their key, then by their text.
type redactCore struct {
	zapcore.Core
	redactor *Redactor
}

// With implements [zapcore.Core].
func (c *redactCore) With(fields []zapcore.Field) zapcore.Core {
	return &redactCore{c.Core.With(c.fields(fields)), c.redactor}
}

// Check implements [zapcore.Core].
func (c *redactCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

// Write implements [zapcore.Core].
func (c *redactCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	entry.Message = c.redactor.Text(entry.Message)
	entry.Stack = c.redactor.Text(entry.Stack)
	return c.Core.Write(entry, c.fields(fields))
}

// fields redacts a list; it copies only when something changes, because the
// caller keeps the list.
func (c *redactCore) fields(fields []zapcore.Field) []zapcore.Field {
	copied := false
	for i, field := range fields {
		redacted, changed := c.field(field)
		if !changed {
			continue
		}
		if !copied {
			fields, copied = append([]zapcore.Field(nil), fields...), true
		}
		fields[i] = redacted
	}
	return fields
}

func (c *redactCore) field(field zapcore.Field) (zapcore.Field, bool) {
	var text string
	switch field.Type {
	case zapcore.StringType:
		text = field.String
		redacted := c.text(field.Key, text)
		return zap.String(field.Key, redacted), redacted != text
	case zapcore.ByteStringType:
		bytes, _ := field.Interface.([]byte)
		text = string(bytes)
	case zapcore.BinaryType:
		bytes, _ := field.Interface.([]byte)
		return zap.String(field.Key, size(len(bytes), "")), true
	case zapcore.ErrorType:
		text = safely(func() string { return field.Interface.(error).Error() })
	case zapcore.StringerType:
		text = safely(func() string { return field.Interface.(fmt.Stringer).String() })
	case zapcore.ReflectType, zapcore.ObjectMarshalerType, zapcore.ArrayMarshalerType, zapcore.InlineMarshalerType:
		return c.structured(field)
	default: // numbers, times, switches, namespaces
		return field, false
	}
	return zap.String(field.Key, c.text(field.Key, text)), true
}

func (c *redactCore) text(key, text string) string {
	return c.redactor.named(c.class(key), text)
}

// class judges a field's key. Keys such as "body" and "name" do not count here:
// what stands under them in a log line is ours, and scanned.
func (c *redactCore) class(key string) class {
	if class := c.redactor.class(key); class == secret || class == address {
		return class
	}
	return public
}

// structured turns an object into JSON and redacts it as a body.
func (c *redactCore) structured(field zapcore.Field) (zapcore.Field, bool) {
	if field.Interface == nil {
		return field, false
	}
	encoder := zapcore.NewMapObjectEncoder()
	problem := safely(func() string {
		field.AddTo(encoder)
		return ""
	})
	var value any = encoder.Fields
	inline := field.Type == zapcore.InlineMarshalerType
	if !inline {
		value = encoder.Fields[field.Key]
	}
	var text bytes.Buffer
	marshal := jsonv1.NewEncoder(&text) // v1: what zap itself would write
	marshal.SetEscapeHTML(false)
	if problem == "" {
		problem = safely(func() string {
			if err := marshal.Encode(value); err != nil {
				return "cannot be shown: " + err.Error()
			}
			return ""
		})
	}
	key := field.Key
	if inline {
		key = "inline"
	}
	if problem != "" {
		return zap.String(key, c.redactor.Text(problem)), true
	}
	body, ok := c.redactor.json(c.class(key), bytes.TrimSpace(text.Bytes()), fieldLimit)
	if !ok {
		return zap.String(key, size(text.Len(), "JSON")), true
	}
	return zap.Reflect(key, jsonv1.RawMessage(body)), true
}

// safely calls what a caller handed in: a nil pointer behind an interface must
// not end the program for the sake of a log line.
func safely(call func() string) (text string) {
	defer func() {
		if recover() != nil {
			text = "<nil>"
		}
	}()
	return call()
}

// levelCore lets through what a level allows; the level may change.
type levelCore struct {
	zapcore.Core
	level zapcore.LevelEnabler
}

// Enabled implements [zapcore.LevelEnabler].
func (c *levelCore) Enabled(level zapcore.Level) bool { return c.level.Enabled(level) }

// With implements [zapcore.Core].
func (c *levelCore) With(fields []zapcore.Field) zapcore.Core {
	return &levelCore{c.Core.With(fields), c.level}
}

// Check implements [zapcore.Core].
func (c *levelCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.level.Enabled(entry.Level) {
		return c.Core.Check(entry, checked)
	}
	return checked
}

// samplingCore samples what is below a warning and nothing else.
type samplingCore struct {
	zapcore.Core
	sampled zapcore.Core
}

// With implements [zapcore.Core].
func (c *samplingCore) With(fields []zapcore.Field) zapcore.Core {
	return &samplingCore{c.Core.With(fields), c.sampled.With(fields)}
}

// Check implements [zapcore.Core].
func (c *samplingCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if entry.Level >= zapcore.WarnLevel {
		return c.Core.Check(entry, checked)
	}
	return c.sampled.Check(entry, checked)
}

var (
	_ zapcore.Core = (*redactCore)(nil)
	_ zapcore.Core = (*levelCore)(nil)
	_ zapcore.Core = (*samplingCore)(nil)
)
