// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The mqtt sink and brokers that refuse, vanish, or take everything and say nothing.
#include "sinks/tests/mqtt_far_end.hpp"
#include "sinks/tests/tcp_proxy.hpp"

#include "runtime/time_text.hpp"
#include "support/catch.hpp"
#include "support/certificate.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <map>
#include <string_view>
#include <thread>

using namespace mesura;
using namespace mesura::sinks::test;
using namespace std::chrono_literals;
using mesura::sinks::mqtt::MqttSink;
using mesura::sinks::mqtt::Options;
using mesura::sinks::mqtt::Protocol;
using mesura::test::Broker;

namespace {

using Messages = std::vector<Subscriber::Message>;

Options options_for(std::uint16_t port) {
  Options o;
  o.url = fmt::format("mqtt://127.0.0.1:{}", port);
  o.availability = "none";
  return o;
}

std::vector<BatchPtr> some(const Feed& feed, std::uint32_t series, std::int64_t first, std::int64_t count) {
  std::vector<BatchPtr> out;
  for (std::int64_t i = first; i < first + count; ++i)
    out.push_back(feed.batch(kNoon + i * kSecond, {{series, static_cast<double>(i)}}));
  return out;
}

// How often each value of some() came, by its number.
std::map<std::int64_t, int> counts(const Messages& all) {
  std::map<std::int64_t, int> out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    constexpr std::string_view kKey = R"("l1_active_power_w":)";
    const auto at = all[i].payload.find(kKey);
    REQUIRE(at != std::string::npos);
    const std::int64_t value = std::stoll(all[i].payload.substr(at + kKey.size()));
    CHECK_THAT(all[i].payload,
               Catch::Matchers::StartsWith(R"({"time":")" + runtime::format_time(kNoon + value * kSecond) + '"'));
    ++out[value];
  }
  return out;
}

// As mosquitto_passwd writes it: `secret`.
void write_passwords(const std::filesystem::path& file) {
  write_file(file,
             "meter:$7$101$K7ZIEMxCsGuUMZ+K$DcAWsy4pNCQbFn0pxjq0sAnsZGboXcbVjFu8fNZS4zSFvFtJ5uN0"
             "i2+S5Bcw8+gE2cGMvvMdS0z5qDJ2GmmEUg==\n");
}

}  // namespace

TEST_CASE("mqtt: a broker restarted under load loses nothing") {
  const TempDir dir;
  Broker broker{
      fmt::format("allow_anonymous true\nmax_inflight_messages 0\npersistence true\npersistence_location {}/\n",
                  dir.path().string())};
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  Subscriber subscriber{broker.port(), "mesura/#", "keeps"};
  constexpr std::int64_t kWrites = 300;
  constexpr std::int64_t kBatches = 20;
  std::atomic<std::int64_t> written{0};
  std::atomic<std::int64_t> retries{0};
  std::thread writer{[&] {
    MqttSink sink{options_for(broker.port()), feed.table(), {}};
    for (std::int64_t n = 0; n < kWrites; ++n) {
      const auto batches = some(feed, power, n * kBatches, kBatches);
      while (!attempt(sink, batches).committed) ++retries;
      ++written;
      written.notify_one();
    }
  }};
  for (const std::int64_t at : {50, 150, 250}) {
    for (std::int64_t now = 0; now < at; now = written) written.wait(now);
    broker.stop();
    broker.start();
  }
  writer.join();
  CHECK(retries >= 3);
  subscriber.reconnect();
  const auto got = counts(subscriber.everything());
  CHECK(got.size() == static_cast<std::size_t>(kWrites * kBatches));
  CHECK(got.begin()->first == 0);
  CHECK(got.rbegin()->first == kWrites * kBatches - 1);
}

TEST_CASE("mqtt: a broker that acknowledges nothing more is given up in time, what it has is not sent again") {
  const Broker broker;
  TcpProxy proxy{broker.port()};
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  Subscriber subscriber{broker.port(), "mesura/#"};
  auto o = options_for(proxy.port());
  o.confirm_timeout = 300ms;
  MqttSink sink{o, feed.table(), {}};
  const auto batches = some(feed, power, 0, 10);
  sink.open();
  proxy.pass_back(4 * 4);  // four PUBACKs
  const auto first = sink.write(batches);
  CHECK(first.outcome == WriteResult::Outcome::retry);
  CHECK_THAT(first.reason, mesura::test::contains("has acknowledged nothing for 0.3 s, 6 of 10 messages are open"));
  CHECK_THAT(first.reason, Catch::Matchers::StartsWith("sink-busy: "));
  CHECK(first.done == std::vector<std::size_t>{0, 1, 2, 3});
  // Without open() there is nothing to write to.
  CHECK(sink.write(batches).outcome == WriteResult::Outcome::retry);

  proxy.pass_back_all();
  sink.open();
  // More has come meanwhile.
  auto more = batches;
  more.push_back(some(feed, power, 10, 1)[0]);
  const auto second = sink.write(more);
  CHECK(second.outcome == WriteResult::Outcome::committed);
  CHECK(counts(subscriber.everything()) ==
        std::map<std::int64_t, int>{
            {0, 1}, {1, 1}, {2, 1}, {3, 1}, {4, 2}, {5, 2}, {6, 2}, {7, 2}, {8, 2}, {9, 2}, {10, 1}});
}

