// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/network.hpp"
#include "runtime/resolver.hpp"
#include "transport/byte_stream.hpp"
#include "transport/kinds.hpp"
#include "transport/reason.hpp"
#include "transport/socket.hpp"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <utility>

namespace mesura::transport {
namespace {

using namespace std::chrono_literals;
using runtime::Resolved;
using runtime::SocketAddress;

/// Datagrams: with `host`, to and from that one only; without, from everybody who reaches `listen`.
class Udp final : public Transport {
 public:
  Udp(const config::Value& options, const Context& context)
      : context_(context),
        host_(options["host"] ? options["host"].text() : ""),
        port_(options["port"] ? static_cast<std::uint16_t>(options["port"].integer()) : std::uint16_t{0}),
        listen_(options["listen"] ? options["listen"].text() : ""),
        buffer_bytes_(static_cast<int>(options["receive_buffer"].integer())) {}
  ~Udp() override { close(); }

  void open(Listener& listener) override {
    listener_ = &listener;
    const bool listens = !listen_.empty();
    const auto own = config::split_address(listen_);
    if ((listens && !own) || (host_.empty() ? !listens : port_ == 0)) {
      start_ = context_.loop.after(0ns, [this] {
        start_ = 0;
        fail(make_reason("open-failed", describe(), "`host` with `port`, or `listen` with host:port",
                         host_.empty() ? "'" + listen_ + "'" : "no port"));
      });
      return;
    }
    if (listens) {
      resolution_ =
          runtime::resolve(context_.loop, own->host, own->port, SOCK_DGRAM, [this](const Resolved& r) { on_own(r); });
    } else {
      find_host();
    }
  }

  void close() override {
    resolution_.cancel();
    for (auto* timer : {&start_, &failed_})
      if (*timer != 0) context_.loop.cancel(std::exchange(*timer, 0));
    if (watch_ != 0) context_.loop.unwatch(std::exchange(watch_, 0));
    socket_.reset();
    listener_ = nullptr;
  }

  /// A datagram that the network can't take now is lost, as any may be; `to` is a numeric "address:port".
  bool send(Bytes bytes, std::string_view to) override {
    if (!open_ || !socket_ || failed_ != 0) return false;
    std::optional<SocketAddress> address;
    if (!to.empty()) {
      const auto parts = config::split_address(to);
      if (parts) address = SocketAddress::parse(parts->host, parts->port);
      if (!address) return false;
    } else if (host_.empty()) {
      return false;
    }
    const auto n =
        ::sendto(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL,
                 connected_ || !address ? nullptr : address->data(), connected_ || !address ? 0 : address->size());
    if (n >= 0) return true;
    if (const int error = errno; connected_ && (error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH))
      failed_ = context_.loop.after(0ns, [this, error] {
        failed_ = 0;
        lost(error);
      });
    return false;
  }

  [[nodiscard]] std::string describe() const override {
    if (!host_.empty()) return "udp " + runtime::join_host_port(host_, port_);
    return "udp " + (open_ && socket_ ? SocketAddress::of_socket(socket_.get()).to_string() : listen_);
  }

 private:
  void on_own(const Resolved& resolved) {
    if (resolved.addresses.empty()) {
      fail(make_reason("open-failed", describe(), "an address to listen on", resolved.error));
      return;
    }
    own_ = resolved.addresses.front();
    if (host_.empty()) {
      start(*own_);
    } else {
      find_host();
    }
  }

  void find_host() {
    resolution_ = runtime::resolve(context_.loop, host_, port_, SOCK_DGRAM, [this](const Resolved& r) { on_host(r); });
  }

  void on_host(const Resolved& resolved) {
    const SocketAddress* found = nullptr;
    for (const auto& address : resolved.addresses)
      if (found == nullptr && (!own_ || own_->family() == address.family())) found = &address;
    if (found == nullptr) {
      fail(make_reason("open-failed", describe(), "a host that can be found",
                       resolved.error.empty() ? "no address of the family of " + listen_ : resolved.error));
      return;
    }
    start(*found);
  }

