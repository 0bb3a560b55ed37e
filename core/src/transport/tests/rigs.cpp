// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "rig.hpp"

#include "runtime/socket_address.hpp"
#include "support/catch.hpp"
#include "transport/byte_stream.hpp"
#include "transport/capture.hpp"
#include "transport/terminal.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <fstream>

namespace mesura::transport::test {
namespace {

using runtime::UniqueFd;

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
    const auto there = runtime::SocketAddress::parse("127.0.0.1", port_in(transport.describe()));
    REQUIRE(::connect(peer_.get(), there->data(), there->size()) == 0);
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

class SeqpacketListenRig final : public Rig {
 public:
  SeqpacketListenRig() { can_unplug = false; }
  std::unique_ptr<Transport> make(const Context& context) override {
    return test::make("seqpacket_listen", {{"path", value(dir_.file("hid"))}}, context);
  }
  void meet(Fixture& f, Transport& transport) override {
    peer_ = connect_unix(dir_.file("hid"));
    REQUIRE(until(f.loop, [&] { return transport.send(as_bytes("?"), {}) && hear() == "?"; }));
  }
  std::size_t say(std::string_view bytes) override { return write_now(peer_.get(), bytes); }
  std::string hear() override { return read_now(peer_.get()); }
  void unplug() override { peer_.reset(); }

 private:
  TempDir dir_;
  UniqueFd peer_;
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

}  // namespace

const std::vector<RigKind>& rigs() {
  static const std::vector<RigKind> all {
    {"tcp over IPv4", [] { return std::unique_ptr<Rig>{new TcpRig{"127.0.0.1"}}; }},
        {"tcp over IPv6", [] { return std::unique_ptr<Rig>{new TcpRig{"::1"}}; }},
        {"tcp_listen", make_rig<TcpListenRig>}, {"udp with one host", make_rig<UdpRig>},
        {"udp with all", make_rig<UdpListenRig>}, {"udp with all who answer", make_rig<UdpBroadcastRig>},
        {"serial", make_rig<SerialRig>}, {"pty", make_rig<PtyRig>}, {"file", make_rig<FileRig>},
        {"file on a pipe", make_rig<PipeRig>}, {"replay", make_rig<ReplayRig>},
        {"seqpacket_listen", make_rig<SeqpacketListenRig>}, {"http", make_http_rig},
#if MESURA_WITH_HID
        {"hid", make_hid_rig},
#endif
#if MESURA_WITH_MQTT
        {"mqtt", make_mqtt_rig},
#endif
  };
  return all;
}

}  // namespace mesura::transport::test
