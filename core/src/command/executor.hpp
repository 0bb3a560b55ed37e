// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "command/audit.hpp"
#include "command/command.hpp"
#include "config/plugin_schema.hpp"
#include "runtime/event_loop.hpp"
#include "runtime/log.hpp"

#include <mesura/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::command {

/// The commands of one session: who may, in which order, for how long, and what is written down.
///
/// One command at a time for each device of the session; the others wait in line. A command begins when the session's
/// first link is open, and ends by its answer or when the session is lost. One whose time is over, or that is called
/// off, is told to end: it may still put back what is half done, and keeps its place until it replies or shows no sign
/// of life for a minute. What would change the device passes send_for(), which keeps to the device's `control`, to dry
/// runs, and to the audit log. Belongs to the loop's thread.
class Executor {
 public:
  struct Parts {
    runtime::EventLoop& loop;
    runtime::Logger log;
    const config::PluginSchema& schema;
    Control control = Control::off;
    std::shared_ptr<AuditLog> audit;  ///< null: nothing that changes a device is done
    /// Hands a command to the session, which answers with reply(), now or later.
    std::function<void(CommandId id, const std::string& device, const config::CommandSpec& command,
                       const config::Value& arguments, bool dry_run)>
        begin;
    /// It is to end, and still replies.
    std::function<void(CommandId id)> cancel;
    std::function<bool(LinkId link, Bytes bytes, std::string_view to)> send;
  };
  explicit Executor(Parts parts);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// Always ends in `on_result`, unless this is destroyed without end_all(). `device`: the session's own or one of its
  /// units.
  CommandId submit(const std::string& device, Request request, OnResult on_result, OnProgress on_progress = {});
  /// Calls it off; its result says so, or that it was done all the same. An unknown id is fine: it has ended.
  void cancel(CommandId id);
  /// The first link is open, or not any more.
  void set_ready(bool ready);
  /// All that was asked and waits ends with `status`.
  void end_all(Status status, std::string_view message);
  /// Something is asked or waits.
  [[nodiscard]] bool idle() const { return lines_.empty(); }

  // What the session says.
  bool send_for(CommandId id, LinkId link, Bytes bytes, std::string_view to);
  void progress(CommandId id, std::uint64_t done, std::uint64_t total, std::string_view text);
  void reply(CommandId id, mesura_reply_status status, std::string_view message, std::string_view json, Bytes bytes);

 private:
  struct Job {
    CommandId id = 0;
    std::string device;
    Request request;
    const config::CommandSpec* command = nullptr;
    OnResult on_result;
    OnProgress on_progress;
    Result result;
    std::int64_t began_ns = -1;  ///< steady; -1: it waits
    runtime::EventLoop::TimerId timer = 0;
    std::optional<Status> ending;  ///< it was told to end, and why
    std::int64_t ending_ns = 0;    ///< steady, since when
    std::string unaudited;         ///< why the log could not be written
  };
  using Line = std::deque<std::unique_ptr<Job>>;

  [[nodiscard]] std::optional<Result> objection(const Job& job) const;
  void next(const std::string& device);
  void start(Job& job);
  void tell_to_end(Job& job, Status why);
  void watch_end(Job& job);
  void finish(Job& job, Status status, std::string message, std::string hint = {});
  [[nodiscard]] std::string end_text(const Job& job, std::string_view what) const;
  void post_result(std::unique_ptr<Job> job);
  [[nodiscard]] Job* running(CommandId id);
  [[nodiscard]] Job* find(CommandId id);

  Parts parts_;
  std::map<std::string, Line> lines_;                            ///< by device; the first is at work
  std::map<std::string, std::int64_t, std::less<>> last_write_;  ///< steady ns by "device command"
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  CommandId next_id_ = 1;
  bool ready_ = false;
};

}  // namespace mesura::command
