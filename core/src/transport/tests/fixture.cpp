// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "fixture.hpp"

#include "config/network.hpp"
#include "runtime/socket_address.hpp"
#include "support/catch.hpp"
#include "transport/terminal.hpp"

#include <fcntl.h>
#include <stdlib.h>  // NOLINT: posix_openpt, mkdtemp
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <csignal>
#include <iterator>

namespace mesura::transport::test {

using runtime::SocketAddress;
using runtime::UniqueFd;

bool until(runtime::EventLoop& loop, const std::function<bool()>& done) {
  const runtime::SystemClock clock;
  const auto deadline = clock.steady_ns() + std::chrono::nanoseconds{20s}.count();
  while (!done()) {
    if (clock.steady_ns() > deadline) return false;
    loop.run_once(2ms);
  }
  return true;
}

void Recorder::speak(const char* what) const {
  INFO("the transport says " << what);
  CHECK_FALSE(inside_);
  CHECK_FALSE(forbidden_);
  CHECK(closed == 0);
}

void Recorder::on_open() {
  speak("open");
  CHECK(++opened == 1);
  if (then_on_open) then_on_open();
}

void Recorder::on_bytes(Bytes b, const Meta& meta) {
  speak("bytes");
  CHECK(opened == 1);
  CHECK((!b.empty() || meta.status != 0));
  if (single_stream) CHECK(meta.offset == bytes.size());
  bytes.append(reinterpret_cast<const char*>(b.data()), b.size());
  by_peer.emplace_back(std::string{meta.peer}, std::string{reinterpret_cast<const char*>(b.data()), b.size()});
  times.push_back(meta.received_ns);
  if (then_on_bytes) then_on_bytes();
}

void Recorder::on_peer(std::string_view peer, bool joined) {
  speak("peer");
  CHECK(opened == 1);
  peers.emplace_back(peer, joined);
  if (then_on_peer) then_on_peer(peer, joined);
}

void Recorder::on_closed(const Reason& why, bool for_good) {
  speak("closed");
  ++closed;
  reason = why;
  final = for_good;
}

config::Value options(const Kind& kind, const Pairs& given) {
  config::Value::Map map{given.begin(), given.end()};
  for (const auto& field : kind.schema.fields) {
    if (!field.fallback) continue;
    bool taken = false;
    for (const auto& [key, unused] : given) taken = taken || key == field.name;
    if (!taken) map.emplace_back(field.name, config::default_value(config::object({field}))[field.name]);
  }
  return config::Value{std::move(map)};
}

std::unique_ptr<Transport> make(std::string_view name, const Pairs& given, const Context& context) {
  const auto* kind = find_kind(name);
  REQUIRE(kind != nullptr);
  return kind->make(options(*kind, given), context);
}

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "mesura-transport-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  path = name;
}

TempDir::~TempDir() { std::filesystem::remove_all(path); }

std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  std::uint32_t state = 1;
  for (auto& c : out) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return out;
}

std::string read_now(int fd) {
  std::string out;
  std::array<char, 65536> buffer{};
  ssize_t n = 0;
  while ((n = ::read(fd, buffer.data(), buffer.size())) > 0) out.append(buffer.data(), static_cast<std::size_t>(n));
  return out;
}

std::size_t write_now(int fd, std::string_view bytes) {
  // Only here: the transports have to do without.
  auto* const before = std::signal(SIGPIPE, SIG_IGN);
  const ssize_t n = ::write(fd, bytes.data(), bytes.size());
  std::signal(SIGPIPE, before);
  return n < 0 ? 0 : static_cast<std::size_t>(n);
}

RawPty make_pty() {
  RawPty pty{UniqueFd{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)}, {}};
  std::array<char, 64> name{};
  REQUIRE(::grantpt(pty.master.get()) == 0);
  REQUIRE(::unlockpt(pty.master.get()) == 0);
  REQUIRE(::ptsname_r(pty.master.get(), name.data(), name.size()) == 0);
  pty.device = name.data();
  REQUIRE(make_raw(pty.master.get(), 0));
  return pty;
}

UniqueFd make_server(const char* host, int type) {
  const auto address = SocketAddress::parse(host, 0);
  REQUIRE(address.has_value());
  UniqueFd fd{::socket(address->family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  REQUIRE(::bind(fd.get(), address->data(), address->size()) == 0);
  if (type == SOCK_STREAM) REQUIRE(::listen(fd.get(), 16) == 0);
  return fd;
}

std::uint16_t port_of(int fd) { return SocketAddress::of_socket(fd).port(); }

UniqueFd connect_to(const std::string& description, int type) {
  const auto parts = config::split_address(std::string_view{description}.substr(description.rfind(' ') + 1));
  REQUIRE(parts.has_value());
  const auto address = SocketAddress::parse(parts->host, parts->port);
  REQUIRE(address.has_value());
  UniqueFd fd{::socket(address->family(), type | SOCK_CLOEXEC, 0)};
  REQUIRE(::connect(fd.get(), address->data(), address->size()) == 0);
  REQUIRE(::fcntl(fd.get(), F_SETFL, O_NONBLOCK) == 0);
  return fd;
}

UniqueFd connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof address.sun_path);
  path.copy(static_cast<char*>(address.sun_path), path.size());
  UniqueFd fd{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
  REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::fcntl(fd.get(), F_SETFL, O_NONBLOCK) == 0);
  return fd;
}

int open_descriptors() {
  const std::filesystem::directory_iterator all{"/proc/self/fd"};
  return static_cast<int>(std::distance(begin(all), end(all)));
}

}  // namespace mesura::transport::test
