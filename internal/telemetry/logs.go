// Package telemetry is how the program shows what it does: logs, metrics and
// trace identities. Everything that is written down passes one [Redactor].
package telemetry

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"
)

// Options say how the program logs.
type Options struct {
	// Level is debug, info, warn or error; "" is info.
	Level string
	// Format is json or console; "" is console when Output is a terminal, else json.
	Format string
	// Output is where lines go; nil is standard error.
	Output io.Writer
	// Redactor is the choke point; nil makes one without known secrets.
	Redactor *Redactor
	// Sample keeps that many lines a second of one message below warn, and then
	// every hundredth. 0 keeps all; warnings and errors are always kept.
	Sample int
}

// Logs is the program's logger with levels that can be changed while it runs, for
// all or for one provider.
type Logs struct {
	// Redactor is what every line passes.
	Redactor *Redactor

	logger *zap.Logger
	core   zapcore.Core // without a level
	level  zap.AtomicLevel

	mu        sync.Mutex
	providers map[string]*providerLevel
}

// New opens the log.
func New(options Options) (*Logs, error) {
	level, err := parseLevel(options.Level)
	if err != nil {
		return nil, err
	}
	if options.Output == nil {
		options.Output = os.Stderr
	}
	encoder, err := newEncoder(options.Format, options.Output)
	if err != nil {
		return nil, err
	}
	if options.Redactor == nil {
		options.Redactor = NewRedactor()
	}
	sink := zapcore.Lock(zapcore.AddSync(options.Output))
	var written zapcore.Core = &redactCore{zapcore.NewCore(encoder, sink, zapcore.DebugLevel), options.Redactor}
	if options.Sample > 0 {
		written = &samplingCore{written, zapcore.NewSamplerWithOptions(written, time.Second, options.Sample, 100)}
	}
	l := &Logs{
		Redactor: options.Redactor, core: written, level: zap.NewAtomicLevelAt(level), providers: map[string]*providerLevel{},
	}
	l.logger = zap.New(&levelCore{written, l.level}, zap.ErrorOutput(sink))
	return l, nil
}

// Logger returns the program's logger.
func (l *Logs) Logger() *zap.Logger { return l.logger }

// Provider returns the logger of one provider, whose level can be its own. It
// adds no field.
func (l *Logs) Provider(name string) *zap.Logger {
	return zap.New(&levelCore{l.core, l.provider(name)}, zap.ErrorOutput(zapcore.AddSync(os.Stderr)))
}

// SetLevel changes the level of everything without a level of its own.
func (l *Logs) SetLevel(level string) error {
	parsed, err := parseLevel(level)
	if err != nil {
		return err
	}
	l.level.SetLevel(parsed)
	return nil
}

// SetProviderLevel changes one provider's level, also of loggers already handed
// out; "" lets it follow the program's.
func (l *Logs) SetProviderLevel(name, level string) error {
	if level == "" {
		l.provider(name).own.Store(nil)
		return nil
	}
	parsed, err := parseLevel(level)
	if err != nil {
		return err
	}
	l.provider(name).own.Store(&parsed)
	return nil
}

// Sync writes out what is buffered. Terminals and pipes cannot sync; that is no
// error of the program.
func (l *Logs) Sync() { _ = l.logger.Sync() }

func (l *Logs) provider(name string) *providerLevel {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.providers[name]
	if !ok {
		p = &providerLevel{program: l.level}
		l.providers[name] = p
	}
	return p
}

// providerLevel is a provider's own level, or else the program's.
type providerLevel struct {
	program zap.AtomicLevel
	own     atomic.Pointer[zapcore.Level]
}

// Enabled implements [zapcore.LevelEnabler].
func (p *providerLevel) Enabled(level zapcore.Level) bool {
	if own := p.own.Load(); own != nil {
		return own.Enabled(level)
	}
	return p.program.Enabled(level)
}

func parseLevel(text string) (zapcore.Level, error) {
	switch text {
	case "":
		return zapcore.InfoLevel, nil
	case "debug", "info", "warn", "error":
		return zapcore.ParseLevel(text)
	default:
		return 0, fmt.Errorf("telemetry: log level %q: allowed: debug, info, warn, error", text)
	}
}

func newEncoder(format string, output io.Writer) (zapcore.Encoder, error) {
	if format == "" {
		format = "json"
		if file, ok := output.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
			format = "console"
		}
	}
	config := zapcore.EncoderConfig{
		TimeKey: "time", LevelKey: "level", NameKey: "logger", MessageKey: "msg", StacktraceKey: "stack",
		EncodeTime: zapcore.RFC3339NanoTimeEncoder, EncodeLevel: zapcore.LowercaseLevelEncoder,
		EncodeDuration: zapcore.SecondsDurationEncoder, EncodeName: zapcore.FullNameEncoder,
	}
	switch format {
	case "json":
		return zapcore.NewJSONEncoder(config), nil
	case "console":
		config.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		config.EncodeLevel = zapcore.CapitalLevelEncoder
		config.EncodeDuration = zapcore.StringDurationEncoder
		return zapcore.NewConsoleEncoder(config), nil
	default:
		return nil, fmt.Errorf("telemetry: log format %q: allowed: json, console", format)
	}
}
