package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/devstack"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// served starts a server from a file of deploy/nats, on free ports.
func served(t *testing.T, file string, change func(*server.Options)) *server.Server {
	t.Helper()
	for name, value := range map[string]string{
		"NATS_NAME": "nats-1", "NATS_STORE": t.TempDir(), "NATS_ROUTES": "[nats://cluster:c@nats-1:6222, nats://cluster:c@nats-2:6222]", "NATS_WORKER_PASSWORD": "w", "NATS_PORTAL_PASSWORD": "p",
		"NATS_OPERATOR_PASSWORD": "o", "NATS_CLUSTER_PASSWORD": "c", "NATS_SYSTEM_PASSWORD": "s",
	} {
		t.Setenv(name, value)
	}
	options, err := server.ProcessConfigFile(testkit.Root(t) + "/deploy/nats/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if file == "nats.conf" && (len(options.Routes) != 2 || options.Routes[1].Host != "nats-2:6222" || options.ServerName != "nats-1") {
		t.Errorf("routes of %s: %v", options.ServerName, options.Routes)
	}
	if !options.SyncAlways || options.MaxPayload < 2<<20 || !options.JetStream {
		t.Errorf("%s: %+v", file, options)
	}
	options.Host, options.Port, options.HTTPPort, options.NoSigs, options.NoLog = "127.0.0.1", server.RANDOM_PORT, 0, true, true
	change(options)
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

func urlAs(s *server.Server, user string) string {
	return strings.Replace(s.ClientURL(), "nats://", "nats://"+user+":"+user[:1]+"@", 1)
}

// TestNATSAccounts: the portal may ask and listen, and say nothing that a provider
// or a person has to say.
func TestNATSAccounts(t *testing.T) {
	s := served(t, "single.conf", func(*server.Options) {})
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	worker, err := broker.Connect(t.Context(), broker.ConnectOptions{URLs: []string{urlAs(s, "worker")}})
	if err != nil {
		t.Fatal(err)
	}
	defer worker.Close()
	if err := broker.Provision(t.Context(), worker, broker.TopologyOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := nats.Connect(s.ClientURL()); err == nil {
		t.Error("nobody in particular is let in")
	}

	refused := make(chan error, 100)
	portal, err := nats.Connect(urlAs(s, "portal"), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		t.Fatal(err)
	}
	defer portal.Close()
	js, err := jetstream.New(portal, jetstream.WithDefaultTimeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"email.send", "sms.send.high", "business.verify.bulk", "address.search", "delivery.cancel"} {
		if _, err := js.Publish(t.Context(), subject, []byte(`{}`)); err != nil {
			t.Errorf("%s: %v", subject, err)
		}
	}
	attachments, err := js.ObjectStore(t.Context(), broker.BucketAttachments)
	if err == nil {
		_, err = attachments.Put(t.Context(), jetstream.ObjectMeta{Name: "a.pdf"}, bytes.NewReader(make([]byte, 300_000)))
	}
	if err != nil {
		t.Errorf("an attachment: %v", err)
	}
	consumer, err := js.CreateOrUpdateConsumer(t.Context(), broker.StreamEvents, jetstream.ConsumerConfig{Durable: "portal", AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatalf("a consumer of events: %v", err)
	}
	if _, err := worker.JetStream().Publish(t.Context(), "event.email.send.sent", []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	event, err := consumer.Next(jetstream.FetchMaxWait(20 * time.Second))
	if err == nil {
		err = event.DoubleAck(t.Context())
	}
	if err != nil {
		t.Errorf("an event: %v", err)
	}
	select {
	case err := <-refused:
		t.Errorf("refused: %v", err)
	default:
	}

	for _, subject := range []string{
		"webhook.process", "email.send.alerts", "business.complete", "event.email.send.sent", "deadletter.email.send.x", "scheduled.at.x", "scheduled.due.email.send.high",
		"$JS.API.STREAM.PURGE.GANGWAY_COMMANDS", "$JS.API.STREAM.DELETE.GANGWAY_EVENTS", "$JS.API.CONSUMER.CREATE.GANGWAY_COMMANDS.x", "$KV.gangway_state.x",
		"$JS.API.STREAM.MSG.GET.GANGWAY_DEADLETTERS", "$JS.API.DIRECT.GET.KV_gangway_cache.x",
	} {
		if err := errors.Join(portal.Publish(subject, []byte(`{}`)), portal.Flush()); err != nil {
			t.Fatal(err)
		}
		if err := awaited(t.Context(), refused); !strings.Contains(fmt.Sprint(err), "Permissions Violation for Publish to \""+subject) {
			t.Errorf("the portal may publish %s: %v", subject, err)
		}
	}
	for _, subject := range []string{"email.send", "deadletter.>", "webhook.process", ">"} {
		if _, err := portal.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		if err := awaited(t.Context(), refused); !strings.Contains(fmt.Sprint(err), "Permissions Violation for Subscription to \""+subject) {
			t.Errorf("the portal may listen to %s: %v", subject, err)
		}
	}
}

func awaited(ctx context.Context, errs <-chan error) error {
	select {
	case err := <-errs:
		return err
	case <-time.After(20 * time.Second):
		return errors.New("nothing is refused")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestNATSCluster starts three servers from the one file and stores with three
// copies, also after one of them is gone.
func TestNATSCluster(t *testing.T) {
	var servers []*server.Server
	var routes []*url.URL
	var ports []int
	for range 3 {
		port, err := devstack.FreePort("127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, port)
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", port), User: url.UserPassword("cluster", "c")})
	}
	for i := range 3 {
		servers = append(servers, served(t, "nats.conf", func(o *server.Options) {
			o.ServerName, o.Cluster.Host, o.Cluster.Port, o.Routes = fmt.Sprintf("nats-%d", i+1), "127.0.0.1", ports[i], routes
			o.SyncAlways = false // three servers of one disk
		}))
	}
	var urls []string
	for _, s := range servers {
		if !s.ReadyForConnections(time.Minute) {
			t.Fatal("a server does not start")
		}
		urls = append(urls, urlAs(s, "worker"))
	}
	conn, err := broker.Connect(t.Context(), broker.ConnectOptions{URLs: urls})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// One stream of Gangway's; all of them and their consumers take a minute on a
	// small machine.
	testkit.Eventually(t, time.Minute, func() bool {
		_, err := conn.JetStream().CreateStream(t.Context(), jetstream.StreamConfig{Name: broker.StreamCommands, Subjects: []string{"email.send"}, Replicas: 3})
		return err == nil
	}, "the cluster takes no stream with three copies")
	servers[2].Shutdown()
	testkit.Eventually(t, time.Minute, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := conn.JetStream().Publish(ctx, "email.send", []byte(`{}`))
		return err == nil
	}, "two of three take no command")
}
