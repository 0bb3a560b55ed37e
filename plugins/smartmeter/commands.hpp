// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Commands: each is a few exchanges with one device, one after the other, beside whatever else the session does.
#pragma once

#include "command_port.hpp"
#include "json.hpp"
#include "settings.hpp"

#include <mesura/plugin.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::smartmeter {

/// The arguments of a command, kept beyond the call that brought them.
class Arguments {
 public:
  explicit Arguments(const Options& options, std::span<const std::string_view> names);

  [[nodiscard]] bool has(std::string_view name) const { return values_.find(name) != values_.end(); }
  [[nodiscard]] std::string text(std::string_view name, std::string_view fallback = {}) const;
  [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t fallback = 0) const;
  [[nodiscard]] double number(std::string_view name, double fallback = 0) const;
  [[nodiscard]] bool flag(std::string_view name) const { return integer(name) != 0; }

 private:
  struct Value {
    std::string text;
    std::int64_t integer = 0;
    double number = 0;
  };
  std::map<std::string, Value, std::less<>> values_;
};

/// What came of a line that went out.
struct Answer {
  enum class Kind : std::uint8_t {
    reply,    ///< `json`
    text,     ///< a line that is no JSON object: `text`
    frame,    ///< rows, where they were waited for
    greeted,  ///< the device is (back) there: `json` is what it says of itself
    silent,   ///< nothing within the time for it
    gone,     ///< the connection ended
    unsent,   ///< the line did not go out
  };
  Kind kind = Kind::silent;
  const JsonObject* json = nullptr;
  std::string_view text = {};
  std::int64_t rows = 0;  ///< of a frame
};

class Job;
using Then = std::function<void(Job& job, const Answer& answer)>;

/// A command at work. Its flow is a chain of ask(), tell() and wait(), each with what to do then; finish() ends it.
class Job {
 public:
  struct Services {
    Host host;
    const Settings& settings;
    std::function<CommandPort*(DeviceId)> port;  ///< null: it is not there (now)
    /// Why it is not there; empty: it may come yet.
    std::function<std::string(DeviceId)> absence;
  };
  static constexpr std::int64_t kNever = INT64_MAX;
  static constexpr std::int64_t kPatience = 5'000'000'000;

  Job(Services& services, const Command& command, std::int64_t now_ns);

  // ---- for flows
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const Arguments& args() const { return args_; }
  [[nodiscard]] bool dry_run() const { return dry_run_; }
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] DeviceId device() const { return device_; }
  [[nodiscard]] const Settings& settings() const { return services_.settings; }
  [[nodiscard]] std::int64_t now_ns() const { return now_ns_; }
  [[nodiscard]] std::int64_t sent_ns() const { return sent_ns_; }
  [[nodiscard]] CommandPort& port() { return *services_.port(device_); }
  [[nodiscard]] Host& host() { return services_.host; }

  /// A question; `word` is the `cmd` of its answer.
  void ask(std::string_view word, std::string line, Then then, std::int64_t patience = kPatience);
  /// What changes the device. In a dry run it is handed to the plan and the command is over.
  void tell(std::string_view word, std::string line, Then then, std::int64_t patience = kPatience);
  /// The same without an answer of its own.
  void tell_only(std::string line, std::function<void(Job&)> sent);
  /// A further line that answers the last question.
  void await(Then then, std::int64_t patience = kPatience);
  /// The next event of any kind, or none for so long.
  void wait(Then then, std::int64_t patience);
  /// Until the connection is gone, if `away`, then until the device greets again, or `patience` is over.
  void wait_for_return(Then then, std::int64_t patience, bool away);
  /// Every line and frame, until finish() or the next exchange.
  void listen(bool frames);
  void finish(mesura_reply_status status, std::string_view message, std::string_view json = {},
              std::string_view bytes = {});
  void progress(std::uint64_t done, std::uint64_t total, std::string_view text) {
    services_.host.progress(id_, done, total, text);
  }
  /// Ends the command if this is no reply, or if the device is busy or does not know the command. True: go on.
  bool is_reply(const Answer& answer);
  /// The value before, for plans and results; JSON.
  std::string before = "null";
  /// Put to the message of a plan.
  std::string plan_note;
  /// The run that was stopped for this command begins again when it ends.
  bool paused = false;
  /// A run was begun for it, which ends with it.
  bool measures = false;

 private:
  friend class Commands;
  enum class Phase : std::uint8_t { fresh, queued, sent, waiting, leaving, returning, ended };

  void queue(std::string_view word, std::string line, Then then, std::int64_t patience, bool writes);
  void send();
  void deliver(const Answer& answer);
  [[nodiscard]] bool expects(const JsonObject& reply) const;

  Services& services_;
  std::uint64_t id_;
  std::string name_;
  DeviceId device_;
  bool dry_run_;
  Arguments args_;
  std::int64_t now_ns_, sent_ns_ = 0;
  Phase phase_ = Phase::fresh;
  std::string word_, line_;
  bool writes_ = false, frames_ = false, all_lines_ = false;
  Then then_;
  std::function<void(Job&)> sent_;
  std::int64_t patience_ = kPatience, due_ns_ = kNever;
};

/// The commands of a session, one at a time for each device.
class Commands {
 public:
  explicit Commands(Job::Services services) : services_(std::move(services)) {}

  void start(const Command& command, std::int64_t now_ns);
  void cancel(std::uint64_t request, std::int64_t now_ns);
  /// Sends what waits for its turn, ends what has waited too long.
  void pump(std::int64_t now_ns);
  [[nodiscard]] std::int64_t due() const;

  // What comes of a device. True: it was meant for a command.
  bool reply(DeviceId device, const JsonObject& json, std::string_view text, std::int64_t now_ns);
  bool line(DeviceId device, std::string_view text, std::int64_t now_ns);
  void frame(DeviceId device, std::int64_t rows, std::int64_t now_ns);
  void greeted(DeviceId device, const JsonObject& info, std::int64_t now_ns);
  void gone(DeviceId device, std::int64_t now_ns);
  void all_gone(std::int64_t now_ns);
  [[nodiscard]] bool idle() const { return jobs_.empty(); }
  /// A command for that device has something to say and waits for its turn.
  [[nodiscard]] bool waits(DeviceId device) const;

 private:
  [[nodiscard]] Job* job_of(DeviceId device, std::int64_t now_ns);
  void begin(Job& job);
  void sweep();

  Job::Services services_;
  std::map<DeviceId, std::unique_ptr<Job>> jobs_;
};

/// One command of the schema.
struct Flow {
  std::string_view name;
  bool needs_idle;  ///< a device that measures refuses it
  void (*begin)(Job&);
};
[[nodiscard]] std::span<const Flow> flows();

}  // namespace mesura::smartmeter
