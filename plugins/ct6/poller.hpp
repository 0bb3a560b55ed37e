// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "text_map.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::ct6 {

class Unit;

/// An address that is asked for answers.
struct Target {
  std::string address;        ///< "192.168.0.34:29340"; of HTTP "192.168.0.34:80"
  std::string called;         ///< the same without the usual port
  std::string to;             ///< what the question is sent to: a peer, a request, or nothing if the link has one peer
  std::string check;          ///< request that asks over HTTP what a silent unit is up to; empty: there is no way
  bool fixed = false;         ///< configured, not found
  Unit* unit = nullptr;       ///< that answered last
  bool own_identity = false;  ///< known by its address, because another unit has its key
  bool moved = false;         ///< its unit answers from another address now
  bool waiting = false;       ///< asked, no answer yet
  bool silent = false;        ///< said to be
  std::int64_t asked_ns = 0, answered_ns = 0, silent_since_ns = 0, checked_ns = 0;
  std::uint64_t missed = 0;  ///< questions in a row without an answer
  bool inactive_told = false, blocked_told = false;

  // Of the poller.
  std::size_t number = 0;  ///< its place on the wheel
  unsigned skip = 0;       ///< turns until it is asked again
};

/// What a poller wants done.
class PollerSink {
 public:
  /// false: it could not be sent.
  virtual bool ask(Target& target) = 0;
  /// A question had no answer when the next one was due.
  virtual void missed(Target& target) = 0;
  /// It has been quiet for so long that it is worth saying; once.
  virtual void fell_silent(Target& target, std::int64_t now_ns) = 0;
  /// A silent one is due again: something else might be known of it.
  virtual void look_after(Target& target, std::int64_t now_ns) = 0;

 protected:
  ~PollerSink() = default;
};

/// Asks any number of units once in each interval, evenly spread over it, with one timer.
///
/// Each unit has its fixed moment in the interval: a wheel of up to 128 slots, filled in bit-reversed order, so that
/// any number of units is spread evenly and none moves when another comes. A unit that does not answer is asked on,
/// more slowly after a while. cost    1000 units: a wake-up each 1/128 interval, eight sends in each
class Poller {
 public:
  static constexpr std::size_t kMaxTargets = 10'000;

  Poller(std::chrono::nanoseconds interval, PollerSink& sink);

  /// nullptr: there are kMaxTargets. The address must be a new one.
  Target* add(std::string_view address, std::string_view called, bool fixed, std::string to, std::string check);
  [[nodiscard]] Target* find(std::string_view address);
  [[nodiscard]] Target* find_request(std::string_view request);
  [[nodiscard]] std::size_t size() const { return by_address_.size(); }

  /// The first turn of the wheel begins now.
  void start(std::int64_t now_ns);
  /// Asks whoever is due.
  /// out     time to the next call, or a negative one if there is nobody to ask
  std::chrono::nanoseconds turn(std::int64_t now_ns);
  /// Time to the next call, when targets have come.
  [[nodiscard]] std::chrono::nanoseconds next(std::int64_t now_ns) const;

  /// true: it had been silent.
  bool answered(Target& target, std::int64_t now_ns);
  /// A question is known to have no answer.
  void failed(Target& target, std::int64_t now_ns);

 private:
  void ask(Target& target, std::int64_t now_ns);
  void count_miss(Target& target, std::int64_t now_ns);
  void remove(const Target& target);
  [[nodiscard]] std::int64_t time_of(std::int64_t tick) const;
  [[nodiscard]] std::size_t slot_of(std::size_t number) const;

  PollerSink& sink_;
  std::int64_t interval_ns_;
  std::size_t slots_ = 1;    ///< power of two
  unsigned slow_turns_ = 1;  ///< between questions to one that has been silent for long
  std::vector<std::vector<std::unique_ptr<Target>>> wheel_;
  TextMap<Target*> by_address_, by_request_;
  std::vector<std::size_t> free_numbers_;
  std::vector<std::string> gone_;
  std::size_t next_number_ = 0;
  std::int64_t start_ns_ = 0;
  std::int64_t tick_ = 0;  ///< the next slot to be run, counted from start_ns_
};

}  // namespace mesura::ct6
