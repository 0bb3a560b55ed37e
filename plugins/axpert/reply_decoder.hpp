// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plan.hpp"
#include "token.hpp"

#include <mesura/plugin.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace date {
class time_zone;
}

namespace mesura::axpert {

/// What a decoder asks of its surroundings. Views end with the call.
class DecodeSink {
 public:
  virtual SeriesId resolve(const Plan::Slot& slot) = 0;
  virtual void on_attribute(std::string_view key, std::string_view value) = 0;
  /// The inverter's serial; `whole`: one that is never cut off.
  virtual void on_serial(std::string_view serial, bool whole) = 0;
  virtual void on_remark(mesura_fault_kind kind, std::string_view code, std::string_view message) = 0;

 protected:
  ~DecodeSink() = default;
};

/// Turns the fields of a verified reply into measurements, by a plan.
///
/// Gauges and registers leave with every reply, states, words and attributes when they change. One impossible value
/// (plausibility) drops the whole reply. cost  about a nanosecond a byte; no allocation once everything has appeared
class ReplyDecoder {
 public:
  enum class Result : std::uint8_t {
    decoded,
    implausible,  ///< nothing of it counts; told as a remark
    absent        ///< of a parallel unit that does not exist
  };
  /// What a reply is read by, beside its own bytes.
  struct Context {
    bool single_tracker = false;  ///< there is no second one, so pv1 is all there is
    bool tells_system = true;     ///< publish what the reply says of all parallel units together
    std::int64_t received_ns = 0;
  };

  /// zone: of the inverter's clock; null for UTC.
  ReplyDecoder(DecodeSink& sink, const date::time_zone* zone);

  Result decode(Plan& plan, const Tokens& tokens, const Context& context);
  /// Of the last reply that was decoded; valid until the next.
  [[nodiscard]] std::span<const mesura_measurement> batch() const { return {batch_.data(), count_}; }

  /// What replies have said that others are judged by; 0: not known.
  [[nodiscard]] double rated_power() const { return rated_power_; }
  [[nodiscard]] double rated_voltage() const { return rated_voltage_; }
  /// YYYYMMDD of the inverter's clock, or empty.
  [[nodiscard]] std::string_view date() const { return date_; }
  /// Another inverter may be at the other end.
  void forget();

 private:
  struct PartValue {
    double value = 0;
    std::int64_t at_ns = 0;
    std::uint64_t reply = 0;  ///< number of the reply that brought it
  };

  [[nodiscard]] bool unchanged(Plan::Op& op, const Token& t, std::size_t i, const Tokens& all) const;
  bool token(Plan& plan, Plan::Op& op, const Token& t, std::size_t i, const Tokens& all);
  bool number(Plan& plan, Plan::Op& op, const Token& t);
  bool plausible(const Plan::Op& op, const Plan::Slot& slot, const Token& t, double value, bool& keep);
  [[nodiscard]] double limit(Gate gate, bool system) const;
  void set_limits();
  void textual(Plan& plan, Plan::Op& op, const Token& t, std::size_t i, const Tokens& all);
  void code(Plan& plan, const Plan::Op& op, const Token& t);
  void flags(Plan& plan, Plan::Op& op, const Token& t, std::size_t i);
  void warnings(Plan& plan, const Plan::Op& op, const Tokens& all);
  void letters(Plan& plan, const Plan::Op& op, const Token& t);
  void date_time(Plan& plan, const Plan::Op& op, const Token& t);
  void fact(const Plan& plan, const Plan::Op& op, const Token& t, std::size_t i, const Tokens& all);
  void firmware(const Plan::Op& op, const Token& t, const Tokens& all);
  void long_serial(const Token& t);
  void derive(Plan& plan);
  void derive_pv(Plan& plan);

  /// Member by member into its place: a copy of what was just written would wait for it.
  static void set(mesura_measurement& m, SeriesId series, double value, std::uint8_t quality) {
    m.time_ns = MESURA_NO_TIME;
    m.number = value;
    m.text_bits = 0;
    m.series = series;
    m.text_size = 0;
    m.type = MESURA_NUMBER;
    m.quality = quality;
  }
  void add(Plan& plan, std::uint32_t slot, double value, std::uint8_t quality = MESURA_GOOD);
  void add_text(Plan& plan, std::uint32_t slot, std::string_view value);
  void keep(Part part, double value);
  [[nodiscard]] const PartValue* part(Part p) const;
  SeriesId series(Plan::Slot& slot) { return slot.id == Plan::kUnresolved ? slot.id = sink_.resolve(slot) : slot.id; }
  void remark_field(mesura_fault_kind kind, std::string_view code, const Plan& plan, std::size_t i,
                    std::string_view got);

  DecodeSink& sink_;
  const date::time_zone* zone_;
  Context context_;
  static constexpr std::size_t kMost = 512;  ///< in a reply: more than its tokens and flags can make
  std::vector<mesura_measurement> batch_ = std::vector<mesura_measurement>(kMost);
  std::size_t count_ = 0;
  std::array<PartValue, static_cast<std::size_t>(Part::count)> parts_{};
  std::uint64_t reply_ = 0;
  double rated_power_ = 0, rated_voltage_ = 0;
  std::array<double, 7> limits_{};  ///< by Gate
  std::string date_;
  bool has_model_ = false;         ///< the inverter has named its model: better than what its code says
  std::string warnings_, faults_;  ///< texts that the batch points into
  std::array<std::string, 16> unknown_;
  std::size_t unknown_count_ = 0;
};

}  // namespace mesura::axpert
