package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// column is one array parameter of a batch: a value for each row, in the binary
// form of Postgres, written as the rows are added. Left to the driver, which
// converts value by value through interfaces, the arrays of a batch cost a third
// of what the store costs. Empty texts and zero times are NULL. The zero value is
// a column without rows.
type column struct {
	values      []byte
	rows, nulls int
	ahead       int // bytes that this column and those after it will take
}

// null adds a row without a value.
func (c *column) null() {
	c.rows++
	c.nulls++
	c.values = binary.BigEndian.AppendUint32(c.values, 0xffffffff)
}

// sized begins a value of size bytes.
func (c *column) sized(size int) {
	c.rows++
	c.values = binary.BigEndian.AppendUint32(c.values, uint32(size))
}

func (c *column) text(text string) {
	c.sized(len(text))
	c.values = append(c.values, text...)
}

// some adds a text that may be missing: an empty one is NULL.
func (c *column) some(text string) {
	if text == "" {
		c.null()
		return
	}
	c.text(text)
}

// bytes adds a bytea; NULL when it is nil.
func (c *column) bytes(b []byte) {
	if b == nil {
		c.null()
		return
	}
	c.sized(len(b))
	c.values = append(c.values, b...)
}

// jsonb adds a JSON text; NULL when there is none.
func (c *column) jsonb(text string) {
	const version = 1 // of the binary form of jsonb
	if text == "" {
		c.null()
		return
	}
	c.sized(1 + len(text))
	c.values = append(append(c.values, version), text...)
}

func (c *column) uuid(id uuid.UUID) { c.bytes(id[:]) }

func (c *column) int(n int) {
	c.sized(4)
	c.values = binary.BigEndian.AppendUint32(c.values, uint32(int32(n)))
}

func (c *column) smallint(n int) {
	c.sized(2)
	c.values = binary.BigEndian.AppendUint16(c.values, uint16(int16(n)))
}

func (c *column) bool(is bool) {
	value := byte(0)
	if is {
		value = 1
	}
	c.sized(1)
	c.values = append(c.values, value)
}

// time adds a timestamptz, which is microseconds since the year 2000; NULL for the
// zero time.
func (c *column) time(t time.Time) {
	const year2000 = 946684800 // in Unix seconds
	if t.IsZero() {
		c.null()
		return
	}
	c.sized(8)
	c.values = binary.BigEndian.AppendUint64(c.values, uint64((t.Unix()-year2000)*1e6+int64(t.Nanosecond())/1e3))
}

// keptColumn is how large a column stays for the next batch. A larger one held
// results or texts that are rare.
const keptColumn = 64 << 10

// reset empties columns and keeps their memory.
func reset(columns []*column) {
	for _, c := range columns {
		if cap(c.values) > keptColumn {
			c.values = nil
		}
		*c = column{values: c.values[:0]}
	}
}

// parameters are columns as arguments of a statement. The driver encodes them one
// after the other into one buffer, which the first makes large enough for all.
func parameters(columns []*column, more ...any) []any {
	all := make([]any, 0, len(columns)+len(more))
	ahead := 0
	for _, c := range slices.Backward(columns) {
		ahead += columnHead + len(c.values)
		c.ahead = ahead
	}
	for _, c := range columns {
		all = append(all, c)
	}
	return append(all, more...)
}

// columnTypes are the array types that columns are sent as.
var columnTypes = []uint32{
	pgtype.UUIDArrayOID, pgtype.TextArrayOID, pgtype.Int4ArrayOID, pgtype.Int2ArrayOID, pgtype.BoolArrayOID,
	pgtype.ByteaArrayOID, pgtype.JSONBArrayOID, pgtype.TimestamptzArrayOID,
}

// takeColumns teaches a connection to send columns.
func takeColumns(_ context.Context, conn *pgx.Conn) error {
	types := conn.TypeMap()
	for _, oid := range columnTypes {
		known, ok := types.TypeForOID(oid)
		if !ok {
			return fmt.Errorf("postgres: the driver does not know type %d", oid)
		}
		array, ok := known.Codec.(*pgtype.ArrayCodec)
		if !ok {
			return fmt.Errorf("postgres: the driver takes %s for no array", known.Name)
		}
		types.RegisterType(&pgtype.Type{Name: known.Name, OID: oid, Codec: columnCodec{array}})
	}
	return nil
}

// columnCodec is an array's codec that takes columns too.
type columnCodec struct{ *pgtype.ArrayCodec }

// PlanEncode implements [pgtype.Codec].
func (c columnCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(*column); ok && format == pgtype.BinaryFormatCode {
		return columnPlan{element: c.ElementType.OID}
	}
	return c.ArrayCodec.PlanEncode(m, oid, format, value)
}

// columnHead is the size of the head of an array of one dimension, in bytes.
const columnHead = 20

type columnPlan struct{ element uint32 }

// Encode implements [pgtype.EncodePlan]. A column without any value is sent as
// NULL: beside others, unnest fills it up.
func (p columnPlan) Encode(value any, buf []byte) ([]byte, error) {
	c := value.(*column)
	if c.nulls == c.rows {
		return nil, nil
	}
	buf = slices.Grow(buf, c.ahead)
	hasNulls := uint32(0)
	if c.nulls > 0 {
		hasNulls = 1
	}
	const dimensions, first = 1, 1
	for _, field := range [...]uint32{dimensions, hasNulls, p.element, uint32(c.rows), first} {
		buf = binary.BigEndian.AppendUint32(buf, field)
	}
	return append(buf, c.values...), nil
}

var (
	_ pgtype.Codec      = columnCodec{}
	_ pgtype.EncodePlan = columnPlan{}
)
