package broker

// lanes holds what waits, and picks what is next when a slot is free: alerts and
// then high always first; normal and bulk by turns, so that neither starves the other;
// bulk never in the slots kept for the rest. The subscription's lock guards it.
type lanes struct {
	queues [laneCount]queue
	turn   int // normal messages picked since the last bulk one

	slots     int // free for anything
	bulkSlots int // free for bulk
}

// normalTurns is how many normal messages go before one bulk message when both
// wait.
const normalTurns = 3

// newLanes keeps at least one slot, and an eighth of them, from bulk. A pool of
// one has none to spare.
func newLanes(pool int) lanes {
	reserved := max(1, pool/8)
	if pool == 1 {
		reserved = 0
	}
	return lanes{slots: pool, bulkSlots: pool - reserved}
}

func (l *lanes) push(d *Delivery) { l.queues[d.lane].push(d) }

// pick takes a slot and returns who gets it, or nil.
func (l *lanes) pick() *Delivery {
	if l.slots == 0 {
		return nil
	}
	lane := l.nextLane()
	if lane < 0 {
		return nil
	}
	l.slots--
	if lane == laneBulk {
		l.bulkSlots--
	}
	return l.queues[lane].pop()
}

func (l *lanes) nextLane() int {
	normal := l.queues[laneNormal].len() > 0
	bulk := l.queues[laneBulk].len() > 0 && l.bulkSlots > 0
	switch {
	case l.queues[laneAlerts].len() > 0:
		return laneAlerts
	case l.queues[laneHigh].len() > 0:
		return laneHigh
	case bulk && (!normal || l.turn >= normalTurns):
		l.turn = 0
		return laneBulk
	case normal:
		l.turn++
		return laneNormal
	default:
		return -1
	}
}

// release gives the slot of d back.
func (l *lanes) release(d *Delivery) {
	l.slots++
	if d.lane == laneBulk {
		l.bulkSlots++
	}
}

// takeAll empties the queues.
func (l *lanes) takeAll() []*Delivery {
	var all []*Delivery
	for i := range l.queues {
		for l.queues[i].len() > 0 {
			all = append(all, l.queues[i].pop())
		}
	}
	return all
}

// queue is first in, first out, and reuses its memory.
type queue struct {
	items []*Delivery
	head  int
}

func (q *queue) len() int { return len(q.items) - q.head }

func (q *queue) push(d *Delivery) {
	if q.head > 0 && q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
	if q.head > 64 && 2*q.head > len(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, d)
}

func (q *queue) pop() *Delivery {
	d := q.items[q.head]
	q.items[q.head] = nil
	q.head++
	return d
}
