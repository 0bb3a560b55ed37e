// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "fixture.hpp"
#include "runtime/socket_address.hpp"
#include "support/catch.hpp"
#include "transport/byte_stream.hpp"
#include "transport/relay.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>

namespace mesura::transport::test {
namespace {

using runtime::UniqueFd;

/// Opens and expects that it fails; the reason.
Reason refused(Fixture& f, std::string_view kind, const Pairs& given) {
  Recorder recorder;
  const auto transport = make(kind, given, f.context);
  transport->open(recorder);
  REQUIRE(until(f.loop, [&] { return recorder.ended(); }));
  CHECK(recorder.opened == 0);
  CHECK_FALSE(recorder.final);
  return recorder.reason;
}

std::uint16_t free_port() {
  const auto fd = make_server("127.0.0.1", SOCK_STREAM);
  return port_of(fd.get());
}

}  // namespace

TEST_CASE("kinds: all are there, with schemas") {
  std::vector<std::string> names;
  for (const auto& kind : kinds()) {
    names.push_back(kind.name);
    CHECK_FALSE(kind.schema.help.empty());
    CHECK_FALSE(kind.schema.fields.empty());
    for (const auto& field : kind.schema.fields) CHECK_FALSE(field.schema.help.empty());
  }
  std::vector<std::string> expected{"serial", "tcp", "tcp_listen", "udp"};
  if (MESURA_WITH_HID) expected.emplace_back("hid");
  if (MESURA_WITH_MQTT) expected.emplace_back("mqtt");
  for (const char* name : {"http", "file", "replay", "pty", "seqpacket_listen"}) expected.emplace_back(name);
  CHECK(names == expected);
  CHECK(find_kind("usb") == nullptr);
}

TEST_CASE("kinds: the configuration of the design is read by their schemas") {
  const auto good = [](const char* kind, const char* yaml) {
    const auto reading = config::read_text(yaml, find_kind(kind)->schema);
    INFO(yaml);
    CHECK(reading.ok());
  };
  good("serial", "{path: /dev/serial/by-id/usb-P1, baud: 115200}");
  good("serial", "{path: /dev/ttyUSB0, baud: auto, format: 7E1, rts: off, dtr: leave, lock: false}");
  good("tcp", "{host: p1.local, port: 23}");
  good("tcp_listen", "{listen: '127.0.0.1:2001'}");
  good("udp", "{host: 192.168.0.34, port: 29340}");
  good("udp", "{listen: '0.0.0.0:29340', receive_buffer: 4MiB}");
  good("file", "{path: '-'}");
  good("replay", "{path: c.mcap, speed: 10}");
  good("replay", "{path: c.mcap, speed: max}");
  good("pty", "{path: /run/p1}");
}

TEST_CASE("tcp: a refused connection says who and why") {
  Fixture f;
  const auto port = free_port();
  const auto reason = refused(f, "tcp", {{"host", value("127.0.0.1")}, {"port", value(port)}});
  CHECK(reason.code == "refused");
  const auto where = "127.0.0.1:" + std::to_string(port);
  CHECK(reason.message.find("tcp " + where + " (" + where +
                            "): expected a connection, got Connection refused\n  hint") == 0);
}

TEST_CASE("tcp: a name that nobody knows is told as such") {
  Fixture f;
  const auto reason = refused(f, "tcp", {{"host", value("no name with blanks")}, {"port", value(23)}});
  CHECK(reason.code == "open-failed");
  CHECK(reason.message.find("expected a host that can be found") != std::string::npos);
}

TEST_CASE("tcp: the next address is tried when one does not answer") {
  // localhost is ::1 and 127.0.0.1 on most machines; only the latter listens here.
  Fixture f;
  const auto server = make_server("127.0.0.1", SOCK_STREAM);
  Recorder recorder;
  const auto transport = make("tcp", {{"host", value("localhost")}, {"port", value(port_of(server.get()))}}, f.context);
  transport->open(recorder);
  REQUIRE(until(f.loop, [&] { return recorder.opened + recorder.closed > 0; }));
  CHECK(recorder.opened == 1);
}

TEST_CASE("tcp: a connection that comes to nothing ends by its time limit") {
  ManualFixture f;
  // A full queue of a server that never accepts: packets are swallowed.
  const auto server = make_server("127.0.0.1", SOCK_STREAM);
  REQUIRE(::listen(server.get(), 0) == 0);
  const auto address = runtime::SocketAddress::of_socket(server.get());
  std::vector<UniqueFd> queue;
  for (int i = 0; i < 4; ++i) {
    queue.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ::connect(queue.back().get(), address.data(), address.size());
  }
  Recorder recorder;
  const auto transport = make("tcp", {{"host", value("127.0.0.1")}, {"port", value(address.port())}}, f.context);
  transport->open(recorder);
  f.drain();
  f.advance(9'999ms);
  CHECK_FALSE(recorder.ended());
  f.advance(1ms);
  CHECK(recorder.reason.code == "open-failed");
  CHECK(recorder.reason.message.find("got Connection timed out") != std::string::npos);
}

TEST_CASE("tcp: a reset connection has vanished") {
  Fixture f;
  const auto server = make_server("127.0.0.1", SOCK_STREAM);
  Recorder recorder;
  const auto transport = make("tcp", {{"host", value("127.0.0.1")}, {"port", value(port_of(server.get()))}}, f.context);
  transport->open(recorder);
  UniqueFd peer;
  REQUIRE(until(f.loop, [&] {
    if (!peer) peer = UniqueFd{::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    return peer && recorder.opened == 1;
  }));
  const linger abort{1, 0};
  REQUIRE(::setsockopt(peer.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort) == 0);
  peer.reset();
  REQUIRE(until(f.loop, [&] { return recorder.ended(); }));
  CHECK(recorder.reason.code == "vanished");
  CHECK(recorder.reason.message.find("got Connection reset by peer") != std::string::npos);
}

TEST_CASE("tcp_listen: each connection is its own stream, and can be answered alone") {
  Fixture f;
  Recorder recorder;
  recorder.single_stream = false;
  const auto transport = make("tcp_listen", {{"listen", value("127.0.0.1:0")}}, f.context);
  transport->open(recorder);
  REQUIRE(until(f.loop, [&] { return recorder.opened == 1; }));
  const auto a = connect_to(transport->describe(), SOCK_STREAM);
  const auto b = connect_to(transport->describe(), SOCK_STREAM);
  write_now(a.get(), "from a");
  REQUIRE(until(f.loop, [&] { return recorder.by_peer.size() == 1; }));
  write_now(b.get(), "from b");
  REQUIRE(until(f.loop, [&] { return recorder.by_peer.size() == 2; }));
  const auto name = [](const UniqueFd& fd) { return runtime::SocketAddress::of_socket(fd.get()).to_string(); };
  CHECK(recorder.by_peer[0] == std::pair{name(a), std::string{"from a"}});
  CHECK(recorder.by_peer[1] == std::pair{name(b), std::string{"from b"}});

  CHECK(transport->send(as_bytes("to b"), name(b)));
  CHECK(transport->send(as_bytes(" to all"), {}));
  CHECK_FALSE(transport->send(as_bytes("x"), "10.0.0.1:1"));
  std::string at_a;
  std::string at_b;
  REQUIRE(until(f.loop, [&] {
    at_a += read_now(a.get());
    at_b += read_now(b.get());
    return at_a.size() >= 7 && at_b.size() >= 11;
  }));
  CHECK(at_a == " to all");
  CHECK(at_b == "to b to all");
}

TEST_CASE("tcp_listen: a peer that goes takes nothing else with it, and its offset starts anew") {
  Fixture f;
  Recorder recorder;
  const auto transport = make("tcp_listen", {{"listen", value("127.0.0.1:0")}}, f.context);
  transport->open(recorder);
  REQUIRE(until(f.loop, [&] { return recorder.opened == 1; }));
  for (int i = 0; i < 3; ++i) {
    recorder.bytes.clear();  // the recorder holds the offset against what it has
    const auto peer = connect_to(transport->describe(), SOCK_STREAM);
    write_now(peer.get(), "12345");
    REQUIRE(until(f.loop, [&] { return recorder.bytes.size() == 5; }));
    write_now(peer.get(), "67");
    REQUIRE(until(f.loop, [&] { return recorder.bytes.size() == 7; }));
  }
  CHECK_FALSE(recorder.ended());
}

TEST_CASE("tcp_listen: peers are announced before their bytes, and seen off once") {
  Fixture f;
  Recorder recorder;
  recorder.single_stream = false;
  const auto transport = make("tcp_listen", {{"listen", value("127.0.0.1:0")}}, f.context);
  transport->open(recorder);
  REQUIRE(until(f.loop, [&] { return recorder.opened == 1; }));
  auto a = connect_to(transport->describe(), SOCK_STREAM);
  const auto b = connect_to(transport->describe(), SOCK_STREAM);
  const auto name_of = [](const UniqueFd& fd) { return runtime::SocketAddress::of_socket(fd.get()).to_string(); };
  const std::pair joined_a{name_of(a), true};
  const std::pair joined_b{name_of(b), true};
  recorder.then_on_bytes = [&] { CHECK_FALSE(recorder.peers.empty()); };
  CHECK(write_now(a.get(), "hello") == 5);
  REQUIRE(until(f.loop, [&] { return recorder.bytes == "hello" && recorder.peers.size() == 2; }));
  CHECK(recorder.peers == std::vector{joined_a, joined_b});

  SECTION("one that goes") {
    a.reset();
    REQUIRE(until(f.loop, [&] { return recorder.peers.size() == 3; }));
    CHECK(recorder.peers.back() == std::pair{joined_a.first, false});
  }
  SECTION("one that is dropped, told by the loop") {
    recorder.calling([&] {
      transport->drop(joined_b.first);
      transport->drop(joined_b.first);
      transport->drop("192.0.2.1:1");
      CHECK_FALSE(transport->send(as_bytes("x"), joined_b.first));
    });
    REQUIRE(until(f.loop, [&] { return recorder.peers.size() == 3; }));
    CHECK(recorder.peers.back() == std::pair{joined_b.first, false});
    std::array<char, 1> byte{};
    CHECK(::read(b.get(), byte.data(), 1) == 0);
  }
  SECTION("one that is dropped while it speaks") {
    recorder.then_on_bytes = [&] { transport->drop(joined_a.first); };
    CHECK(write_now(a.get(), "again") == 5);
    REQUIRE(until(f.loop, [&] { return recorder.peers.size() == 3; }));
    CHECK(recorder.peers.back() == std::pair{joined_a.first, false});
  }
  SECTION("one that is dropped as it comes") {
    recorder.then_on_peer = [&](std::string_view peer, bool joined) {
      if (joined) transport->drop(peer);
    };
    const auto c = connect_to(transport->describe(), SOCK_STREAM);
    REQUIRE(until(f.loop, [&] { return recorder.peers.size() == 4; }));
    CHECK(recorder.peers[2] == std::pair{name_of(c), true});
    CHECK(recorder.peers[3] == std::pair{name_of(c), false});
  }
  SECTION("a close in the announcement of a peer is the end of all") {
    recorder.then_on_peer = [&](std::string_view, bool) {
      transport->close();
      recorder.forbid_more();
    };
    const auto c = connect_to(transport->describe(), SOCK_STREAM);
    const auto d = connect_to(transport->describe(), SOCK_STREAM);
    REQUIRE(until(f.loop, [&] { return recorder.peers.size() == 3; }));
  }
  for (int i = 0; i < 5; ++i) f.loop.run_once(1ms);
  CHECK(recorder.peers.size() <= 4);
}

TEST_CASE("tcp_listen: no more connections than allowed, said once") {
  Fixture f;
  Recorder recorder;
  const auto transport = make("tcp_listen", {{"listen", value("127.0.0.1:0")}, {"max_peers", value(2)}}, f.context);
  transport->open(recorder);
  REQUIRE(until(f.loop, [&] { return recorder.opened == 1; }));
  std::vector<UniqueFd> peers;
  for (int i = 0; i < 4; ++i) peers.push_back(connect_to(transport->describe(), SOCK_STREAM));
  const auto refused_now = [](const UniqueFd& fd) {
    char byte = 0;
    return ::recv(fd.get(), &byte, 1, MSG_PEEK) == 0;
  };
  REQUIRE(until(f.loop, [&] { return refused_now(peers[2]) && refused_now(peers[3]); }));
  CHECK_FALSE(refused_now(peers[0]));
  CHECK_FALSE(refused_now(peers[1]));
  REQUIRE(f.logged.size() == 1);
  CHECK(f.logged[0].find("warn tra-max-peers") == 0);
}

TEST_CASE("tcp_listen: out of descriptors, it pauses instead of spinning, and goes on") {
  ManualFixture f;
  Recorder recorder;
  const auto transport = make("tcp_listen", {{"listen", value("127.0.0.1:0")}}, f.context);
  transport->open(recorder);
  f.drain();
  const auto peer = connect_to(transport->describe(), SOCK_STREAM);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none{static_cast<rlim_t>(peer.get()) + 1, before.rlim_max};
  std::vector<UniqueFd> holes;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) holes.emplace_back(fd);
  f.loop.run_once(0ns);
  const bool asleep = !f.loop.run_once(0ns);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(asleep);
  REQUIRE(f.logged.size() == 1);
  CHECK(f.logged[0].find("Too many open files") != std::string::npos);
  f.advance(1s);
  CHECK(write_now(peer.get(), "at last") == 7);
  REQUIRE(until(f.loop, [&] { return recorder.bytes.size() >= 7; }));
  CHECK(recorder.bytes == "at last");
}

TEST_CASE("tcp_listen: an address that is taken is told") {
  Fixture f;
  const auto server = make_server("127.0.0.1", SOCK_STREAM);
  const auto where = "127.0.0.1:" + std::to_string(port_of(server.get()));
  const auto reason = refused(f, "tcp_listen", {{"listen", value(where)}});
  CHECK(reason.code == "open-failed");
  CHECK(reason.message.find("got Address already in use\n  hint") != std::string::npos);
  CHECK(refused(f, "tcp_listen", {{"listen", value("nonsense")}}).message.find("expected host:port") !=
        std::string::npos);
  CHECK(refused(f, "tcp_listen", {{"listen", value("192.0.2.1:0")}}).message.find("Cannot assign requested address") !=
        std::string::npos);
}

TEST_CASE("udp: datagrams bear their sender, who can be answered") {
  Fixture f;
  Recorder recorder;
  const auto transport = make("udp", {{"listen", value("127.0.0.1:0")}}, f.context);
  transport->open(recorder);
  REQUIRE(until(f.loop, [&] { return recorder.opened == 1; }));
  const auto a = connect_to(transport->describe(), SOCK_DGRAM);
  const auto b = connect_to(transport->describe(), SOCK_DGRAM);
  write_now(a.get(), "one");
  write_now(b.get(), "two");
  REQUIRE(until(f.loop, [&] { return recorder.by_peer.size() == 2; }));
  CHECK(recorder.by_peer[0].second == "one");
  CHECK(recorder.by_peer[1].second == "two");
  CHECK(transport->send(as_bytes("to b"), recorder.by_peer[1].first));
  std::string heard;
  REQUIRE(until(f.loop, [&] { return !(heard = read_now(b.get())).empty(); }));
  CHECK(heard == "to b");
  CHECK_FALSE(transport->send(as_bytes("x"), {}));
  CHECK_FALSE(transport->send(as_bytes("x"), "no-address:1"));
  // One of many who is gone is no reason to close.
  const auto gone = "127.0.0.1:" + std::to_string(port_of(make_server("127.0.0.1", SOCK_DGRAM).get()));
  CHECK(transport->send(as_bytes("x"), gone));
  for (int i = 0; i < 5; ++i) f.loop.run_once(1ms);
  CHECK_FALSE(recorder.ended());
}

TEST_CASE("udp: a stranger's datagrams are not taken for the device's") {
  Fixture f;
  const auto device = make_server("127.0.0.1", SOCK_DGRAM);
  const auto own = make_server("127.0.0.1", SOCK_DGRAM);
  const auto own_port = port_of(own.get());
  Recorder recorder;
  const auto transport = make("udp", {{"host", value("127.0.0.1")}, {"port", value(port_of(device.get()))}}, f.context);
  transport->open(recorder);
  REQUIRE(until(f.loop, [&] { return recorder.opened == 1; }));
  REQUIRE(transport->send(as_bytes("poll"), {}));
  std::array<char, 16> buffer{};
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  auto* const address = reinterpret_cast<sockaddr*>(&from);
  REQUIRE(until(f.loop, [&] { return ::recvfrom(device.get(), buffer.data(), 16, 0, address, &size) == 4; }));
  REQUIRE(own_port != 0);
  REQUIRE(::sendto(own.get(), "forged", 6, 0, address, size) == 6);
  REQUIRE(::sendto(device.get(), "genuine", 7, 0, address, size) == 7);
  REQUIRE(until(f.loop, [&] { return !recorder.bytes.empty(); }));
  CHECK(recorder.bytes == "genuine");
}

TEST_CASE("udp: without host, or with host and no port, it says what is missing") {
  Fixture f;
  CHECK(refused(f, "udp", {{"host", value("127.0.0.1")}}).message.find("got no port") != std::string::npos);
  CHECK(refused(f, "udp", {}).message.find("expected `host` with `port`, or `listen`") != std::string::npos);
}

TEST_CASE("relay: every client gets every frame, a stalled one loses whole frames and delays nobody") {
  Fixture f;
  Relay relay{f.context, {.listen = "127.0.0.1:0"}};
  relay.start();
  REQUIRE(until(f.loop, [&] { return relay.link().state() == Link::State::open; }));
  const auto reader = connect_to(relay.link().describe(), SOCK_STREAM);
  const auto stalled = connect_to(relay.link().describe(), SOCK_STREAM);
  for (int i = 0; i < 5; ++i) f.loop.run_once(1ms);

  const std::string body = pattern(9'000);
  constexpr int kFrames = 2000;  // 18 MB: more than the kernel and we keep
  std::string at_reader;
  std::string expected;
  for (int i = 0; i < kFrames; ++i) {
    const auto frame = "/" + std::to_string(100'000 + i) + body;
    expected += frame;
    relay.publish(as_bytes(frame));
    f.loop.run_once(0ns);
    at_reader += read_now(reader.get());
  }
  REQUIRE(until(f.loop, [&] { return (at_reader += read_now(reader.get())).size() >= expected.size(); }));
  CHECK(at_reader == expected);
  CHECK(relay.missed() > 0);

  // The stalled one gets whole frames only, in order.
  const std::size_t kept = kFrames - relay.missed();
  const std::size_t frame_size = body.size() + 7;
  std::string at_stalled;
  REQUIRE(until(f.loop, [&] { return (at_stalled += read_now(stalled.get())).size() >= kept * frame_size; }));
  REQUIRE(at_stalled.size() == kept * frame_size);
  int last = 0;
  for (std::size_t at = 0; at < at_stalled.size(); at += frame_size) {
    REQUIRE(at_stalled[at] == '/');
    const int number = std::stoi(at_stalled.substr(at + 1, 6));
    REQUIRE(number > last);
    last = number;
    REQUIRE(at_stalled.compare(at + 7, body.size(), body) == 0);
  }
}

TEST_CASE("relay: a client that goes, and an address that is taken, end nothing") {
  Fixture f;
  auto squatter = make_server("127.0.0.1", SOCK_STREAM);
  Relay relay{f.context,
              {.listen = "127.0.0.1:" + std::to_string(port_of(squatter.get())),
               .max_clients = 4,
               .backoff = {.first = 1ms, .ceiling = 5ms, .factor = 2, .jitter = 0}}};
  relay.start();
  REQUIRE(until(f.loop, [&] { return relay.link().state() == Link::State::waiting; }));
  relay.publish(as_bytes("nobody"));
  squatter.reset();
  REQUIRE(until(f.loop, [&] { return relay.link().state() == Link::State::open; }));
  connect_to(relay.link().describe(), SOCK_STREAM).reset();
  const auto reader = connect_to(relay.link().describe(), SOCK_STREAM);
  for (int i = 0; i < 5; ++i) f.loop.run_once(1ms);
  relay.publish(as_bytes("frame"));
  std::string heard;
  REQUIRE(until(f.loop, [&] { return (heard += read_now(reader.get())).size() >= 5; }));
  CHECK(heard == "frame");
  CHECK(relay.missed() == 0);
}

}  // namespace mesura::transport::test