  /// Opens the socket, connected to `address` if there is a host, else bound to it.
  void start(const SocketAddress& address) {
    socket_ = runtime::UniqueFd{::socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    connected_ = !host_.empty();
    const bool good = socket_ && (!own_ || bind(*own_)) &&
                      (!connected_ || ::connect(socket_.get(), address.data(), address.size()) == 0);
    if (!good) {
      const int error = errno;
      socket_.reset();
      fail(system_reason("open-failed", describe(), "a socket", error));
      return;
    }
    widen_buffer();
    open_ = true;
    watch_ = context_.loop.watch(socket_.get(), EPOLLIN, [this](std::uint32_t) { read_some(); });
    listener_->on_open();
  }

  bool bind(const SocketAddress& address) {
    if (address.family() == AF_INET6) set_option(socket_.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
    // No SO_REUSEADDR: with it, the last who binds takes the datagrams of the one before.
    return ::bind(socket_.get(), address.data(), address.size()) == 0;
  }

  void widen_buffer() {
    // The kernel counts its own overhead, and shows twice what it was asked for.
    if (!set_option(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, buffer_bytes_))
      set_option(socket_.get(), SOL_SOCKET, SO_RCVBUF, buffer_bytes_);
    int got = 0;
    socklen_t size = sizeof got;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &got, &size);
    if (got / 2 >= buffer_bytes_ || !context_.memory->first("receive_buffer")) return;
    context_.log.warn("tra-buffer", "{}: expected a receive buffer of {} bytes, got {}\n  hint  {}", describe(),
                      buffer_bytes_, got / 2, "bursts may be lost: raise net.core.rmem_max with sysctl");
  }

  void read_some() {
    constexpr int kPerRound = 64;
    const auto buffer = read_buffer();
    for (int i = 0; i < kPerRound && socket_; ++i) {
      sockaddr_storage from{};
      socklen_t from_size = sizeof from;
      auto* const from_address = reinterpret_cast<sockaddr*>(&from);
      const ssize_t n = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, from_address, &from_size);
      if (n < 0) {
        const int error = errno;
        if (error == EINTR) continue;
        if (error != EAGAIN) lost(error);
        return;
      }
      const std::string peer = SocketAddress{from_address, from_size}.to_string();
      const auto size = static_cast<std::size_t>(n);
      const Meta meta{.received_ns = context_.loop.clock().wall_ns(), .offset = offset_, .peer = peer};
      offset_ += size;
      if (size > 0) listener_->on_bytes(buffer.first(size), meta);
    }
  }

  void lost(int error) {
    // Without a fixed peer this is the news that one of many is not there: no reason to close.
    if (!connected_ && (error == ECONNREFUSED || error == EHOSTUNREACH)) return;
    if (watch_ != 0) context_.loop.unwatch(std::exchange(watch_, 0));
    socket_.reset();
    fail(system_reason(error == ECONNREFUSED ? "refused" : "vanished", describe(), "datagrams", error));
  }

  void fail(const Reason& reason) {
    if (failed_ != 0) context_.loop.cancel(std::exchange(failed_, 0));
    std::exchange(listener_, nullptr)->on_closed(reason, false);
  }

  Context context_;
  std::string host_;
  std::uint16_t port_;
  std::string listen_;
  int buffer_bytes_;
  Listener* listener_ = nullptr;
  runtime::Resolution resolution_;
  std::optional<SocketAddress> own_;
  runtime::UniqueFd socket_;
  bool connected_ = false;
  bool open_ = false;
  runtime::EventLoop::WatchId watch_ = 0;
  runtime::EventLoop::TimerId start_ = 0;
  runtime::EventLoop::TimerId failed_ = 0;
  std::uint64_t offset_ = 0;
};

}  // namespace

Kind udp_kind() {
  return {
      "udp",
      config::object(
          {config::optional("host", config::of(config::Type::host, "the only device to talk with")),
           config::optional("port", config::of(config::Type::port, "UDP port of the device")),
           config::optional("listen", config::of(config::Type::address, "own address and port; else any free port")),
           config::optional("receive_buffer", config::size("what the kernel keeps for us", "4KiB", "1GiB"), "1MiB")},
          "datagrams, with one device (`host`) or with everybody who sends to `listen`"),
      [](const config::Value& options, const Context& context) -> std::unique_ptr<Transport> {
        return std::make_unique<Udp>(options, context);
      }};
}

}  // namespace mesura::transport
