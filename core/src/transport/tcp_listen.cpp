// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/network.hpp"
#include "runtime/resolver.hpp"
#include "transport/byte_stream.hpp"
#include "transport/kinds.hpp"
#include "transport/reason.hpp"
#include "transport/socket.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <cerrno>
#include <map>
#include <utility>
#include <vector>

namespace mesura::transport {
namespace {

using namespace std::chrono_literals;
using runtime::Resolved;
using runtime::SocketAddress;

/// A listening socket and those who have connected; each connection is a stream of its own, named by its peer.
class TcpListen final : public Transport {
 public:
  TcpListen(const config::Value& options, const Context& context)
      : context_(context),
        where_(options["listen"].text()),
        max_peers_(static_cast<std::size_t>(options["max_peers"].integer())) {}
  ~TcpListen() override { close(); }

  void open(Listener& listener) override {
    listener_ = &listener;
    const auto address = config::split_address(where_);
    if (!address) {
      start_ = context_.loop.after(0ns, [this] {
        start_ = 0;
        fail(make_reason("open-failed", describe(), "host:port or [v6]:port", "'" + where_ + "'"));
      });
      return;
    }
    resolution_ = runtime::resolve(context_.loop, address->host, address->port, SOCK_STREAM,
                                   [this](const Resolved& resolved) { on_resolved(resolved); });
  }

  void close() override {
    resolution_.cancel();
    for (auto* timer : {&start_, &pause_, &leave_})
      if (*timer != 0) context_.loop.cancel(std::exchange(*timer, 0));
    if (watch_ != 0) context_.loop.unwatch(std::exchange(watch_, 0));
    socket_.reset();
    // Not destroyed: one of them may be calling us.
    for (auto& [name, peer] : peers_) peer->close();
    listener_ = nullptr;
  }

  bool send(Bytes bytes, std::string_view to) override {
    if (!socket_) return false;
    if (!to.empty()) {
      const auto found = peers_.find(to);
      return found != peers_.end() && found->second->send(bytes);
    }
    bool all = true;
    for (auto& [name, peer] : peers_) all = peer->send(bytes) && all;
    return all;
  }

  void drop(std::string_view name) override {
    const auto found = peers_.find(name);
    if (!socket_ || found == peers_.end()) return;
    context_.log.debug("tra-peer", "{}: {} dropped", describe(), name);
    auto node = peers_.extract(found);
    node.mapped()->close();
    // It may be calling us, and so may the listener.
    context_.loop.post([gone = std::shared_ptr<ByteStream>(std::move(node.mapped()))] {});
    dropped_.push_back(std::move(node.key()));
    if (leave_ != 0) return;
    leave_ = context_.loop.after(0ns, [this] {
      leave_ = 0;
      tell_dropped();
    });
  }

  /// With the port that is really listened to, once it is.
  [[nodiscard]] std::string describe() const override {
    return "tcp_listen " + (socket_ ? SocketAddress::of_socket(socket_.get()).to_string() : where_);
  }

 private:
  void on_resolved(const Resolved& resolved) {
    if (resolved.addresses.empty()) {
      fail(make_reason("open-failed", describe(), "an address to listen on", resolved.error));
      return;
    }
    int error = 0;
    socket_ = start_listen(resolved.addresses.front(), error);
    if (!socket_) {
      fail(system_reason("open-failed", describe(), "to listen", error));
      return;
    }
    watch_ = context_.loop.watch(socket_.get(), EPOLLIN, [this](std::uint32_t) { accept_some(); });
    listener_->on_open();
  }

  void accept_some() {
    constexpr int kPerRound = 64;
    for (int i = 0; i < kPerRound && socket_; ++i) {
      runtime::UniqueFd fd{::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
      if (!fd) {
        on_accept_error(errno);
        return;
      }
      const auto address = SocketAddress::of_peer(fd.get());
      if (address.family() != AF_UNSPEC) add_peer(std::move(fd), address.to_string());
    }
  }

  void on_accept_error(int error) {
    if (error != EMFILE && error != ENFILE && error != ENOBUFS && error != ENOMEM) return;
    // The connection stays in the queue and the socket readable: without a pause the loop would spin.
    context_.loop.modify(watch_, 0);
    pause_ = context_.loop.after(1s, [this] {
      pause_ = 0;
      context_.loop.modify(watch_, EPOLLIN);
    });
    if (context_.memory->first("accept " + errno_text(error)))
      context_.log.warn("tra-accept", "{}", system_reason({}, describe(), "to accept a connection", error).message);
  }

  void add_peer(runtime::UniqueFd fd, const std::string& name) {
    if (peers_.size() >= max_peers_) {
      if (context_.memory->first("max_peers"))
        context_.log.warn("tra-max-peers",
                          "{}: refused {}: expected at most {} connections\n  hint  raise `max_peers`; further "
                          "refusals are not logged",
                          describe(), name, max_peers_);
      return;
    }
    tell_dropped();
    if (!socket_) return;
    tune_connection(fd.get());
    ByteStream::Handlers handlers;
    handlers.on_bytes = [this, name](std::span<std::uint8_t> bytes, Meta meta) {
      meta.peer = name;
      listener_->on_bytes(bytes, meta);
    };
    handlers.on_end = [this, name](const Reason&) { remove_peer(name); };
    context_.log.debug("tra-peer", "{}: {} connected", describe(), name);
    peers_[name] = std::make_unique<ByteStream>(context_, std::move(fd), ByteStream::Type::socket,
                                                describe() + " from " + name, std::move(handlers));
    listener_->on_peer(name, true);
  }

  void remove_peer(const std::string& name) {
    context_.log.debug("tra-peer", "{}: {} disconnected", describe(), name);
    auto node = peers_.extract(name);
    // Called by the stream itself: it must outlive the call.
    context_.loop.post([gone = std::shared_ptr<ByteStream>(std::move(node.mapped()))] {});
    listener_->on_peer(node.key(), false);
  }

  void tell_dropped() {
    while (!dropped_.empty() && listener_ != nullptr) {
      const std::string name = std::move(dropped_.front());
      dropped_.erase(dropped_.begin());
      listener_->on_peer(name, false);
    }
  }

  void fail(const Reason& reason) { std::exchange(listener_, nullptr)->on_closed(reason, false); }

  Context context_;
  std::string where_;
  std::size_t max_peers_;
  Listener* listener_ = nullptr;
  runtime::Resolution resolution_;
  runtime::UniqueFd socket_;
  runtime::EventLoop::WatchId watch_ = 0;
  runtime::EventLoop::TimerId start_ = 0;
  runtime::EventLoop::TimerId pause_ = 0;
  runtime::EventLoop::TimerId leave_ = 0;
  std::vector<std::string> dropped_;  // of whose end the listener doesn't know yet
  std::map<std::string, std::unique_ptr<ByteStream>, std::less<>> peers_;
};

}  // namespace

Kind tcp_listen_kind() {
  return {
      "tcp_listen",
      config::object({config::required("listen", config::of(config::Type::address, "own address and port")),
                      config::optional("max_peers", config::integer("connections at the same time", 1, 65536), "64")},
                     "waits for devices that connect to us"),
      [](const config::Value& options, const Context& context) -> std::unique_ptr<Transport> {
        return std::make_unique<TcpListen>(options, context);
      }};
}

}  // namespace mesura::transport
