// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "collector/command_backend.hpp"
#include "command/command.hpp"
#include "config/plugin_schema.hpp"
#include "model/glob.hpp"
#include "runtime/event_loop.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::http::api {

using collector::CommandBackend;

/// Commands between the server's threads and the collector's: handed in, waited for, asked after, called off.
///
/// A device may take minutes and the workers are few, so at most `waiting` requests wait here at a time; whoever comes
/// then, or has waited long enough, asks again later. The collector never waits. Results are kept for a while, within
/// bounds. Any thread, unless it is said otherwise.
class CommandDesk {
 public:
  struct Options {
    std::size_t waiting = 2;   ///< requests that hold a worker
    std::size_t at_work = 64;  ///< commands that have not ended
    std::size_t kept = 256;    ///< results
    std::size_t kept_bytes = std::size_t{48} << 20;
    std::chrono::nanoseconds kept_for = std::chrono::minutes{15};
    std::chrono::milliseconds patience{2000};  ///< with the loop
  };
  /// Made and destroyed on the loop's thread. `boot` tells its ids from those of another process.
  CommandDesk(runtime::EventLoop& loop, CommandBackend backend, std::uint64_t boot, Options options);
  CommandDesk(runtime::EventLoop& loop, CommandBackend backend, std::uint64_t boot)
      : CommandDesk(loop, std::move(backend), boot, Options{}) {}
  ~CommandDesk();
  CommandDesk(const CommandDesk&) = delete;
  CommandDesk& operator=(const CommandDesk&) = delete;

  /// What a device can be asked.
  struct Offer {
    bool known = false;  ///< there is such a device
    std::string plugin;
    command::Control control = command::Control::off;
    std::vector<config::CommandSpec> commands;
  };
  /// Nothing when the collector does not answer. Not the loop's thread.
  [[nodiscard]] std::optional<Offer> offer(const std::string& device) const;

  /// A command as it stands at one moment.
  struct Job {
    std::string id;
    std::string device;
    std::string command;
    std::int64_t since_ns = 0;  ///< UTC, when it was handed in
    std::uint64_t done = 0;     ///< progress, as the plugin tells it
    std::uint64_t total = 0;
    std::string text;
    std::shared_ptr<const command::Result> result;  ///< null: still at work
  };
  /// `plugin`: of the offer by which the arguments were checked. `alone`: only if nothing else that was handed in here
  /// is at work for the device. Nothing when there is too much at work.
  [[nodiscard]] std::optional<Job> submit(const std::string& device, const std::string& plugin,
                                          command::Request request, bool alone);
  /// As find() after at most `time`, earlier with the result, at once when enough others wait.
  [[nodiscard]] std::optional<Job> wait(const std::string& id, std::chrono::milliseconds time) const;
  [[nodiscard]] std::optional<Job> find(const std::string& id) const;
  /// All that are known, the newest first.
  [[nodiscard]] std::vector<Job> jobs() const;
  /// Its result says so. Unknown ids are ignored.
  void cancel(const std::string& id);

  /// While one of these lives, nobody waits: for the loop's thread when it waits for the workers.
  class Quiet {
   public:
    explicit Quiet(const CommandDesk* desk);
    ~Quiet();
    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;

   private:
    const CommandDesk* desk_;
  };
  /// Nothing is handed in any more, and nobody waits. The loop's thread.
  void end();

  /// Number of the newest event: progress or the end of a command.
  [[nodiscard]] std::uint64_t newest_event() const;
  /// Events behind `after` of devices that may match `globs` (none: all), as event-stream text; tells the number of the
  /// last. Those of which too many have followed are left out: find() knows the state.
  [[nodiscard]] std::uint64_t append_events(std::string& out, std::uint64_t after,
                                            const std::vector<model::Glob>& globs) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// {"id":"...","device":"...","command":"...","state":"working","since":"...","progress":{...}}, or with state "ended"
/// all that append_result tells. `brief`: without what may be long.
void append_job(std::string& out, const CommandDesk::Job& job, bool brief);

}  // namespace mesura::http::api
