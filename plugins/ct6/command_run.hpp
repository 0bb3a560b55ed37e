// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// One command at work: its conversation with one unit over HTTP.
#pragma once

#include <mesura/plugin.hpp>

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "task.hpp"

namespace simdjson::dom {
class parser;
}

namespace mesura::ct6 {

/// What a command ends with.
struct CommandResult {
  mesura_reply_status status = MESURA_REPLY_DONE;
  std::string message = {};
  std::string json = {};
  std::string bytes = {};
};

/// Thrown where a command cannot go on.
struct CommandEnd {
  mesura_reply_status status = MESURA_REPLY_REFUSED;
  std::string message;
  std::string json = {};
};

/// A copy of a command's arguments: those of the host end with its call.
class CommandArguments {
 public:
  explicit CommandArguments(const Command& command);

  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  [[nodiscard]] const std::string& text(std::string_view name) const;
  [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t fallback = 0) const;
  [[nodiscard]] double number(std::string_view name, double fallback = 0) const;
  [[nodiscard]] bool flag(std::string_view name) const { return integer(name) != 0; }
  using Entries = std::vector<std::pair<std::string, std::string>>;
  [[nodiscard]] const Entries& entries(std::string_view name) const;

 private:
  struct Argument {
    std::string name, text;
    std::uint32_t type = 0;
    std::int64_t integer = 0;
    double number = 0;
    Entries entries;
  };
  [[nodiscard]] const Argument* find(std::string_view name) const;

  std::vector<Argument> arguments_;
};

/// What came back for a request.
struct Reply {
  enum class Kind : std::uint8_t {
    ok,           ///< `body` is the unit's JSON
    error,        ///< the unit says ERROR; `body` is its text
    closed,       ///< the connection ended without a reply: the handler threw
    none,         ///< nothing in time; the request may have taken effect
    unreachable,  ///< there was no connection
    planned       ///< a dry run: it was not sent
  };
  Kind kind = Kind::ok;
  std::string body;  ///< else the reason, for people

  [[nodiscard]] bool ok() const { return kind == Kind::ok || kind == Kind::planned; }
};

class CommandRun {
 public:
  CommandRun(Host host, const Command& command, TimerId timer, std::string base)
      : host_(host),
        id_(command.id),
        device_(command.device),
        name_(command.name),
        arguments_(command),
        dry_run_(command.dry_run),
        timer_(timer),
        base_(std::move(base)) {}

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] DeviceId device() const { return device_; }
  [[nodiscard]] TimerId timer() const { return timer_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const CommandArguments& arguments() const { return arguments_; }
  [[nodiscard]] bool dry_run() const { return dry_run_; }
  /// "192.168.0.34:80"
  [[nodiscard]] const std::string& base() const { return base_; }
  [[nodiscard]] std::int64_t now_ns() const { return now_ns_; }
  void tell_time(std::int64_t now_ns) { now_ns_ = now_ns; }

  // ---- for the sequences

  /// Asks the unit something; "/get_config".
  Task<Reply> get(std::string path);
  /// Tells it something, on behalf of the command; in a dry run it is only planned.
  Task<Reply> change(std::string path);
  /// One file with its hash. `bytes` is what goes out.
  Task<Reply> upload(std::string path, std::string bytes);
  /// The same; whatever is no good answer ends the command.
  Task<Reply> must_get(std::string path);
  Task<Reply> must_change(std::string path);
  Task<void> wait(std::chrono::nanoseconds time);
  void progress(std::uint64_t done, std::uint64_t total, std::string_view text) {
    host_.progress(id_, done, total, text);
  }
  void warn(std::string_view message) { host_.log(MESURA_LOG_WARN, message); }
  /// From here on the sequence goes to its end, called off or not: it brings the unit to where it is safe.
  void hold_on() { holding_ = true; }
  void let_go() { holding_ = false; }
  /// Ends the command here if nobody waits for it any more.
  void check_called_off() const;
  /// What such an answer to `path` means for the command.
  [[nodiscard]] CommandEnd end_of(const Reply& reply, std::string_view path) const;

  // ---- for whoever runs it

  void begin(Task<CommandResult> task, std::int64_t now_ns);
  [[nodiscard]] bool done() const { return task_ && task_->done(); }
  [[nodiscard]] CommandResult result();
  /// Whether it waits for the answer to this request.
  [[nodiscard]] bool waits_for(std::string_view to) const { return waits_ && to == to_; }
  [[nodiscard]] bool waits_for_unit() const { return waits_; }
  void on_answer(int status, std::string_view body, std::int64_t now_ns);
  void on_timer(std::int64_t now_ns);
  void on_link_lost(std::string_view why, std::int64_t now_ns);
  /// Nobody waits for it any more.
  void call_off(std::int64_t now_ns);

 private:
  struct Exchange;
  struct Pause;

  bool send(const std::string& bytes, const std::string& to, bool changes);
  void resume(std::int64_t now_ns);
  Task<Reply> exchange(std::string to, std::string bytes, bool changes);

  Host host_;
  std::uint64_t id_;
  DeviceId device_;
  std::string name_;
  CommandArguments arguments_;
  bool dry_run_;
  TimerId timer_;
  std::string base_;
  std::int64_t now_ns_ = 0;
  std::optional<Task<CommandResult>> task_;
  std::coroutine_handle<> waiting_;
  std::string to_;      ///< of the request that is under way
  bool waits_ = false;  ///< for its answer
  bool called_off_ = false;
  bool holding_ = false;
  Reply reply_;
};

/// "/set_config?A=1" -> "/set_config": what messages may say of a request, as values can be secret.
[[nodiscard]] std::string_view path_without_values(std::string_view path);

}  // namespace mesura::ct6
