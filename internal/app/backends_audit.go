package app

import (
	"context"
	"strconv"

	"github.com/gangwon-portal/gangway/internal/cli"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/postgres"
)

// auditLog is what stands behind `publisher audit`.
type auditLog struct{ operator *postgres.Operator }

// List implements [cli.Audit].
func (a auditLog) List(ctx context.Context, f cli.AuditFilter, page cli.Page) ([]cli.AuditRecord, string, error) {
	var below int64
	if page.Cursor != "" {
		var err error
		if below, err = strconv.ParseInt(page.Cursor, 10, 64); err != nil {
			return nil, "", fault.New(fault.Invalid, "list", "cursor %q was not made by this list", page.Cursor)
		}
	}
	found, err := a.operator.AuditLog(ctx, postgres.AuditFilter(f), below, page.Size)
	if err != nil {
		return nil, "", err
	}
	records := make([]cli.AuditRecord, len(found))
	for i, e := range found {
		records[i] = cli.AuditRecord{At: e.At, By: e.By, Action: e.Action, Target: e.Target, Detail: string(e.Detail)}
	}
	if len(found) < page.Size {
		return records, "", nil
	}
	return records, strconv.FormatInt(found[len(found)-1].Number, 10), nil
}

// Write implements [cli.Audit].
func (a auditLog) Write(ctx context.Context, by, action, target string, detail map[string]string) error {
	return a.operator.Audit(ctx, by, action, target, detail)
}

var _ cli.Audit = auditLog{}