TEST_CASE("mqtt: rejected records come with the write that ends it, though the write was cut") {
  const Broker broker;
  TcpProxy proxy{broker.port()};
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  auto o = options_for(proxy.port());
  o.confirm_timeout = 200ms;
  MqttSink sink{o, feed.table(), {}};
  const std::vector<BatchPtr> batches{feed.batch(kNoon, {{power, std::string{"no number"}}}),
                                      feed.batch(kNoon, {{power, 1.0}})};
  sink.open();
  proxy.pass_back(0);
  const auto first = sink.write(batches);
  CHECK(first.outcome == WriteResult::Outcome::retry);
  CHECK(first.done == std::vector<std::size_t>{0});
  REQUIRE(first.rejected.size() == 1);
  proxy.pass_back_all();
  const auto done = attempt(sink, batches);
  REQUIRE(done.committed);
  REQUIRE(done.rejected.size() == 1);
  CHECK(done.rejected[0].batch == 0);
  CHECK_THAT(done.rejected[0].reason, Catch::Matchers::StartsWith("sink-type: "));
}

TEST_CASE("mqtt: a host that takes connections and says nothing fails in time") {
  const Broker broker;
  TcpProxy proxy{broker.port()};
  proxy.pass_back(0);
  const SeriesTable none;
  auto o = options_for(proxy.port());
  o.connect_timeout = 200ms;
  MqttSink sink{o, none, {}};
  CHECK_THROWS_WITH(sink.open(), fmt::format("sink-busy: the broker at 127.0.0.1:{} took the connection, but did not "
                                             "answer within 0.2 s",
                                             proxy.port()));
}

TEST_CASE("mqtt: an idle connection is kept alive by pings") {
  const Broker broker;
  TcpProxy proxy{broker.port()};
  const SeriesTable none;
  auto o = options_for(proxy.port());
  o.keepalive = 5s;  // libmosquitto's least
  MqttSink sink{o, none, {}};
  sink.open();
  const std::string ping{"\xc0\x00", 2};
  const std::string pong{"\xd0\x00", 2};
  CHECK(proxy.wait_for(ping, pong, 30s));
}

TEST_CASE("mqtt: wrong credentials are told without the password, right ones let in") {
  const TempDir dir;
  write_passwords(dir.path() / "passwords");
  const Broker broker{fmt::format("allow_anonymous false\npassword_file {}\n", (dir.path() / "passwords").string())};
  const SeriesTable none;
  auto o = options_for(broker.port());
  o.protocol = GENERATE(Protocol::v311, Protocol::v5);
  o.username = "meter";
  o.password = "hunter2";
  MqttSink wrong{o, none, {}};
  std::string reason;
  try {
    wrong.open();
  } catch (const SinkError& e) {
    reason = e.what();
  }
  CHECK_THAT(reason, Catch::Matchers::StartsWith(fmt::format(
                         "sink-refused: the broker at 127.0.0.1:{} refused the connection: ", broker.port())));
  CHECK_THAT(reason, mesura::test::contains("uthori"));
  CHECK_THAT(reason, mesura::test::contains("are `username` and `password` right"));
  CHECK(reason.find("hunter2") == std::string::npos);
  CHECK(wrong.describe() == fmt::format("mqtt 127.0.0.1:{}", broker.port()));
  o.password = "secret";
  MqttSink right{o, none, {}};
  CHECK_NOTHROW(right.open());
}

TEST_CASE("mqtt: TLS, with a client's certificate") {
  const TempDir dir;
  const auto file = [&](const char* name) { return (dir.path() / name).string(); };
  mesura::test::make_certificate(file("broker.pem"), file("broker.key"));
  mesura::test::make_certificate(file("client.pem"), file("client.key"));
  mesura::test::make_certificate(file("other.pem"), file("other.key"));
  const Broker broker{
      fmt::format("allow_anonymous true\ncertfile {}\nkeyfile {}\ncafile {}\nrequire_certificate true\n",
                  file("broker.pem"), file("broker.key"), file("client.pem"))};
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  Options o = options_for(broker.port());
  o.url = fmt::format("mqtts://127.0.0.1:{}", broker.port());
  o.ca_file = file("broker.pem");
  o.cert_file = file("client.pem");
  o.key_file = file("client.key");
  o.confirm_timeout = 5s;
  const auto with = [&](auto change) {
    Options changed = o;
    change(changed);
    MqttSink sink{changed, feed.table(), {}};
    return attempt(sink, some(feed, power, 0, 5000)).reason;
  };
  CHECK(with([](Options&) {}).empty());
  // The broker may end it before or after it has taken the connection, depending on the version of TLS.
  CHECK_THAT(with([](Options& x) { x.cert_file = x.key_file = ""; }), Catch::Matchers::StartsWith("sink-"));
  CHECK_THAT(with([&](Options& x) {
               x.cert_file = file("other.pem");
               x.key_file = file("other.key");
             }),
             Catch::Matchers::StartsWith("sink-"));
  CHECK_THAT(with([&](Options& x) { x.ca_file = file("other.pem"); }), Catch::Matchers::StartsWith("sink-tls: "));
  CHECK_THAT(with([&](Options& x) { x.ca_file = file("missing.pem"); }),
             mesura::test::contains("a certificate or key cannot be read"));
  CHECK_FALSE(with([&](Options& x) { x.url = fmt::format("mqtt://127.0.0.1:{}", broker.port()); }).empty());
}

