package crash

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// TestKilledAtRandom: two workers run under load, and every moment one of them
// is killed, without a word, and another one takes its place.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	p := newPlant(t, options{})
	p.first.reacts(moody(0))
	p.second.reacts(moody(1))
	workers := []*testkit.Process{p.worker(""), p.worker("")}
	kills := testkit.Size(20, 500)
	for range kills {
		p.load(random)
		timer := time.NewTimer(time.Duration(random.IntN(400)) * time.Millisecond)
		<-timer.C
		i := random.IntN(len(workers))
		workers[i].Kill()
		workers[i] = p.spawn("")
	}
	p.settled(3 * time.Minute)
	p.verify()
	if p.workers != kills+2 {
		t.Errorf("%d workers ran", p.workers)
	}
}

// moody takes most messages. Some it refuses, some it wants later, some it takes
// without an answer. It answers a message always alike, but for how often it has
// come.
func moody(salt byte) func(uuid.UUID, int) reaction {
	return func(id uuid.UUID, nth int) reaction {
		switch mood := (int(id[15]^salt) + nth) % 50; {
		case mood == 0:
			return mute
		case mood == 1:
			return refuse
		case mood < 5:
			return busy
		}
		return takes
	}
}

// load publishes some commands by every way there is.
func (p *plant) load(random *rand.Rand) {
	p.t.Helper()
	ids := p.mail(6, "")
	p.enqueue(2)
	later := p.mail(2, fmt.Sprintf(`,"send_at":%q`, time.Now().Add(time.Duration(random.IntN(3000))*time.Millisecond).Format(time.RFC3339Nano)))
	again := ids[random.IntN(len(ids))]
	p.publish("email.send", uuid.NewString(), fmt.Sprintf(`{"id":%q,"to":["kim@example.kr"],"subject":"x","text":"y"}`, again))
	if random.IntN(3) == 0 {
		name := uuid.Must(uuid.NewV7()).String()
		p.publish("delivery.cancel", name, fmt.Sprintf(`{"id":%q,"delivery_id":%q}`, name, later[0]))
		p.published = append(p.published, command.ParseID(name))
	}
}
