// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/resolver.hpp"
#include "transport/byte_stream.hpp"
#include "transport/kinds.hpp"
#include "transport/reason.hpp"
#include "transport/socket.hpp"

#include <sys/epoll.h>

#include <cerrno>
#include <utility>

namespace mesura::transport {
namespace {

using namespace std::chrono_literals;
using runtime::Resolved;
using runtime::SocketAddress;

class Tcp final : public Transport {
 public:
  Tcp(const config::Value& options, const Context& context)
      : context_(context),
        host_(options["host"].text()),
        port_(static_cast<std::uint16_t>(options["port"].integer())),
        timeout_(options["connect_timeout"].duration()) {}
  ~Tcp() override { close(); }

  void open(Listener& listener) override {
    listener_ = &listener;
    resolution_ = runtime::resolve(context_.loop, host_, port_, SOCK_STREAM,
                                   [this](Resolved resolved) { on_resolved(std::move(resolved)); });
    arm(timeout_);
  }

  void close() override {
    resolution_.cancel();
    end_attempt();
    if (stream_) stream_->close();
    listener_ = nullptr;
  }

  bool send(Bytes bytes, std::string_view /*to*/) override { return stream_ && stream_->send(bytes); }
  void pause(bool paused) override {
    if (stream_) stream_->pause(paused);
  }
  [[nodiscard]] std::string describe() const override { return "tcp " + runtime::join_host_port(host_, port_); }

 private:
  void on_resolved(Resolved resolved) {
    if (resolved.addresses.empty()) {
      fail(make_reason("open-failed", describe(), "a host that can be found", resolved.error,
                       "is the name spelled right, and does the name server know it? An address works as well"));
      return;
    }
    addresses_ = std::move(resolved.addresses);
    connect_next(make_reason("open-failed", describe(), "an address to connect to", "none"));
  }

  /// Tries the next address; after the last one, `why` the previous failed is the result.
  void connect_next(Reason why) {
    while (next_ < addresses_.size()) {
      const SocketAddress& address = addresses_[next_++];
      const std::string where = describe() + " (" + address.to_string() + ")";
      int error = 0;
      connecting_ = start_connect(address, error);
      if (connecting_) {
        watch_ =
            context_.loop.watch(connecting_.get(), EPOLLOUT, [this, where](std::uint32_t) { on_connected(where); });
        // One address that swallows packets must not use up the time of the others.
        arm(timeout_ / static_cast<int>(addresses_.size()));
        return;
      }
      why = system_reason("open-failed", where, "a connection", error);
    }
    fail(why);
  }

  void on_connected(const std::string& where) {
    const int error = pending_error(connecting_.get());
    auto fd = end_attempt();
    if (error != 0) {
      connect_next(system_reason(error == ECONNREFUSED ? "refused" : "open-failed", where, "a connection", error));
      return;
    }
    tune_connection(fd.get());
    ByteStream::Handlers handlers;
    handlers.on_bytes = [this](std::span<std::uint8_t> bytes, const Meta& meta) { listener_->on_bytes(bytes, meta); };
    handlers.on_end = [this](const Reason& reason) { fail(reason); };
    stream_ =
        std::make_unique<ByteStream>(context_, std::move(fd), ByteStream::Type::socket, where, std::move(handlers));
    listener_->on_open();
  }

  void on_timeout() {
    timer_ = 0;
    const bool resolving = addresses_.empty();
    resolution_.cancel();
    end_attempt();
    auto why = system_reason("open-failed", describe(), resolving ? "an answer from the name server" : "a connection",
                             ETIMEDOUT);
    connect_next(std::move(why));
  }

  void arm(std::chrono::nanoseconds timeout) {
    if (timer_ != 0) context_.loop.cancel(timer_);
    timer_ = context_.loop.after(timeout, [this] { on_timeout(); });
  }

  runtime::UniqueFd end_attempt() {
    if (timer_ != 0) context_.loop.cancel(std::exchange(timer_, 0));
    if (watch_ != 0) context_.loop.unwatch(std::exchange(watch_, 0));
    return std::move(connecting_);
  }

  void fail(const Reason& reason) {
    end_attempt();
    std::exchange(listener_, nullptr)->on_closed(reason, false);
  }

  Context context_;
  std::string host_;
  std::uint16_t port_;
  std::chrono::nanoseconds timeout_;
  Listener* listener_ = nullptr;
  runtime::Resolution resolution_;
  std::vector<SocketAddress> addresses_;
  std::size_t next_ = 0;
  runtime::UniqueFd connecting_;
  runtime::EventLoop::WatchId watch_ = 0;
  runtime::EventLoop::TimerId timer_ = 0;
  std::unique_ptr<ByteStream> stream_;
};

}  // namespace

Kind tcp_kind() {
  return {"tcp",
          config::object(
              {config::required("host", config::of(config::Type::host, "name or address of the device")),
               config::required("port", config::of(config::Type::port, "TCP port of the device")),
               config::optional("connect_timeout",
                                config::duration("how long finding and connecting may take", "100ms", "10m"), "10s")},
              "a TCP connection to the device, or to what serves its serial port"),
          [](const config::Value& options, const Context& context) -> std::unique_ptr<Transport> {
            return std::make_unique<Tcp>(options, context);
          }};
}

}  // namespace mesura::transport