TEST_CASE("mqtt: what the broker does not allow is rejected, where the protocol can say so") {
  const TempDir dir;
  write_file(dir.path() / "acl", "topic write mesura/grid\ntopic read #\n");
  // With 0, mosquitto 2.0.11 ends the connection after what it has denied.
  const Broker broker{
      fmt::format("allow_anonymous true\nmax_queued_messages 100000\nacl_file {}\n", (dir.path() / "acl").string())};
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const auto secret = feed.number("vault", "l1", "active_power", "W");
  Options o = options_for(broker.port());
  o.qos = GENERATE(1, 2);
  const std::vector<BatchPtr> batches{feed.batch(kNoon, {{secret, 1.0}, {secret, 2.0, MESURA_GOOD, kNoon + 1}}),
                                      feed.batch(kNoon, {{power, 3.0}})};
  SECTION("5") {
    o.protocol = Protocol::v5;
    MqttSink sink{o, feed.table(), {}};
    const auto done = attempt(sink, batches);
    INFO(done.reason);
    REQUIRE(done.committed);
    REQUIRE(done.rejected.size() == 2);
    CHECK(done.rejected[0].batch == 0);
    CHECK(done.rejected[0].item == 0);
    CHECK(done.rejected[1].item == 1);
    CHECK(done.rejected[0].reason ==
          fmt::format("sink-refused: the broker at 127.0.0.1:{} refused a message to 'mesura/vault': Not authorized",
                      broker.port()));
  }
  SECTION("3.1.1 says it has what it threw away") {
    MqttSink sink{o, feed.table(), {}};
    const auto done = attempt(sink, batches);
    INFO(done.reason);
    REQUIRE(done.committed);
    CHECK(done.rejected.empty());
  }
}

TEST_CASE("mqtt: a message larger than the broker takes is rejected, where the protocol can say so") {
  const Broker broker{"allow_anonymous true\nmax_packet_size 300\n"};
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const auto text = feed.text("grid", "total", "message_text");
  Options o = options_for(broker.port());
  o.protocol = Protocol::v5;
  MqttSink sink{o, feed.table(), {}};
  const auto done = attempt(
      sink, {feed.batch(kNoon, {{text, std::string(400, 'x')}, {power, 1.0}}), feed.batch(kNoon, {{power, 2.0}})});
  INFO(done.reason);
  REQUIRE(done.committed);
  REQUIRE(done.rejected.size() == 2);
  CHECK(done.rejected[0].batch == 0);
  CHECK_THAT(done.rejected[1].reason,
             Catch::Matchers::StartsWith("sink-refused: a message to 'mesura/grid' cannot be sent: "));
}

TEST_CASE("mqtt: offline is said by the last will after a kill, and by close") {
  Broker broker;
  Subscriber subscriber{broker.port(), "mesura/status"};
  const SeriesTable none;
  Options o = options_for(broker.port());
  o.availability = "mesura/status";
  o.protocol = GENERATE(Protocol::v311, Protocol::v5);
  SECTION("a kill") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      MqttSink sink{o, none, {}};
      sink.open();
      if (::write(ends[1], "x", 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    ::close(ends[1]);
    char ignored = 0;
    REQUIRE(::read(ends[0], &ignored, 1) == 1);
    ::close(ends[0]);
    subscriber.wait([](const Messages& all) { return all.size() == 1; });
    CHECK(subscriber.last("mesura/status") == "online");
    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
  }
  SECTION("close") {
    MqttSink sink{o, none, {}};
    sink.open();
    subscriber.wait([](const Messages& all) { return all.size() == 1; });
    sink.close();
    CHECK(subscriber.everything().size() == 2);
    // And again, by the same sink.
    sink.open();
    subscriber.wait([](const Messages& all) { return all.size() == 3; });
    CHECK(subscriber.last("mesura/status") == "online");
    sink.close();
  }
  subscriber.wait([](const Messages& all) { return all.back().payload == "offline"; });
  Subscriber late{broker.port(), "mesura/status"};
  CHECK(late.everything() == Messages{{"mesura/status", "offline", true}});
}
