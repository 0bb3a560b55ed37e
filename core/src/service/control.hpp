// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The control socket: how the command line talks to a running service.
//
// One request a connection: a line of words separated by tabs. The answer is a line "ok" or "error", then text (JSON
// for machines) until the connection closes. The socket belongs to owner and group only (0660). A request has at most
// 64 KiB; `command`, which may carry files, 24 MiB, and at most 64 MiB for all that come at a time.
#pragma once

#include "runtime/event_loop.hpp"
#include "runtime/log.hpp"
#include "runtime/unique_fd.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::service {

/// The other end of one request; may outlive the handler's call (streams). Belongs to the loop's thread.
class Reply {
 public:
  virtual ~Reply() = default;
  /// More of the answer. False when the client has gone or reads too slowly (1 MiB waiting): stop sending.
  virtual bool send(std::string_view text) = 0;
  /// The answer is complete.
  virtual void finish() = 0;
  /// The user at the other end, as the kernel knows it: a name, "uid 1000", or empty.
  [[nodiscard]] virtual std::string user() const { return {}; }
  /// Called once when the client hangs up before the answer is complete. One that has only closed its own direction
  /// (`shutdown`) still gets the rest of it; without a callback it gets no more.
  virtual void on_hangup(std::function<void()> callback) = 0;
};

/// Gets the words of a request. Starts the answer with `ok()` or `error()` below.
using Handler = std::function<void(const std::vector<std::string>& words, std::shared_ptr<Reply> reply)>;

/// Answers "ok" with all of `text`.
void ok(Reply& reply, std::string_view text);
/// Answers "error" with a message for people.
void error(Reply& reply, std::string_view message);

class ControlServer {
 public:
  /// Listens at `path`, replacing a dead socket (the state directory's lock tells that it is dead). Throws
  /// std::system_error.
  ControlServer(runtime::EventLoop& loop, runtime::Logger log, std::filesystem::path path, Handler handler);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

 private:
  class Connection;
  void accept();

  runtime::EventLoop& loop_;
  runtime::Logger log_;
  std::filesystem::path path_;
  Handler handler_;
  runtime::UniqueFd fd_;
  runtime::EventLoop::WatchId watch_ = 0;
  std::map<std::uint64_t, std::shared_ptr<Connection>> connections_;
  std::uint64_t next_ = 1;
  std::size_t large_ = 0;  ///< bytes of requests that are larger than most
};

/// Asks the service that listens at `path`; `on_text` gets the answer as it comes, with whether it is "ok", and returns
/// false to stop. nullopt: nobody listens, or no answer came. Otherwise true for "ok".
[[nodiscard]] std::optional<bool> ask(const std::filesystem::path& path, const std::vector<std::string>& words,
                                      const std::function<bool(bool good, std::string_view text)>& on_text);

/// The same for answers that are read later, by an event loop: connects and sends the request. Invalid: nobody listens.
/// The answer begins with a line "ok" or "error".
[[nodiscard]] runtime::UniqueFd send_request(const std::filesystem::path& path, const std::vector<std::string>& words);

}  // namespace mesura::service
