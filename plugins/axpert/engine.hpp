// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "frame_check.hpp"
#include "framer.hpp"
#include "request.hpp"

#include <mesura/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace mesura::axpert {

/// How a transaction ended.
enum class Outcome : std::uint8_t {
  ok,
  ack,
  nak,
  echo,  ///< the request came back: not supported
  crc,   ///< no attempt brought a whole reply
  short_reply,
  unexpected,  ///< only replies to other requests came
  timeout,
  io  ///< the link did not take the request
};
[[nodiscard]] std::string_view name(Outcome o);

struct Transaction {
  std::string command;  ///< as the inverter calls it, "QPIGS"
  Wire wire = Wire::plain;
  bool answered_before = false;  ///< it is supported, so a refusal may be spurious
  bool may_repeat = true;        ///< asking twice does no harm
  bool takes_ack = false;        ///< it sets something; to a question, an ACK is a late one of something before
};

struct Done {
  Outcome outcome = Outcome::io;
  Checked reply;  ///< of ok
  Bytes frame;    ///< of ok: as it came, with CR
  std::int64_t received_ns = 0;
  std::uint64_t offset = 0;
  int attempts = 1;  ///< how often it went out
};

enum class EngineTimer : std::uint8_t {
  gap,    ///< until the first byte, then between bytes
  total,  ///< for the whole reply
  pace    ///< between reports, and before another attempt
};

/// What a transaction needs of its surroundings.
class EnginePort {
 public:
  /// One report on a HID link, else the whole request. False: the link does not take it.
  virtual bool transmit(Bytes bytes) = 0;
  virtual void arm_engine(EngineTimer timer, std::chrono::nanoseconds delay) = 0;
  virtual void disarm_engine(EngineTimer timer) = 0;
  /// Whether this is an answer to the outstanding request, by its shape.
  virtual bool answers(const Checked& reply) = 0;
  /// The transaction is over; the next one may begin from within this call.
  virtual void on_done(const Done& done) = 0;
  virtual void on_remark(mesura_fault_kind kind, std::string_view code, std::string_view message, std::uint64_t offset,
                         std::uint64_t length) = 0;

 protected:
  ~EnginePort() = default;
};

/// One request at a time to an inverter, and what becomes of it.
///
/// What arrives while nothing is outstanding is stale and dropped. A reply is judged as refusal, whole, expected, in
/// this order; what is missing or broken is asked for again, three times in all, after a pause in which late bytes are
/// dropped. A refusal of something that was answered before is doubted once: a bare CR makes sure that the inverter's
/// input is empty. Never waits: time comes as timers.
class Engine {
 public:
  struct Settings {
    bool hid = false;                                  ///< reports of 8 bytes, what follows a CR in one is padding
    std::chrono::nanoseconds first{}, gap{}, total{};  ///< deadlines
    std::chrono::nanoseconds report_delay{};           ///< between the reports of one request
  };

  Engine(Settings settings, EnginePort& port) : settings_(settings), port_(port) {}

  [[nodiscard]] bool idle() const { return state_ == State::idle; }
  /// The bytes that the transaction's first attempt would send; valid until the next call.
  [[nodiscard]] Bytes preview(const Transaction& transaction);
  /// Only while idle.
  void begin(const Transaction& transaction);
  void on_bytes(Bytes bytes, std::int64_t received_ns, std::uint64_t offset);
  void on_timer(EngineTimer timer, std::int64_t now_ns);
  /// The link is gone, and with it what was outstanding.
  void abort();

 private:
  enum class State : std::uint8_t { idle, sending, waiting, pausing, probing };

  void transmit();
  void send_next();
  void probe();
  void judge(const Frame& frame, std::int64_t received_ns);
  void judge_foreign(const Frame& frame, std::int64_t received_ns);
  void refused(const Frame& frame, std::int64_t received_ns);
  void failed(Outcome outcome);
  void retry(std::chrono::nanoseconds after);
  void finish(Outcome outcome, const Checked& reply = {}, const Frame& frame = {}, std::int64_t received_ns = 0);
  void stale(Bytes bytes, std::uint64_t offset);
  void remark(mesura_fault_kind kind, std::string_view code, const Frame& frame, std::string_view message);
  void disarm();
  [[nodiscard]] Bytes report(Bytes bytes, std::uint64_t& offset);

  Settings settings_;
  EnginePort& port_;
  Framer framer_;
  State state_ = State::idle;
  Transaction transaction_;
  RequestFrame request_;
  RequestFrame preview_;
  std::size_t sent_ = 0;
  std::uint32_t sending_ = 0;  ///< counts what went out, so that a loop sees when it reads for another request
  int attempt_ = 0;
  bool zero_escaped_ = false;  ///< which of the request's two forms goes out
  bool doubted_ = false;       ///< a refusal of this transaction was doubted already
  bool probe_first_ = false;
  bool saw_other_ = false;  ///< a whole reply came, but to another request
};

}  // namespace mesura::axpert
