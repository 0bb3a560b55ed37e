// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "fixture.hpp"
#include "mqtt_rig.hpp"
#include "support/catch.hpp"
#include "support/certificate.hpp"
#include "transport/link.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <fstream>

namespace mesura::transport::test {
namespace {

config::Value texts(const std::vector<std::string>& all) {
  config::Value::List list;
  for (const auto& text : all) list.emplace_back(text);
  return config::Value{std::move(list)};
}

/// A listener that keeps the topics.
class Messages final : public Listener {
 public:
  void on_open() override { opened = true; }
  void on_bytes(Bytes bytes, const Meta& meta) override {
    CHECK(opened);
    CHECK(meta.offset == offset);
    offset += bytes.size();
    all.push_back({std::string{meta.topic}, {bytes.begin(), bytes.end()}});
    if (then) then();
  }
  void on_closed(const Reason& why, bool /*final*/) override { reason = why; }
  [[nodiscard]] bool settled() const { return opened || !reason.code.empty(); }

  bool opened = false;
  std::uint64_t offset = 0;
  std::vector<ForeignClient::Message> all;
  std::function<void()> then;
  Reason reason;
};

struct Opened {
  Messages messages;
  std::unique_ptr<Transport> transport;
  Opened(Fixture& f, std::uint16_t port, Pairs given) {
    given.emplace_back("host", value("127.0.0.1"));
    given.emplace_back("port", value(port));
    transport = make("mqtt", given, f.context);
    transport->open(messages);
    REQUIRE(until(f.loop, [&] { return messages.settled(); }));
  }
};

using All = std::vector<ForeignClient::Message>;

}  // namespace

TEST_CASE("mqtt: messages come with their topics, also those that the broker has kept") {
  Fixture f;
  const Broker broker;
  ForeignClient foreign{broker.port(), "none"};
  foreign.publish("p1/kept", "before", true);
  foreign.publish("p1/gone", "nobody hears it");
  Opened line{f, broker.port(), {{"topics", texts({"p1/#", "+/status"})}}};
  REQUIRE(line.messages.opened);
  REQUIRE(until(f.loop, [&] {
    foreign.work();
    return line.messages.all.size() == 1;
  }));
  foreign.publish("p1/telegram", "/ISK5\\2M550T-1012\r\n");
  foreign.publish("x/other", "not ours");
  foreign.publish("p1/empty", "");
  foreign.publish("x/status", "online");
  REQUIRE(until(f.loop, [&] {
    foreign.work();
    return line.messages.all.size() == 3;
  }));
  CHECK(line.messages.all ==
        All{{"p1/kept", "before"}, {"p1/telegram", "/ISK5\\2M550T-1012\r\n"}, {"x/status", "online"}});
}

TEST_CASE("mqtt: what is sent is published, at each quality of service") {
  Fixture f;
  const Broker broker;
  ForeignClient foreign{broker.port(), "cmd/#"};
  for (const int qos : {0, 1, 2}) {
    Opened line{f, broker.port(), {{"qos", value(qos)}}};
    REQUIRE(line.messages.opened);
    foreign.received.clear();
    CHECK(line.transport->send(as_bytes("on"), "cmd/relay"));
    CHECK(line.transport->send(as_bytes("off"), "cmd/relay"));
    CHECK_FALSE(line.transport->send(as_bytes("x"), {}));
    CHECK_FALSE(line.transport->send(as_bytes("x"), "cmd/#"));
    CHECK_FALSE(line.transport->send(as_bytes(std::string(1'048'577, 'x')), "cmd/big"));
    REQUIRE(until(f.loop, [&] {
      foreign.work();
      return foreign.received.size() == 2;
    }));
    CHECK(foreign.received == All{{"cmd/relay", "on"}, {"cmd/relay", "off"}});
  }
}

TEST_CASE("mqtt: sending and closing in the middle of messages") {
  Fixture f;
  const Broker broker;
  ForeignClient foreign{broker.port(), "answers"};
  Opened line{f, broker.port(), {{"topics", texts({"questions"})}}};
  REQUIRE(line.messages.opened);
  int asked = 0;
  line.messages.then = [&] { CHECK(line.transport->send(as_bytes(std::to_string(++asked)), "answers")); };
  for (int i = 0; i < 2; ++i) foreign.publish("questions", "?");
  REQUIRE(until(f.loop, [&] {
    foreign.work();
    return foreign.received.size() == 2;
  }));
  CHECK(foreign.received == All{{"answers", "1"}, {"answers", "2"}});

  // All of these come in one read.
  line.messages.then = [&] {
    ++asked;
    line.transport->close();
  };
  for (int i = 0; i < 6; ++i) foreign.publish("questions", "?");
  REQUIRE(until(f.loop, [&] {
    foreign.work();
    return asked == 3;
  }));
  for (int i = 0; i < 5; ++i) f.loop.run_once(1ms);
  CHECK(asked == 3);
  CHECK_FALSE(line.transport->send(as_bytes("x"), "answers"));
}

TEST_CASE("mqtt: wrong credentials are told, right ones let in") {
  Fixture f;
  const TempDir dir;
  // As mosquitto_passwd writes it: `secret`.
  std::ofstream{dir.file("passwords")}
      << "meter:$7$101$K7ZIEMxCsGuUMZ+K$DcAWsy4pNCQbFn0pxjq0sAnsZGboXcbVjFu8fNZS4zSFvFtJ5uN0"
         "i2+S5Bcw8+gE2cGMvvMdS0z5qDJ2GmmEUg==\n";
  const Broker broker{"allow_anonymous false\npassword_file " + dir.file("passwords") + "\n"};
  const Opened wrong{f, broker.port(), {{"username", value("meter")}, {"password", value("wrong")}}};
  CHECK(wrong.messages.reason.code == "refused");
  CHECK(wrong.messages.reason.message.find("expected to be let in by the broker, got Connection Refused: ") !=
        std::string::npos);
  CHECK(wrong.messages.reason.message.find("are `username` and `password` right?") != std::string::npos);
  CHECK(wrong.messages.reason.message.find("wrong\n") == std::string::npos);
  const Opened none{f, broker.port(), {}};
  CHECK(none.messages.reason.code == "refused");
  const Opened right{f, broker.port(), {{"username", value("meter")}, {"password", value("secret")}}};
  CHECK(right.messages.opened);
}

TEST_CASE("mqtt: TLS with a certificate that is vouched for, and without") {
  Fixture f;
  const TempDir dir;
  mesura::test::make_certificate(dir.file("cert.pem"), dir.file("key.pem"));
  mesura::test::make_certificate(dir.file("other.pem"), dir.file("other.key"));
  const Broker broker{"allow_anonymous true\ncertfile " + dir.file("cert.pem") + "\nkeyfile " + dir.file("key.pem") +
                      "\n"};
  const auto open = [&](Pairs given) {
    given.emplace_back("tls", config::Value{true});
    Opened line{f, broker.port(), given};
    // A message to oneself, there and back.
    if (line.messages.opened) {
      CHECK(line.transport->send(as_bytes(pattern(50'000)), "echo"));
      REQUIRE(until(f.loop, [&] { return !line.messages.all.empty(); }));
      CHECK(line.messages.all[0].payload == pattern(50'000));
    }
    return line.messages.reason;
  };
  const std::pair<std::string, config::Value> topics{"topics", texts({"echo"})};
  CHECK(open({topics, {"ca_file", value(dir.file("cert.pem"))}}).code.empty());
  const auto system = open({topics});
  CHECK(system.code == "open-failed");
  CHECK(system.message.find("is its certificate one that `ca_file` vouches for?") != std::string::npos);
  CHECK(open({{"ca_file", value(dir.file("other.pem"))}}).code == "open-failed");
  CHECK(open({{"ca_file", value(dir.file("missing.pem"))}}).message.find("a certificate or key that can't be read") !=
        std::string::npos);
  // A broker that speaks TLS, asked without.
  const Opened plain{f, broker.port(), {}};
  CHECK(plain.messages.reason.code == "open-failed");
}

TEST_CASE("mqtt: topics that can't be are told before anything is opened") {
  Fixture f;
  const Opened line{f, 1, {{"topics", texts({"p1/#/x"})}}};
  CHECK(line.messages.reason.code == "open-failed");
  CHECK(line.messages.reason.message.find("expected topics like p1/+/telegram or p1/#, got 'p1/#/x'") !=
        std::string::npos);
}

TEST_CASE("mqtt: nobody there, and somebody who is no broker") {
  Fixture f;
  const auto port = port_of(make_server("127.0.0.1", SOCK_STREAM).get());
  const Opened nobody{f, port, {}};
  CHECK(nobody.messages.reason.code == "refused");
  CHECK(nobody.messages.reason.message.find("got Connection refused\n  hint  no broker listens there") !=
        std::string::npos);

  const auto silent = make_server("127.0.0.1", SOCK_STREAM);
  const Opened timeout{f, port_of(silent.get()), {{"connect_timeout", config::Value{std::int64_t{100'000'000}}}}};
  CHECK(timeout.messages.reason.code == "open-failed");
  CHECK(timeout.messages.reason.message.find("expected the broker's answer, got Connection timed out") !=
        std::string::npos);

  Messages lost;
  const auto transport = make("mqtt", {{"host", value("no name with blanks")}}, f.context);
  transport->open(lost);
  REQUIRE(until(f.loop, [&] { return lost.settled(); }));
  CHECK(lost.reason.code == "open-failed");
  CHECK(lost.reason.message.find("is the name of the broker spelled right") != std::string::npos);
}

TEST_CASE("mqtt: it comes back when the broker does") {
  Fixture f;
  auto broker = std::make_unique<Broker>();
  const auto port = broker->port();
  std::vector<std::string> ends;
  std::string received;
  Link link{f.context,
            [&] {
              return make("mqtt", {{"host", value("127.0.0.1")}, {"port", value(port)}, {"topics", texts({"p1"})}},
                          f.context);
            },
            {.backoff = {.first = 1ms, .ceiling = 20ms, .factor = 2, .jitter = 0}, .silence = 0ns, .seed = 1},
            {.on_open = [] {},
             .on_bytes = [&](Bytes b, const Meta&) { received.append(b.begin(), b.end()); },
             .on_closed = [&](const Reason& r, bool) { ends.push_back(r.code); }}};
  link.start();
  REQUIRE(until(f.loop, [&] { return link.state() == Link::State::open; }));
  broker->stop();
  REQUIRE(until(f.loop, [&] { return ends.size() >= 2; }));
  CHECK(ends[0] == "vanished");
  CHECK(ends[1] == "refused");
  const Broker again{"", port};
  REQUIRE(until(f.loop, [&] { return link.state() == Link::State::open; }));
  ForeignClient foreign{port, "none"};
  foreign.publish("p1", "after");
  REQUIRE(until(f.loop, [&] {
    foreign.work();
    return received == "after";
  }));
}

}  // namespace mesura::transport::test
