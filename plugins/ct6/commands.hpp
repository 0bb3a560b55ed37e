// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/plugin.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "command_run.hpp"

namespace mesura::ct6 {

/// The commands that are at work: those of different units at the same time, those of one unit one after another.
///
/// All of them speak over the link `http`, which is opened when the first one needs it and is not configured.
class Commands {
 public:
  /// Where the web server of a unit is, "192.168.0.34:80"; or empty, and `why` says why it is not known.
  using Finder = std::function<std::string(DeviceId device, std::string& why)>;

  Commands(Host host, bool link_configured, Finder find_base)
      : host_(host), link_configured_(link_configured), find_base_(std::move(find_base)) {}

  void take(const Command& command, std::int64_t now_ns);
  void cancel(std::uint64_t request, std::int64_t now_ns);
  void on_link(bool open, std::int64_t now_ns);
  /// false: nobody here asked that.
  bool on_answer(Bytes bytes, const Meta& meta);
  /// false: not one of ours.
  bool on_timer(TimerId timer, std::int64_t now_ns);
  /// A command waits for an answer of the unit at this address; it serves one request after another.
  [[nodiscard]] bool asks(std::string_view base) const;

 private:
  static constexpr TimerId kFirstTimer = 100;

  struct Job {
    std::unique_ptr<CommandRun> run;
    Task<CommandResult> (*function)(CommandRun&) = nullptr;
    bool begun = false;
  };

  [[nodiscard]] TimerId free_timer() const;
  bool open_link(const std::string& base);
  void begin_next(std::int64_t now_ns);
  void settle(std::int64_t now_ns);

  Host host_;
  bool link_configured_;
  Finder find_base_;
  bool link_open_ = false;
  bool link_asked_ = false;
  bool settling_ = false;
  std::deque<Job> jobs_;  ///< in the order in which they came
};

}  // namespace mesura::ct6
