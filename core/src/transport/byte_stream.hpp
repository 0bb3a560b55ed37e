// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/unique_fd.hpp"
#include "transport/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace mesura::transport {

/// How many bytes may wait to be sent.
constexpr std::size_t kSendBound = std::size_t{1} << 20;
/// The most that is read before others get their turn.
constexpr std::size_t kReadSize = std::size_t{64} << 10;

/// A buffer of kReadSize for the one read that is being handed on; shared by all transports of a thread.
[[nodiscard]] std::span<std::uint8_t> read_buffer();

/// An open descriptor in both directions on the loop: a connected socket or a terminal. Not for files.
class ByteStream {
 public:
  enum class Type {
    socket,
    terminal,
    pty_master  ///< whose other end comes and goes: a hang-up is no end, and what waits then is forgotten
  };
  struct Handlers {
    /// The bytes may be changed in place; they are gone after the call.
    std::function<void(std::span<std::uint8_t>, const Meta&)> on_bytes;
    /// Once, when the other side is gone; never from inside send(). The stream is closed already.
    std::function<void(Reason)> on_end;
    /// Of a pty_master: nobody has the other end open now. May come more than once.
    std::function<void()> on_hang_up = {};
  };

  /// `what` names it in reasons. Takes a non-blocking descriptor.
  ByteStream(const Context& context, runtime::UniqueFd fd, Type type, std::string what, Handlers handlers);
  ~ByteStream();
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  /// All or nothing: false when closed, or when more than kSendBound would wait.
  bool send(Bytes bytes);
  /// Stops reading, or goes on.
  void pause(bool paused);
  /// No handler is called any more.
  void close();
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  void on_events(std::uint32_t events);
  void read(bool hung_up);
  void read_master();
  void deliver(std::span<std::uint8_t> bytes);
  void flush();
  void drop_queue();
  /// Writes what the descriptor takes; false on an error, which is kept for later.
  bool write_some(Bytes& bytes);
  void update_watch();
  [[nodiscard]] std::uint32_t wanted_events() const;
  void end(Reason reason);
  [[nodiscard]] Reason lost(int error) const;

  Context context_;
  runtime::UniqueFd fd_;
  Type type_;
  std::string what_;
  Handlers handlers_;
  runtime::EventLoop::WatchId watch_ = 0;
  runtime::EventLoop::TimerId failed_ = 0;
  bool wants_write_ = false;
  bool paused_ = false;
  std::uint64_t offset_ = 0;
  std::vector<std::uint8_t> queue_;
  std::size_t sent_ = 0;  // of queue_
};

}  // namespace mesura::transport
