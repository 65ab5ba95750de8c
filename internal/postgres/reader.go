package postgres

import "github.com/jackc/pgx/v5/pgxpool"

// Reader answers the questions of operators and of the portal.
type Reader struct {
	pool   *pgxpool.Pool
	sealer Sealer
}

// NewReader returns a reader on pool that opens no sealed letters.
func NewReader(pool *pgxpool.Pool) Reader { return Reader{pool: pool, sealer: unsealed{}} }
