// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "alerts/board.hpp"
#include "alerts/door.hpp"
#include "alerts/rule.hpp"
#include "config/configuration.hpp"
#include "runtime/event_loop.hpp"
#include "runtime/log.hpp"

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace mesura::alerts {

/// The rules of a configuration at work, and the doors to whom they tell it.
///
/// Each change is told once: to the log, to the board, through the doors. Rules whose section has not changed keep
/// their state over apply(); what is active is kept in the state directory and is not told again after a restart.
/// Belongs to the loop's thread, but for the board.
class Engine {
 public:
  /// `series` must outlive the engine.
  Engine(runtime::EventLoop& loop, const SeriesTable& series, std::shared_ptr<runtime::Log> log, Sources sources);
  /// Without stop() before, what waits for a door is lost.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void apply(const config::Configuration& configuration);
  /// A live batch.
  void take(const Batch& batch);
  /// Gives the doors so long to deliver what waits, and keeps what is active. Nothing is judged any more.
  void stop(std::chrono::nanoseconds grace);

  /// Lives as long as anybody has it.
  [[nodiscard]] std::shared_ptr<const Board> board() const { return board_; }

 private:
  struct RunningDoor {
    config::Value section;
    config::Value sink;  ///< the sink's options that it was made with
    std::unique_ptr<Door> door;
  };

  void apply_doors(const config::Configuration& configuration);
  void restore();
  void end_of_gone_devices(const config::Configuration& configuration);
  void arm();
  void tick();
  void changed(const Rule& rule, const Alert& alert);
  void save();
  void finish_saving();
  void publish();
  [[nodiscard]] std::vector<Alert> all_active() const;
  [[nodiscard]] Now now() const;

  runtime::EventLoop& loop_;
  const SeriesTable& series_;
  std::shared_ptr<runtime::Log> log_;
  runtime::Logger logger_;
  Sources sources_;
  std::shared_ptr<Board> board_ = std::make_shared<Board>();
  std::map<std::string, std::unique_ptr<Rule>, std::less<>> rules_;
  std::map<std::string, std::string, std::less<>> surroundings_;  ///< by rule: what else it depends on
  std::map<std::string, RunningDoor, std::less<>> doors_;
  std::vector<Rule*> of_batches_;
  runtime::EventLoop::TimerId timer_ = 0;
  std::string file_;  ///< of what is active; empty: there is no state directory
  bool restored_ = false;
  bool dirty_ = false;
  std::thread writer_;  ///< a disk may be slow, and the loop must not wait for it
  std::atomic<bool> writing_ = false;
};

/// What is active as text, a line each, and back; a text of another make gives nothing.
[[nodiscard]] std::string save_alerts(const std::vector<Alert>& active);
[[nodiscard]] std::vector<Alert> restore_alerts(const std::string& text);

/// The file system that holds `path`.
[[nodiscard]] std::optional<Sources::Disk> disk_of(const std::string& path);

}  // namespace mesura::alerts
