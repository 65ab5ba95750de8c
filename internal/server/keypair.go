package server

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"
)

// keyPair is a certificate that follows its files: renewal tools replace them
// while the program runs.
type keyPair struct {
	options Options

	mu      sync.Mutex
	current *tls.Certificate
	stamp   string // of the files that current was read from
	checked time.Time
}

// recheck is how often the files are looked at, at most.
const recheck = time.Second

// get serves tls.Config. A pair that cannot be read leaves the one before in use.
func (p *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.checked) >= recheck && p.stamps() != p.stamp {
		if err := p.read(); err != nil {
			p.options.Log.Error("certificate cannot be reloaded; the one before stays in use", zap.String("listener", p.options.Name), zap.Error(err))
		}
	}
	return p.current, nil
}

func (p *keyPair) load() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.read()
}

func (p *keyPair) read() error {
	p.checked = time.Now()
	stamp := p.stamps()
	pair, err := tls.LoadX509KeyPair(p.options.Cert, p.options.Key)
	if err != nil {
		return fmt.Errorf("server: %s: certificate %s with key %s: %w", p.options.Name, p.options.Cert, p.options.Key, err)
	}
	p.current, p.stamp = &pair, stamp
	return nil
}

func (p *keyPair) stamps() string {
	text := ""
	for _, path := range []string{p.options.Cert, p.options.Key} {
		if info, err := os.Stat(path); err == nil {
			text += fmt.Sprintf("%d %d ", info.ModTime().UnixNano(), info.Size())
		}
	}
	return text
}
