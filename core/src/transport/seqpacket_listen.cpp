// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/unique_fd.hpp"
#include "transport/byte_stream.hpp"
#include "transport/kinds.hpp"
#include "transport/reason.hpp"
#include "transport/unix_socket.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace mesura::transport {
namespace {

using namespace std::chrono_literals;
using runtime::UniqueFd;

/// What waits for one client to take it.
struct Client {
  UniqueFd fd;
  runtime::EventLoop::WatchId watch = 0;
  std::uint64_t offset = 0;
  std::deque<std::vector<std::uint8_t>> queue;
  std::size_t waiting = 0;  ///< bytes in the queue
  bool gone = false;        ///< nothing more goes to it; its end is still to be told
};

/// A socket in the file system on which each message stays one: what a USB HID device and its reports are for programs
/// that play them.
class SeqpacketListen final : public Transport {
 public:
  SeqpacketListen(const config::Value& options, const Context& context)
      : context_(context), path_(options["path"].text()) {}
  ~SeqpacketListen() override { close(); }

  void open(Listener& listener) override {
    listener_ = &listener;
    timer_ = context_.loop.after(0ns, [this] {
      timer_ = 0;
      start();
    });
  }

  void close() override {
    for (auto* timer : {&timer_, &leave_})
      if (*timer != 0) context_.loop.cancel(std::exchange(*timer, 0));
    for (auto& [name, client] : clients_) detach(client);
    clients_.clear();
    if (watch_ != 0) context_.loop.unwatch(std::exchange(watch_, 0));
    if (socket_) ::unlink(path_.c_str());
    socket_.reset();
    listener_ = nullptr;
  }

  /// One message to one client, or to all.
  bool send(Bytes bytes, std::string_view to) override {
    if (!socket_ || bytes.empty()) return false;
    if (!to.empty()) {
      const auto found = clients_.find(to);
      return found != clients_.end() && send_to(found->second, bytes);
    }
    bool all = true;
    for (auto& [name, client] : clients_) all = send_to(client, bytes) && all;
    return all;
  }

  void drop(std::string_view peer) override {
    if (const auto found = clients_.find(peer); found != clients_.end()) leave(found->second);
  }

  [[nodiscard]] std::string describe() const override { return "seqpacket_listen " + path_; }

 private:
  void start() {
    int error = 0;
    socket_ = listen_unix(path_, SOCK_SEQPACKET, error);
    if (!socket_) {
      std::exchange(listener_, nullptr)
          ->on_closed(
              make_reason("open-failed", describe(), "to listen there", errno_text(error),
                          "choose a path that is free, in a folder that may be written, of less than 108 bytes"),
              false);
      return;
    }
    watch_ = context_.loop.watch(socket_.get(), EPOLLIN, [this](std::uint32_t) { accept_one(); });
    listener_->on_open();
  }

  void accept_one() {
    UniqueFd fd{::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!fd) return;
    const std::string name = fmt::format("{}#{}", path_, ++accepted_);
    auto& client = clients_[name];
    client.fd = std::move(fd);
    client.watch =
        context_.loop.watch(client.fd.get(), EPOLLIN, [this, name](std::uint32_t events) { on_events(name, events); });
    context_.log.debug("tra-peer", "{}: {} connected", describe(), name);
    listener_->on_peer(name, true);
  }

  void on_events(const std::string& name, std::uint32_t events) {
    const auto found = clients_.find(name);
    if (found == clients_.end()) return;
    auto& client = found->second;
    if ((events & EPOLLOUT) != 0) flush(client);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0 || client.gone) return;
    const auto buffer = read_buffer();
    const ssize_t n = ::recv(client.fd.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
      leave(client);
      return;
    }
    const auto size = static_cast<std::size_t>(n);
    const Meta meta{.received_ns = context_.loop.clock().wall_ns(), .offset = client.offset, .peer = name};
    client.offset += size;
    listener_->on_bytes(buffer.first(size), meta);
  }

  bool send_to(Client& client, Bytes bytes) {
    if (client.gone || client.waiting + bytes.size() > kSendBound) return false;
    if (client.queue.empty()) {
      const ssize_t n = ::send(client.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n >= 0) return true;
      if (errno != EAGAIN) {
        leave(client);
        return false;
      }
      context_.loop.modify(client.watch, EPOLLIN | EPOLLOUT);
    }
    client.queue.emplace_back(bytes.begin(), bytes.end());
    client.waiting += bytes.size();
    return true;
  }

  void flush(Client& client) {
    while (!client.queue.empty()) {
      const auto& message = client.queue.front();
      const ssize_t n = ::send(client.fd.get(), message.data(), message.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EAGAIN) return;
      if (n < 0) {
        leave(client);
        return;
      }
      client.waiting -= message.size();
      client.queue.pop_front();
    }
    context_.loop.modify(client.watch, EPOLLIN);
  }

  void detach(Client& client) {
    if (client.watch != 0) context_.loop.unwatch(std::exchange(client.watch, 0));
    client.fd.reset();
  }

  /// Told by the loop: somebody may be inside send() or drop().
  void leave(Client& client) {
    if (std::exchange(client.gone, true)) return;
    detach(client);
    if (leave_ != 0) return;
    leave_ = context_.loop.after(0ns, [this] {
      leave_ = 0;
      tell_gone();
    });
  }

  void tell_gone() {
    std::vector<std::string> names;
    for (const auto& [name, client] : clients_)
      if (client.gone) names.push_back(name);
    for (const auto& name : names) {
      clients_.erase(name);
      context_.log.debug("tra-peer", "{}: {} disconnected", describe(), name);
      listener_->on_peer(name, false);
      if (listener_ == nullptr) return;
    }
  }

  Context context_;
  std::string path_;
  Listener* listener_ = nullptr;
  runtime::EventLoop::TimerId timer_ = 0;
  runtime::EventLoop::TimerId leave_ = 0;
  UniqueFd socket_;
  runtime::EventLoop::WatchId watch_ = 0;
  std::uint64_t accepted_ = 0;
  std::map<std::string, Client, std::less<>> clients_;
};

}  // namespace

Kind seqpacket_listen_kind() {
  return {"seqpacket_listen",
          config::object({config::required("path", config::of(config::Type::path, "where the socket shall appear"))},
                         "the serving side of a USB HID device, for programs with the test library in place of hidapi"),
          [](const config::Value& options, const Context& context) -> std::unique_ptr<Transport> {
            return std::make_unique<SeqpacketListen>(options, context);
          }};
}

}  // namespace mesura::transport
