package broker

// credit is the room for messages that wait here. Every feed has an equal part
// of one half to itself, so that no flood keeps another feed from pulling; the
// other half goes to the feeds that are busy. A request to an idle consumer
// holds its room for as long as it is open, which is why an idle feed asks for
// its own part only.
type credit struct {
	messages, bytes int
	part            int // each feed's own
	shared          int
}

func newCredit(messages, bytes, feeds int) credit {
	part := max(1, messages/(2*feeds))
	return credit{messages: messages, bytes: bytes, part: part, shared: max(0, messages-part*feeds)}
}

// allowed is how many messages f may hold and have requested together.
func (c *credit) allowed(f *feed, feeds []*feed) int {
	if !f.busy {
		return c.part
	}
	free := c.shared
	for _, other := range feeds {
		if other != f {
			free -= max(0, other.held()-c.part)
		}
	}
	return c.part + max(0, free)
}

// allowedBytes is the size that goes with it.
func (c *credit) allowedBytes(messages int) int {
	return max(1, int(int64(c.bytes)*int64(messages)/int64(c.messages)))
}
