// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands.hpp"
#include "detection.hpp"
#include "engine.hpp"
#include "reader.hpp"
#include "schedule.hpp"
#include "settings.hpp"

#include <mesura/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mesura::axpert {

/// One inverter, or several that work in parallel and answer through one.
class AxpertSession final : public Device, private EnginePort, private DecodeSink, private CommandPort {
 public:
  AxpertSession(Host host, const SessionInfo& info);

  void on_open(LinkId link, std::int64_t now_ns) override;
  void on_close(LinkId link, std::int64_t now_ns, std::string_view reason, bool final) override;
  void on_bytes(LinkId link, Bytes bytes, const Meta& meta) override;
  void on_timer(TimerId timer, std::int64_t now_ns) override;
  void on_command(const Command& command) override;
  void on_cancel(std::uint64_t request, std::int64_t now_ns) override;

 private:
  enum : TimerId { kScheduleTimer = 0, kGapTimer = 1, kTotalTimer = 2, kPaceTimer = 3 };
  enum class Phase : std::uint8_t { closed, detecting, resting, polling };

  // ---- asking
  void detect();
  void advance();
  void begin(std::string_view command, Wire wire, bool answered_before);
  [[nodiscard]] bool dated_command(const Schedule::Entry& entry, std::string& command) const;
  bool transmit(Bytes bytes) override;
  void arm_engine(EngineTimer timer, std::chrono::nanoseconds delay) override;
  void disarm_engine(EngineTimer timer) override;
  bool answers(const Checked& reply) override;
  void on_done(const Done& done) override;
  void on_detected(const Done& done);
  void on_polled(const Done& done);
  void on_unit(Schedule::Entry& entry, bool absent);
  void give_up(std::string_view reason);
  bool right_inverter();
  void start_polling();

  // ---- commands
  bool begin_exchange();
  void on_exchanged(const Done& done);
  void collect_batch(Facts& facts) const;
  void reply(std::uint64_t request, mesura_reply_status status, std::string_view message, std::string_view json,
             Bytes bytes) override;
  bool plan(std::uint64_t request, const Transaction& transaction) override;
  void on_progress(std::uint64_t request, std::uint64_t done, std::uint64_t total, std::string_view text) override;
  [[nodiscard]] std::string_view date() const override { return reader_.decoder().date(); }

  // ---- reading
  ReplyDecoder::Result read(const Frame& frame, std::int64_t received_ns, int unit, bool whole = false);
  void read_offline(const Frame& frame, std::int64_t received_ns);
  void offline_fault(const Frame& frame, mesura_fault_kind kind, std::string_view code, std::string_view message);
  [[nodiscard]] int offline_unit();

  SeriesId resolve(const Plan::Slot& slot) override;
  void on_attribute(std::string_view key, std::string_view value) override;
  void on_serial(std::string_view serial, bool whole) override;
  void on_remark(mesura_fault_kind kind, std::string_view code, std::string_view message) override;
  void on_remark(mesura_fault_kind kind, std::string_view code, std::string_view message, std::uint64_t offset,
                 std::uint64_t length) override;

  Settings settings_;
  Engine engine_;
  Reader reader_;
  Detection detection_;
  Schedule schedule_;
  Phase phase_ = Phase::closed;
  Commands commands_;                 ///< before any poll
  std::optional<Exchange> exchange_;  ///< the outstanding one of a command
  Facts* collecting_ = nullptr;       ///< where facts about the device go too, while a command's reply is read
  std::unordered_map<SeriesId, std::string> series_names_;

  // of the outstanding poll
  std::string_view pattern_;
  int unit_ = -1;

  bool single_tracker_ = false;
  std::uint32_t present_units_ = 0;  ///< bit n: parallel unit n exists; the lowest tells what is said of all
  int silent_ = 0;                   ///< transactions in a row that nobody answered
  int failed_rounds_ = 0;            ///< detections in a row that found nobody
  std::string serial_, long_serial_;
  Framer framer_;  ///< offline
  Check offline_check_ = Check::crc;
  int offline_number_ = -1;
  std::vector<std::string> unit_serials_;  ///< offline: of parallel units, in the order of their numbers
  std::uint64_t frame_offset_ = 0, frame_length_ = 0;
};

}  // namespace mesura::axpert
