// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "command_fields.hpp"
#include "engine.hpp"
#include "read_commands.hpp"
#include "setter.hpp"

#include <mesura/plugin.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::axpert {

/// One transaction on behalf of a command.
struct Exchange {
  Transaction transaction;
  std::uint64_t request = 0;
  bool changes = false;    ///< it goes out as what changes the device
  bool any_reply = false;  ///< whatever comes is the answer; otherwise, of what changes, only ACK and NAK
};

/// What commands need of their session.
class CommandPort {
 public:
  virtual void reply(std::uint64_t request, mesura_reply_status status, std::string_view message, std::string_view json,
                     Bytes bytes) = 0;
  /// Hands over what would go out. False: the host does not take it.
  virtual bool plan(std::uint64_t request, const Transaction& transaction) = 0;
  virtual void on_progress(std::uint64_t request, std::uint64_t done, std::uint64_t total, std::string_view text) = 0;
  /// YYYYMMDD by the inverter's clock as it was last read, or empty.
  [[nodiscard]] virtual std::string_view date() const = 0;

 protected:
  ~CommandPort() = default;
};

/// The commands of one session, one after another: asks what must be known, checks, writes, reads back, compares.
///
/// Each command is replied to exactly once, except one that is called off. Nothing is sent from here: next() says what
/// is to be exchanged, answered() takes what came of it.
class Commands {
 public:
  Commands(CommandPort& port, const date::time_zone* zone) : port_(port), zone_(zone) {}

  void add(const Command& command);
  [[nodiscard]] bool idle() const { return jobs_.empty(); }
  /// The next exchange of the command whose turn it is; nothing: there is none. Replies to commands that end on the
  /// way.
  [[nodiscard]] std::optional<Exchange> next(Dialect dialect);
  /// What came of the last exchange; `facts`: what its reply says.
  void answered(const Done& done, const Facts& facts);
  void cancel(std::uint64_t request);
  /// All that is asked and waits: the inverter is not there any more.
  void end_all(std::string_view reason);

 private:
  enum class Step : std::uint8_t { begin, asking, changing, checking, over };
  struct Job {
    std::uint64_t id = 0;
    std::string name;
    Arguments args;
    bool dry_run = false;
    Step step = Step::begin;
    const Setter* setter = nullptr;
    std::vector<std::string> queries;  ///< of this step
    std::size_t at = 0;
    std::string query;  ///< that was asked last
    bool asks_date = false;
    Facts before, after;
    std::vector<std::string> refused;  ///< queries that were
    std::vector<std::uint8_t> raw;     ///< replies as they came
    // of what is written
    int unit = -1;
    std::string key;                     ///< where it is read back
    std::vector<std::string> read_back;  ///< by what
    Transaction transaction;
    std::vector<Expected> expected;
    std::string allowed;
    std::int64_t written_ns = 0, heard_ns = 0;
    bool sent = false;
    bool in_doubt = false;         ///< it went out, and no ACK came back
    bool refused_at_last = false;  ///< when it was repeated
    std::string doubt;             ///< what came in place of the ACK
  };

  void begin(Job& job);
  void begin_setter(Job& job);
  void begin_raw(Job& job);
  bool ask(Job& job);
  std::optional<Exchange> step(Job& job);
  static bool find_unit(Job& job);
  void make(Job& job);
  void plan_or_write(Job& job);
  void asked(Job& job, const Done& done, const Facts& facts);
  void changed(Job& job, const Done& done, const Facts& facts);
  void raw_answer(Job& job, const Done& done, const Facts& facts);
  void checked(Job& job, const Done& done, const Facts& facts);
  void conclude_read(Job& job);
  void conclude(Job& job);
  /// Whether all that was expected is there. `before`: nothing was written yet, so no clock has run on.
  [[nodiscard]] bool fulfilled(const Job& job, const Facts& facts, std::int64_t at_ns, bool before) const;
  [[nodiscard]] std::string change_json(const Job& job, bool planned) const;
  [[nodiscard]] std::string difference(const Job& job) const;
  [[nodiscard]] std::string refusal(const Job& job) const;
  /// What only follows from what is said.
  static void derive(Facts& facts);
  void end(Job& job, mesura_reply_status status, std::string_view message, std::string_view json = {});

  CommandPort& port_;
  const date::time_zone* zone_;
  std::deque<Job> jobs_;
  Dialect dialect_ = Dialect::pi30;
};

/// Every argument that a command has.
[[nodiscard]] std::span<const std::string_view> argument_names();

}  // namespace mesura::axpert
