// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
// The contract of all transports: one suite, a rig for each kind and way of using it.
#include "fixture.hpp"
#include "runtime/socket_address.hpp"
#include "support/catch.hpp"
#include "transport/byte_stream.hpp"
#include "transport/capture.hpp"
#include "transport/terminal.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <fstream>

namespace mesura::transport::test {
namespace {

using runtime::UniqueFd;

/// The outside of one transport.
class Rig {
 public:
  virtual ~Rig() = default;
  virtual std::unique_ptr<Transport> make(const Context& context) = 0;
  /// The transport is open: connect to it where that is needed.
  virtual void meet(Fixture& /*f*/, Transport& /*transport*/) {}
  /// Lets the outside speak; how much it could say now.
  virtual std::size_t say(std::string_view bytes) = 0;
  virtual std::string hear() { return {}; }
  /// Ends the line from outside, or just one visit where can_unplug is false.
  virtual void unplug() {}

  bool preloaded = false;  ///< says everything before the transport opens
  bool hears = true;
  bool stream = true;  ///< delivers all bytes; datagrams may get lost
  bool can_unplug = true;
  std::string end_code;
  bool end_is_final = false;
};

class TcpRig final : public Rig {
 public:
  explicit TcpRig(const char* host) : host_(host), server_(make_server(host, SOCK_STREAM)) { end_code = "eof"; }
  std::unique_ptr<Transport> make(const Context& context) override {
    return test::make("tcp", {{"host", value(host_)}, {"port", value(port_of(server_.get()))}}, context);
  }
  void meet(Fixture& f, Transport&) override {
    REQUIRE(until(f.loop, [&] {
      peer_ = UniqueFd{::accept4(server_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
      return static_cast<bool>(peer_);
    }));
  }
  std::size_t say(std::string_view bytes) override { return write_now(peer_.get(), bytes); }
  std::string hear() override { return read_now(peer_.get()); }
  void unplug() override { peer_.reset(); }

 private:
  const char* host_;
  UniqueFd server_;
  UniqueFd peer_;
};

class TcpListenRig final : public Rig {
 public:
  TcpListenRig() { can_unplug = false; }  // peers come and go, the listener stays
  std::unique_ptr<Transport> make(const Context& context) override {
    return test::make("tcp_listen", {{"listen", value("[::1]:0")}}, context);
  }
  void meet(Fixture& f, Transport& transport) override {
    peer_ = connect_to(transport.describe(), SOCK_STREAM);
    // Known to the transport once it hears from it.
    REQUIRE(until(f.loop, [&] { return transport.send(as_bytes("?"), {}) && hear() == "?"; }));
  }
  std::size_t say(std::string_view bytes) override { return write_now(peer_.get(), bytes); }
  std::string hear() override { return read_now(peer_.get()); }
  void unplug() override { peer_.reset(); }

 private:
  UniqueFd peer_;
};

class UdpRig final : public Rig {
 public:
  UdpRig() : peer_(make_server("127.0.0.1", SOCK_DGRAM)) {
    stream = false;
    end_code = "refused";
  }
  std::unique_ptr<Transport> make(const Context& context) override {
    return test::make("udp", {{"host", value("127.0.0.1")}, {"port", value(port_of(peer_.get()))}}, context);
  }
  void meet(Fixture& f, Transport& transport) override {
    transport_ = &transport;
    REQUIRE(transport.send(as_bytes("hello"), {}));
    std::array<char, 16> buffer{};
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    auto* const address = reinterpret_cast<sockaddr*>(&from);
    REQUIRE(until(f.loop, [&] { return ::recvfrom(peer_.get(), buffer.data(), 16, 0, address, &size) == 5; }));
    REQUIRE(::connect(peer_.get(), address, size) == 0);
  }
  std::size_t say(std::string_view bytes) override { return write_now(peer_.get(), bytes.substr(0, 1000)); }
  std::string hear() override { return read_now(peer_.get()); }
  void unplug() override {
    peer_.reset();
    // Nothing is noticed until something is sent in vain.
    CHECK(transport_->send(as_bytes("anybody there?"), {}));
  }

 private:
  UniqueFd peer_;
  Transport* transport_ = nullptr;
};

class UdpListenRig final : public Rig {
 public:
  UdpListenRig() {
    stream = false;
    can_unplug = false;
    hears = false;  // without `to`, nobody is meant
  }
  std::unique_ptr<Transport> make(const Context& context) override {
    return test::make("udp", {{"listen", value("[::1]:0")}}, context);
  }
  void meet(Fixture&, Transport& transport) override { peer_ = connect_to(transport.describe(), SOCK_DGRAM); }
  std::size_t say(std::string_view bytes) override { return write_now(peer_.get(), bytes.substr(0, 1000)); }

 private:
  UniqueFd peer_;
};

/// Without host and own address: whoever wants to be heard answers a question.
class UdpBroadcastRig final : public Rig {
 public:
  UdpBroadcastRig() : peer_(make_server("127.0.0.1", SOCK_DGRAM)) {
    stream = false;
    can_unplug = false;
    hears = false;
  }
  std::unique_ptr<Transport> make(const Context& context) override {
    return test::make("udp", {{"interfaces", config::Value{config::Value::List{value("lo")}}}}, context);
  }
  void meet(Fixture&, Transport& transport) override {
    const auto to = runtime::SocketAddress::parse("127.0.0.1", port_in(transport.describe()));
    REQUIRE(::connect(peer_.get(), to->data(), to->size()) == 0);
  }
  std::size_t say(std::string_view bytes) override { return write_now(peer_.get(), bytes.substr(0, 1000)); }

 private:
  static std::uint16_t port_in(const std::string& description) {
    return static_cast<std::uint16_t>(std::stoi(description.substr(description.rfind(':') + 1)));
  }
  UniqueFd peer_;
};

class SerialRig final : public Rig {
 public:
  SerialRig() : pty_(make_pty()) { end_code = "vanished"; }
  std::unique_ptr<Transport> make(const Context& context) override {
    return test::make("serial", {{"path", value(pty_.device)}}, context);
  }
  std::size_t say(std::string_view bytes) override { return write_now(pty_.master.get(), bytes); }
  std::string hear() override { return read_now(pty_.master.get()); }
  void unplug() override { pty_.master.reset(); }

 private:
  RawPty pty_;
};

class PtyRig final : public Rig {
 public:
  PtyRig() { can_unplug = false; }
  std::unique_ptr<Transport> make(const Context& context) override {
    return test::make("pty", {{"path", value(dir_.file("port"))}}, context);
  }
  void meet(Fixture&, Transport&) override {
    port_ = UniqueFd{::open(dir_.file("port").c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)};
    REQUIRE(port_);
  }
  std::size_t say(std::string_view bytes) override { return write_now(port_.get(), bytes); }
  std::string hear() override { return read_now(port_.get()); }
  void unplug() override { port_.reset(); }

 private:
  TempDir dir_;
  UniqueFd port_;
};

class FileRig final : public Rig {
 public:
  FileRig() {
    preloaded = true;
    hears = false;
    end_code = "ended";
    end_is_final = true;
  }
  std::unique_ptr<Transport> make(const Context& context) override {
    return test::make("file", {{"path", value(dir_.file("bytes"))}}, context);
  }
  std::size_t say(std::string_view bytes) override {
    std::ofstream{dir_.file("bytes"), std::ios::app | std::ios::binary} << bytes;
    return bytes.size();
  }

 private:
  TempDir dir_;
};

class PipeRig final : public Rig {
 public:
  PipeRig() {
    hears = false;
    end_code = "ended";
    end_is_final = true;
    REQUIRE(::mkfifo(dir_.file("pipe").c_str(), 0600) == 0);
  }
  std::unique_ptr<Transport> make(const Context& context) override {
    return test::make("file", {{"path", value(dir_.file("pipe"))}}, context);
  }
  void meet(Fixture&, Transport&) override {
    pipe_ = UniqueFd{::open(dir_.file("pipe").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)};
    REQUIRE(pipe_);
  }
  std::size_t say(std::string_view bytes) override { return write_now(pipe_.get(), bytes); }
  void unplug() override { pipe_.reset(); }

 private:
  TempDir dir_;
  UniqueFd pipe_;
};

class ReplayRig final : public Rig {
 public:
  ReplayRig() {
    preloaded = true;
    hears = false;
    end_code = "ended";
    end_is_final = true;
  }
  std::unique_ptr<Transport> make(const Context& context) override {
    CaptureWriter writer{context, {.directory = dir_.path.string(), .name = "c"}};
    writer.opened("test");
    for (std::size_t at = 0; at < said_.size(); at += 777)
      writer.bytes(as_bytes(std::string_view{said_}.substr(at, 777)), {.received_ns = context.loop.clock().wall_ns()});
    const auto file = std::filesystem::directory_iterator { dir_.path } -> path();
    return test::make("replay", {{"path", value(file.string())}, {"speed", value("max")}}, context);
  }
  std::size_t say(std::string_view bytes) override {
    said_ += bytes;
    return bytes.size();
  }

 private:
  TempDir dir_;
  std::string said_;
};

const std::vector<std::pair<const char*, std::unique_ptr<Rig> (*)()>> kRigs{
    {"tcp over IPv4", [] { return std::unique_ptr<Rig>{new TcpRig{"127.0.0.1"}}; }},
    {"tcp over IPv6", [] { return std::unique_ptr<Rig>{new TcpRig{"::1"}}; }},
    {"tcp_listen", [] { return std::unique_ptr<Rig>{new TcpListenRig}; }},
    {"udp with one host", [] { return std::unique_ptr<Rig>{new UdpRig}; }},
    {"udp with all", [] { return std::unique_ptr<Rig>{new UdpListenRig}; }},
    {"udp with all who answer", [] { return std::unique_ptr<Rig>{new UdpBroadcastRig}; }},
    {"serial", [] { return std::unique_ptr<Rig>{new SerialRig}; }},
    {"pty", [] { return std::unique_ptr<Rig>{new PtyRig}; }},
    {"file", [] { return std::unique_ptr<Rig>{new FileRig}; }},
    {"file on a pipe", [] { return std::unique_ptr<Rig>{new PipeRig}; }},
    {"replay", [] { return std::unique_ptr<Rig>{new ReplayRig}; }},
};

/// One transport with its outside, opened.
struct Line {
  Fixture f;
  std::unique_ptr<Rig> rig;
  std::unique_ptr<Transport> transport;
  Recorder recorder;

  explicit Line(std::size_t which, std::string_view preload = "some bytes") : rig(kRigs[which].second()) {
    if (rig->preloaded) rig->say(preload);
    transport = rig->make(f.context);
  }
  void open() {
    recorder.calling([&] { transport->open(recorder); });
    REQUIRE(until(f.loop, [&] { return recorder.opened + recorder.closed > 0; }));
    INFO(recorder.reason.message);
    REQUIRE(recorder.opened == 1);
    rig->meet(f, *transport);
  }
  bool send(std::string_view bytes) {
    return recorder.calling([&] { return transport->send(as_bytes(bytes), {}); });
  }
};

constexpr std::size_t kRigCount = 11;

std::size_t any_rig() {
  const std::size_t which = GENERATE(range(std::size_t{0}, kRigCount));
  REQUIRE(kRigs.size() == kRigCount);
  return which;
}

}  // namespace

TEST_CASE("contract: opening tells once, after the call") {
  const auto which = any_rig();
  INFO(kRigs[which].first);
  Line line{which};
  CHECK_FALSE(line.send("too early"));
  CHECK_FALSE(line.transport->describe().empty());
  line.open();
  line.f.loop.run_once(0ns);
  CHECK(line.recorder.opened == 1);
  CHECK(line.transport->live() == !(line.rig->preloaded || line.rig->end_is_final));
}

TEST_CASE("contract: bytes come in order, with their offsets and times") {
  const auto which = any_rig();
  INFO(kRigs[which].first);
  const std::string all = pattern(300'000);
  const auto before = runtime::SystemClock{}.wall_ns();
  Line line{which, all};
  line.open();
  std::size_t said = line.rig->preloaded ? all.size() : 0;
  REQUIRE(until(line.f.loop, [&] {
    if (said < all.size()) said += line.rig->say(std::string_view{all}.substr(said, 20'000));
    return line.recorder.bytes.size() >= all.size();
  }));
  CHECK(line.recorder.bytes == all);
  CHECK(line.recorder.times.front() >= before);
  CHECK(line.recorder.times.back() <= line.f.clock.wall_ns());
  CHECK(std::is_sorted(line.recorder.times.begin(), line.recorder.times.end()));
}

TEST_CASE("contract: after close nothing is said, also when closed in the middle of bytes") {
  const auto which = any_rig();
  INFO(kRigs[which].first);
  Line line{which, pattern(200'000)};
  line.recorder.then_on_bytes = [&] {
    line.recorder.calling([&] { line.transport->close(); });
    line.recorder.forbid_more();
  };
  line.open();
  if (!line.rig->preloaded) line.rig->say("first ");
  REQUIRE(until(line.f.loop, [&] { return !line.recorder.bytes.empty(); }));
  if (!line.rig->preloaded) line.rig->say("second");
  for (int i = 0; i < 5; ++i) line.f.loop.run_once(1ms);
  CHECK(line.recorder.closed == 0);
  CHECK_FALSE(line.send("too late"));
  line.transport->close();
}

TEST_CASE("contract: closed before it has opened, it says nothing at all") {
  const auto which = any_rig();
  INFO(kRigs[which].first);
  Line line{which};
  line.recorder.forbid_more();
  line.transport->open(line.recorder);
  line.transport->close();
  for (int i = 0; i < 5; ++i) line.f.loop.run_once(1ms);
  CHECK(line.recorder.opened == 0);
}

TEST_CASE("contract: closed in on_open, it says nothing more") {
  const auto which = any_rig();
  INFO(kRigs[which].first);
  Line line{which};
  line.recorder.then_on_open = [&] {
    line.transport->close();
    line.recorder.forbid_more();
  };
  line.transport->open(line.recorder);
  REQUIRE(until(line.f.loop, [&] { return line.recorder.opened == 1; }));
  for (int i = 0; i < 5; ++i) line.f.loop.run_once(1ms);
}

TEST_CASE("contract: what is sent arrives, or the transport says no") {
  const auto which = any_rig();
  INFO(kRigs[which].first);
  Line line{which};
  line.open();
  if (!line.rig->hears) {
    CHECK_FALSE(line.send("x"));
    return;
  }
  std::string heard;
  CHECK(line.send("QPI"));
  CHECK(line.send("GS\r"));
  REQUIRE(until(line.f.loop, [&] { return (heard += line.rig->hear()).size() >= 6; }));
  CHECK(heard == "QPIGS\r");
}

TEST_CASE("contract: what waits to be sent is bounded, and what was taken arrives whole") {
  const auto which = any_rig();
  INFO(kRigs[which].first);
  Line line{which};
  if (!line.rig->hears || !line.rig->stream) return;
  line.open();
  const std::string chunk = pattern(60'000);
  std::size_t taken = 0;
  while (taken < 1000 && line.send(chunk)) ++taken;
  CHECK(taken >= 17);   // the bound of 1 MiB
  CHECK(taken < 1000);  // and what the kernel keeps
  std::string heard;
  REQUIRE(until(line.f.loop, [&] { return (heard += line.rig->hear()).size() >= taken * chunk.size(); }));
  std::string expected;
  for (std::size_t i = 0; i < taken; ++i) expected += chunk;
  CHECK(heard == expected);
  CHECK(line.send(chunk));
}

TEST_CASE("contract: the end from outside is told once, with its reason, and leaves nothing that spins") {
  const auto which = any_rig();
  INFO(kRigs[which].first);
  Line line{which};
  line.open();
  if (!line.rig->preloaded) line.rig->say("last words");
  if (!line.rig->can_unplug) return;
  REQUIRE(until(line.f.loop, [&] { return line.recorder.bytes.size() == 10; }));
  line.rig->unplug();
  REQUIRE(until(line.f.loop, [&] { return line.recorder.ended(); }));
  CHECK(line.recorder.reason.code == line.rig->end_code);
  CHECK(line.recorder.reason.message.find(line.transport->describe()) == 0);
  CHECK(line.recorder.final == line.rig->end_is_final);
  CHECK_FALSE(line.send("into the void"));
  CHECK_FALSE(line.f.loop.run_once(0ns));
  CHECK_FALSE(line.f.loop.run_once(0ns));
}

TEST_CASE("contract: open and quiet, or left by its visitor, a transport leaves the loop asleep") {
  const auto which = any_rig();
  INFO(kRigs[which].first);
  Line line{which};
  line.open();
  for (int i = 0; i < 20; ++i) line.f.loop.run_once(0ns);
  CHECK_FALSE(line.f.loop.run_once(0ns));
  if (line.rig->can_unplug) return;
  line.rig->unplug();
  for (int i = 0; i < 20; ++i) line.f.loop.run_once(1ms);
  CHECK_FALSE(line.f.loop.run_once(0ns));
  CHECK_FALSE(line.recorder.ended());
}

TEST_CASE("contract: no descriptor is left behind") {
  const auto which = any_rig();
  INFO(kRigs[which].first);
  int before = 0;
  for (int i = 0; i < 20; ++i) {
    Line line{which};
    line.open();
    if (i % 2 == 0) line.rig->unplug();
    line.f.loop.run_once(1ms);
    if (i % 4 < 2) line.transport->close();
    line.transport.reset();
    line.rig.reset();
    if (i == 3) before = open_descriptors();
    if (i > 3) CHECK(open_descriptors() == before);
  }
}

}  // namespace mesura::transport::test
