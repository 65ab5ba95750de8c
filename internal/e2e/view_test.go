package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// The one thing that the portal queries has the columns of the public contract.
func TestStatusView(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	want := strings.Fields(`id kind lane status reason provider provider_message_id recipient subject template attempts replays
		error_code error_message result metadata correlation_id trace_id requested_at send_at updated_at completed_at`)
	rows, err := p.database().Query(t.Context(), "SELECT * FROM gangway.delivery_status")
	if err != nil {
		t.Fatal(err)
	}
	var columns []string
	for _, column := range rows.FieldDescriptions() {
		columns = append(columns, column.Name)
	}
	rows.Close()
	if !slices.Equal(columns, want) {
		t.Errorf("columns %v\nwant    %v", columns, want)
	}
	p.worker()
	ids := p.mails(1)
	p.allSent(ids)

	// The roles of the contract, and nothing beyond them.
	for _, tt := range []struct{ role, query, refused string }{
		{"gangway_reader", "SELECT count(*) FROM gangway.delivery_status WHERE status = 'sent'", ""},
		{"gangway_reader", "SELECT count(*) FROM gangway.deliveries", "permission denied"},
		{"gangway_reader", "SELECT count(gangway.enqueue('email.send', '{}'))", "permission denied"},
		{"gangway_producer", "SELECT count(gangway.enqueue('email.send', '" + mailBody("kim@example.kr") + "'))", ""},
		{"gangway_producer", "SELECT count(*) FROM gangway.outbox", "permission denied"},
		{"gangway_producer", "SELECT count(*) FROM gangway.delivery_status", "permission denied"},
	} {
		err := pgx.BeginFunc(t.Context(), p.database(), func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), "SET LOCAL ROLE "+tt.role); err != nil {
				return err
			}
			var n int
			if err := tx.QueryRow(t.Context(), tt.query).Scan(&n); err != nil {
				return err
			}
			if n != 1 {
				t.Errorf("%s: %s: %d, want 1", tt.role, tt.query, n)
			}
			return nil
		})
		if tt.refused == "" && err != nil || tt.refused != "" && (err == nil || !strings.Contains(err.Error(), tt.refused)) {
			t.Errorf("%s: %s: %v, want %q", tt.role, tt.query, err, tt.refused)
		}
	}
}
