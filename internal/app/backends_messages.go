package app

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/providers/smstext"
	"github.com/gangwon-portal/gangway/templates"
)

func (c *connections) suppressions(ctx context.Context, s cli.Settings) (cli.Suppressions, error) {
	pool, err := c.postgres(ctx, s)
	if err != nil {
		return nil, err
	}
	return suppressions{postgres.NewSuppressions(pool)}, nil
}

// templates needs no connection: what a worker renders is in the program and in
// the folder that the configuration names.
func (c *connections) templates(_ context.Context, s cli.Settings) (cli.Templates, error) {
	if _, err := c.endpoints(s); err != nil {
		return nil, err
	}
	folder, err := openTemplates(c.cfg.Templates.Dir, nil)
	if err != nil {
		return nil, err
	}
	return templateShelf{folder}, nil
}

// suppressions is the suppression list as the publisher handles it.
type suppressions struct{ store *postgres.Suppressions }

// List implements [cli.Suppressions].
func (s suppressions) List(ctx context.Context, containing string, page cli.Page) ([]cli.Suppression, string, error) {
	filter := postgres.SuppressionFilter{Containing: containing, Limit: page.Size}
	if page.Cursor != "" {
		last, err := readSuppression(page.Cursor)
		if err != nil {
			return nil, "", err
		}
		filter.Before = &last
	}
	found, err := s.store.List(ctx, filter)
	if err != nil {
		return nil, "", err
	}
	list := make([]cli.Suppression, len(found))
	for i, one := range found {
		list[i] = cli.Suppression{
			Recipient: one.Recipient, List: string(one.List), Reason: string(one.Reason), Provider: one.Provider, Note: one.Note,
			ExpiresAt: one.ExpiresAt, CreatedAt: one.CreatedAt,
		}
	}
	if len(found) < page.Size {
		return list, "", nil
	}
	next, err := suppressionCursor(found[len(found)-1])
	return list, next, err
}

// Add implements [cli.Suppressions].
func (s suppressions) Add(ctx context.Context, add cli.Suppression, by string) error {
	list := delivery.SuppressionList(add.List)
	if !list.Valid() {
		return fault.New(fault.Invalid, "suppress", "list %q is none: there are all, marketing and transactional", add.List)
	}
	return s.store.Add(ctx, delivery.Suppression{
		Recipient: foldRecipient(add.Recipient), List: list, Reason: delivery.SuppressionReason(add.Reason), Provider: add.Provider,
		Note: add.Note, ExpiresAt: add.ExpiresAt,
	}, by)
}

// Remove implements [cli.Suppressions].
func (s suppressions) Remove(ctx context.Context, recipient, list, by string) (bool, error) {
	return s.store.Remove(ctx, foldRecipient(recipient), delivery.SuppressionList(list), by)
}

// foldRecipient writes an address or a number in any spelling as the handlers
// look for it. A number that could not be sent to is kept as it was written.
func foldRecipient(recipient string) string {
	if strings.Contains(recipient, "@") {
		return delivery.FoldAddress(recipient)
	}
	if number, err := smstext.ParseNumber(recipient, smstext.NumberRules{Virtual: true}); err == nil {
		return number
	}
	return strings.TrimSpace(recipient)
}

func suppressionCursor(last delivery.Suppression) (string, error) {
	text, err := json.Marshal(last)
	return base64.RawURLEncoding.EncodeToString(text), err
}

func readSuppression(cursor string) (last delivery.Suppression, err error) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(text, &last)
	}
	if err != nil {
		return last, fault.New(fault.Invalid, "list", "cursor %q was not made by this list", cursor)
	}
	return last, nil
}

// templateShelf shows the templates as a worker would render them.
type templateShelf struct{ folder *templateFolder }

// List implements [cli.Templates].
func (t templateShelf) List(context.Context) ([]cli.Template, error) {
	infos := t.folder.Set().List()
	list := make([]cli.Template, len(infos))
	for i, info := range infos {
		list[i] = cli.Template{Name: info.Name, Locales: locales(info), Parts: partsOf(info), Overrides: t.folder.overrides(info.Name)}
		for _, v := range info.Variables {
			list[i].Variables = append(list[i].Variables, v.Name)
		}
	}
	return list, nil
}

func locales(info templates.Info) []string {
	all := append(slices.Clone(info.Locales), info.SMSLocales...)
	slices.Sort(all)
	return slices.Compact(all)
}

func partsOf(info templates.Info) (parts []string) {
	if len(info.Locales) > 0 {
		parts = append(parts, "subject", "text", "html")
	}
	if len(info.SMSLocales) > 0 {
		parts = append(parts, "sms")
	}
	return parts
}

// overrides reports whether the folder has files of that template.
func (f *templateFolder) overrides(name string) bool {
	if f.dir == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(f.dir, name))
	return err == nil
}

// Render implements [cli.Templates]: the e-mail with the SMS beside it, or the SMS
// of a template that has no other form.
func (t templateShelf) Render(_ context.Context, name, locale string, variables map[string]jsontext.Value) (cli.Rendered, error) {
	set := t.folder.Set()
	text, textErr := set.SMS(name, locale, variables)
	if info, known := set.Info(name); known && len(info.Locales) == 0 {
		return cli.Rendered{Subject: text.Subject, SMS: text.Text}, textErr
	}
	mail, err := set.Email(name, locale, variables)
	if err != nil {
		return cli.Rendered{}, err
	}
	// A template without SMS, or one whose SMS needs a variable more, shows none.
	return cli.Rendered{Subject: mail.Subject, Text: mail.Text, HTML: mail.HTML, SMS: text.Text}, nil
}

var (
	_ cli.Suppressions = suppressions{}
	_ cli.Templates    = templateShelf{}
)
