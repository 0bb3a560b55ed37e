// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/network.hpp"
#include "runtime/resolver.hpp"
#include "transport/address_filter.hpp"
#include "transport/broadcast.hpp"
#include "transport/byte_stream.hpp"
#include "transport/kinds.hpp"
#include "transport/reason.hpp"
#include "transport/socket.hpp"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::transport {
namespace {

using namespace std::chrono_literals;
using runtime::Resolved;
using runtime::SocketAddress;

constexpr std::int64_t kSummaryEveryNs = 60'000'000'000;
constexpr std::string_view kBroadcast = "broadcast:";

std::vector<std::string> texts_of(const config::Value& list) {
  std::vector<std::string> out;
  if (list)
    for (const auto& item : list.list()) out.push_back(item.text());
  return out;
}

/// Datagrams: with `host`, to and from that one only; without, from everybody who reaches `listen`, or an own free port
/// from which all others are asked.
class Udp final : public Transport {
 public:
  Udp(const config::Value& options, const Context& context)
      : context_(context),
        host_(options["host"] ? options["host"].text() : ""),
        port_(options["port"] ? static_cast<std::uint16_t>(options["port"].integer()) : std::uint16_t{0}),
        listen_(options["listen"] ? options["listen"].text() : ""),
        interfaces_(texts_of(options["interfaces"])),
        broadcasts_(!interfaces_.empty() || (options["broadcast"] && options["broadcast"].boolean())),
        shares_port_(options["share_port"] && options["share_port"].boolean()),
        buffer_bytes_(static_cast<int>(options["receive_buffer"].integer())) {
    bad_filter_ = filter_.include(texts_of(options["include"]));
    if (!bad_filter_) bad_filter_ = filter_.exclude(texts_of(options["exclude"]));
    if (host_.empty() && listen_.empty() && broadcasts_) listen_ = "0.0.0.0:0";
  }
  ~Udp() override { close(); }

  void open(Listener& listener) override {
    listener_ = &listener;
    const bool listens = !listen_.empty();
    const auto own = config::split_address(listen_);
    if (bad_filter_) {
      refuse("an address or a network like 192.168.0.0/24 in `include` and `exclude`", "'" + *bad_filter_ + "'");
      return;
    }
    if ((listens && !own) || (host_.empty() ? !listens : port_ == 0)) {
      refuse("`host` with `port`, or `listen` with host:port, or `broadcast`",
             host_.empty() ? "'" + listen_ + "'" : "no port");
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
    summarize();
  }

  /// A datagram that the network can't take now is lost, as any may be; `to` is a numeric "address:port", or
  /// "broadcast:PORT".
  bool send(Bytes bytes, std::string_view to) override {
    if (!open_ || !socket_ || failed_ != 0) return false;
    if (to.substr(0, kBroadcast.size()) == kBroadcast) return send_all(bytes, to.substr(kBroadcast.size()));
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
  void refuse(std::string_view expected, std::string_view got) {
    start_ = context_.loop.after(0ns, [this, reason = make_reason("open-failed", describe(), expected, got)] {
      start_ = 0;
      fail(reason);
    });
  }

  /// To each network that there is now; true when one at least has taken it.
  bool send_all(Bytes bytes, std::string_view port_text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
    if (error != std::errc{} || end != port_text.data() + port_text.size() || port == 0) return false;
    if (connected_ || !broadcasts_) return false;
    bool any = false;
    for (const auto& address : broadcast_addresses(interfaces_, port))
      any =
          ::sendto(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL, address.data(), address.size()) >= 0 || any;
    return any;
  }

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
    if (broadcasts_) set_option(socket_.get(), SOL_SOCKET, SO_BROADCAST, 1);
    // No SO_REUSEADDR: with it, the last who binds takes the datagrams of the one before. But what is broadcast comes
    // to everyone, so many may wait for it at one address.
    if (shares_port_ || is_broadcast(address)) set_option(socket_.get(), SOL_SOCKET, SO_REUSEADDR, 1);
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
      if (!filter_.wants(from_address, from_size)) {
        ignore(from_address, from_size);
        continue;
      }
      const std::string peer = SocketAddress{from_address, from_size}.to_string();
      const auto size = static_cast<std::size_t>(n);
      const Meta meta{.received_ns = context_.loop.clock().wall_ns(), .offset = offset_, .peer = peer};
      offset_ += size;
      if (size > 0) listener_->on_bytes(buffer.first(size), meta);
    }
  }

  void ignore(const sockaddr* from, socklen_t size) {
    const std::int64_t now_ns = context_.loop.clock().steady_ns();
    if (ignored_++ == 0) ignored_since_ns_ = now_ns;
    last_ignored_ = SocketAddress{from, size};
    if (now_ns - ignored_since_ns_ >= kSummaryEveryNs) summarize();
  }

  void summarize() {
    if (ignored_ == 0) return;
    context_.log.debug("tra-ignored", "{}: {} datagrams of others were ignored, the latest from {}", describe(),
                       std::exchange(ignored_, 0), last_ignored_.to_string());
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
  std::vector<std::string> interfaces_;
  bool broadcasts_;
  bool shares_port_;
  int buffer_bytes_;
  AddressFilter filter_;
  std::optional<std::string> bad_filter_;
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
  std::uint64_t ignored_ = 0;  // since the latest summary
  std::int64_t ignored_since_ns_ = 0;
  SocketAddress last_ignored_;
};

}  // namespace

Kind udp_kind() {
  return {
      "udp",
      config::object(
          {config::optional("host", config::of(config::Type::host, "the only device to talk with")),
           config::optional("port", config::of(config::Type::port, "UDP port of the device")),
           config::optional("listen", config::of(config::Type::address,
                                                 "own address and port; else any free port. Many may share a "
                                                 "network's broadcast address")),
           config::optional("broadcast",
                            config::boolean("ask all devices of a network at once; then neither `host` nor "
                                            "`listen` is needed"),
                            "false"),
           config::optional("share_port",
                            config::boolean("other programs of this machine may have the port of `listen` at the same "
                                            "time, at another address"),
                            "false"),
           config::optional("interfaces", config::list(config::text("name of a network interface: eth0"),
                                                       "where broadcasts go; else to every network that is up (to the "
                                                       "loopback only if there is no other). Means `broadcast: true`",
                                                       true)),
           config::optional("include", config::list(config::text("address or network: 192.168.0.0/24"),
                                                    "whose datagrams count; else everybody's", true)),
           config::optional("exclude", config::list(config::text("address or network: 192.168.0.9"),
                                                    "whose datagrams are ignored", true)),
           config::optional("receive_buffer", config::size("what the kernel keeps for us", "4KiB", "1GiB"), "1MiB")},
          "datagrams, with one device (`host`), with everybody who sends to `listen`, or with all who answer a "
          "broadcast"),
      [](const config::Value& options, const Context& context) -> std::unique_ptr<Transport> {
        return std::make_unique<Udp>(options, context);
      }};
}

}  // namespace mesura::transport
