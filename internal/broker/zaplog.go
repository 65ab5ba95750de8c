package broker

import (
	"github.com/ThreeDotsLabs/watermill"
	"go.uber.org/zap"
)

// ZapLogger is watermill's logger on zap. Trace and Debug do nothing: watermill
// calls them several times for each message.
type ZapLogger struct{ log *zap.Logger }

// NewZapLogger returns watermill's logger writing to log.
func NewZapLogger(log *zap.Logger) ZapLogger { return ZapLogger{log: log} }

// Error implements [watermill.LoggerAdapter].
func (l ZapLogger) Error(msg string, err error, fields watermill.LogFields) {
	l.log.Error(msg, append(zapFields(fields), zap.Error(err))...)
}

// Info implements [watermill.LoggerAdapter]. Watermill's infos tell of its inner
// workings and are debug messages of ours.
func (l ZapLogger) Info(msg string, fields watermill.LogFields) {
	if entry := l.log.Check(zap.DebugLevel, msg); entry != nil {
		entry.Write(zapFields(fields)...)
	}
}

// Debug does nothing.
func (ZapLogger) Debug(string, watermill.LogFields) {}

// Trace does nothing.
func (ZapLogger) Trace(string, watermill.LogFields) {}

// With implements [watermill.LoggerAdapter].
func (l ZapLogger) With(fields watermill.LogFields) watermill.LoggerAdapter {
	return ZapLogger{log: l.log.With(zapFields(fields)...)}
}

func zapFields(fields watermill.LogFields) []zap.Field {
	list := make([]zap.Field, 0, len(fields)+1)
	for name, value := range fields {
		list = append(list, zap.Any(name, value))
	}
	return list
}

var _ watermill.LoggerAdapter = ZapLogger{}
