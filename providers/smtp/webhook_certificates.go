package smtp

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// certificates are those that SNS signs with, fetched from Amazon's own hosts and
// kept for a day.
type certificates struct {
	client *http.Client
	now    func() time.Time

	mu   sync.Mutex
	kept map[string]*keptCertificate
}

type keptCertificate struct {
	fetched chan struct{} // closed when the fields below are set
	key     *rsa.PublicKey
	from    time.Time
	until   time.Time
	err     error
}

const (
	certificatesMost = 64
	certificateLife  = 24 * time.Hour
	// certificateAgain is how long a failed fetch is remembered, so that a flood of
	// messages does not become a flood of fetches.
	certificateAgain = 5 * time.Second
	certificateBytes = 64 << 10
)

func newCertificates(client *http.Client, now func() time.Time) *certificates {
	return &certificates{client: client, now: now, kept: map[string]*keptCertificate{}}
}

// key returns the key behind a SigningCertURL. A URL outside Amazon's hosts, or a
// certificate that is not valid now, is refused; one that cannot be fetched is
// unavailable.
func (c *certificates) key(ctx context.Context, text string, now time.Time) (*rsa.PublicKey, error) {
	const op = "ses: certificate"
	u, err := url.Parse(text)
	if err != nil || !amazon(u) || !strings.HasSuffix(u.Path, ".pem") || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault.New(fault.Refused, op, "SigningCertURL %q is not a certificate of SNS", clipped(text))
	}
	kept, mine := c.claim(u.String())
	if mine {
		kept.key, kept.from, kept.until, kept.err = c.fetch(ctx, u.String())
		close(kept.fetched)
	}
	select {
	case <-kept.fetched:
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, op, ctx.Err())
	}
	switch {
	case kept.err != nil:
		return nil, kept.err
	case now.Before(kept.from) || now.After(kept.until):
		return nil, fault.New(fault.Refused, op, "the certificate is not valid now")
	}
	return kept.key, nil
}

// claim returns the entry of a URL, and whether the caller has to fetch it.
func (c *certificates) claim(u string) (*keptCertificate, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if kept := c.kept[u]; kept != nil {
		select {
		case <-kept.fetched:
			if now.Before(kept.until) {
				return kept, false
			}
		default:
			return kept, false
		}
	}
	if len(c.kept) >= certificatesMost {
		clear(c.kept) // Amazon has one for each region; this many are an attack
	}
	kept := &keptCertificate{fetched: make(chan struct{})}
	c.kept[u] = kept
	return kept, true
}

func (c *certificates) fetch(ctx context.Context, u string) (*rsa.PublicKey, time.Time, time.Time, error) {
	const op = "ses: certificate"
	again := c.now().Add(certificateAgain)
	// The fetch serves everybody who waits for it, also when its first caller leaves.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	body, status, err := get(ctx, c.client, u)
	if err != nil || status != http.StatusOK {
		return nil, time.Time{}, again, fault.New(fault.Unavailable, op, "%s could not be fetched (status %d)", clipped(u), status)
	}
	found := parseCertificates(body)
	if len(found) == 0 {
		return nil, time.Time{}, again, fault.New(fault.Unavailable, op, "%s holds no certificate", clipped(u))
	}
	certificate := found[0]
	key, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, time.Time{}, again, fault.New(fault.Refused, op, "%s has no RSA key", clipped(u))
	}
	until := c.now().Add(certificateLife)
	if certificate.NotAfter.Before(until) {
		until = certificate.NotAfter
	}
	return key, certificate.NotBefore, until, nil
}

// amazon is the host rule of SNS; the URL must have been read by a parser,
// because "sns.x.amazonaws.com@evil" reads well to the eye only.
func amazon(u *url.URL) bool {
	host := regexp.MustCompile(`^sns\.[a-zA-Z0-9\-]{3,}\.amazonaws\.com(\.cn)?$`)
	return u.Scheme == "https" && u.User == nil && u.Port() == "" && u.Opaque == "" && host.MatchString(u.Host)
}

func current(certificate *x509.Certificate, now time.Time) bool {
	return !now.Before(certificate.NotBefore) && !now.After(certificate.NotAfter)
}

// parseCertificates reads the certificates of a PEM text and passes over the rest.
func parseCertificates(text []byte) []*x509.Certificate {
	var all []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			all = append(all, certificate)
		}
	}
	return all
}

// ReadCertificates reads the certificates in the files of a folder: what mock
// mode trusts beside Amazon's host rule. Other files, such as keys, may lie there.
func ReadCertificates(folder string) ([]*x509.Certificate, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("smtp: certificates: %w", err)
	}
	var all []*x509.Certificate
	for _, entry := range entries {
		if info, err := os.Stat(filepath.Join(folder, entry.Name())); err != nil || !info.Mode().IsRegular() || info.Size() > certificateBytes {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("smtp: certificates: %w", err)
		}
		all = append(all, parseCertificates(text)...)
	}
	return all, nil
}

// get fetches a small body.
func get(ctx context.Context, client *http.Client, u string) ([]byte, int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, 0, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, certificateBytes))
	return body, answer.StatusCode, err
}
