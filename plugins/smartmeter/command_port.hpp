// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "json.hpp"
#include "measures.hpp"
#include "settings.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace mesura::smartmeter {

class Emitter;

/// A run that a command asks for.
struct RunOrder {
  bool ours = true;  ///< its rows come to us
  const Measure* measure = nullptr;
  std::int64_t rate = 0;
  std::int64_t slots = 0;  ///< 0: none
  std::int64_t start_ns = 0;
};

/// The way of commands to one device: its command channel, or its topics.
class CommandPort {
 public:
  [[nodiscard]] virtual Model model() const = 0;
  [[nodiscard]] virtual const std::string& unit_name() const = 0;  ///< what it calls itself
  /// No question of the session's own is open: a line may go out.
  [[nodiscard]] virtual bool is_free() const = 0;
  /// A question. False: it can't go out.
  virtual bool ask(std::string_view line) = 0;
  /// What changes the device, for a command. False: nothing went out.
  virtual bool tell(std::uint64_t request, std::string_view line) = 0;
  /// While an answer is awaited, the session asks nothing of its own.
  virtual void set_awaiting(bool awaiting) = 0;
  /// A run of ours is on, or about to begin.
  [[nodiscard]] virtual bool is_measuring() const = 0;
  [[nodiscard]] virtual const Measure* measure() const = 0;  ///< of the run that is on, or null
  [[nodiscard]] virtual std::int64_t rate() const = 0;       ///< of that run
  [[nodiscard]] virtual std::uint64_t rows() const = 0;      ///< of that run, those that were lost counted
  [[nodiscard]] virtual std::uint64_t lost_rows() const = 0;
  /// No run of the session's own begins until this is taken back.
  virtual void hold(bool held) = 0;
  /// The device has taken `sample`; `reply` is its answer, just read.
  virtual void begin_ordered(const RunOrder& order, const JsonObject& reply) = 0;
  /// Frames may be as long as so many rows.
  virtual void expect_rows(std::int64_t rows) = 0;
  /// Commands hear of each frame.
  virtual void watch(bool watched) = 0;
  /// Stops the run that a command has begun, also where it has not begun to send.
  virtual void abandon() = 0;
  /// The device has another name from now on.
  virtual void renamed(std::string_view name) = 0;
  [[nodiscard]] virtual Emitter* emitter() = 0;

 protected:
  ~CommandPort() = default;
};

}  // namespace mesura::smartmeter
