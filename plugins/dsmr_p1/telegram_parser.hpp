// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "line_layout.hpp"
#include "mbus.hpp"
#include "telegram.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::dsmr_p1 {

/// Turns the text of a telegram into readings. Has a memory: of the lines of the last telegram (see LineLayout), of
/// what was told already (M-Bus readings, peaks, failures, attributes) and of the dialect.
///
/// cost    about 10 ns a line that has the layout of its predecessor, 200 ns otherwise; no allocation after the first
/// telegrams
class TelegramParser {
 public:
  struct Settings {
    std::optional<Profile> profile;                      ///< nothing: recognise it
    std::optional<std::int64_t> standard_offset_s;       ///< nothing: the profile's
    std::string zone;                                    ///< empty: the profile's
    std::vector<std::pair<ObisCode, ObisCode>> aliases;  ///< codes to be read as others
  };
  /// So many bytes behind the text may be read, not used.
  static constexpr std::size_t kSlack = LineLayout::kWindow;

  /// Throws std::runtime_error for a zone that does not exist.
  explicit TelegramParser(Settings settings);

  /// `text`: from '/' up to and including '!'. The result is valid until the next call.
  Telegram& parse(Bytes text, bool has_crc, std::int64_t received_ns);

  /// The Feature bits of a text that may be no telegram at all; remembers nothing.
  [[nodiscard]] std::uint32_t scan(Bytes text);

  [[nodiscard]] Attributes& attributes() { return attributes_; }

 private:
  void read_header(std::string_view text);
  void read_lines(std::string_view text, std::int64_t received_ns);
  bool take_remembered(LineLayout& layout, const char* line, std::int64_t received_ns);
  void rename(Line& line) const;
  void take_new(LineLayout& layout, const Line& line, std::size_t offset, std::int64_t received_ns);
  void apply(Contribution& contribution);
  [[nodiscard]] bool seen(RowId row) const { return seen_[row].telegram == number_; }
  [[nodiscard]] const Reading* reading_of(RowId row) const;
  void set_time(std::string_view digits, Stamp::Kind kind, std::int64_t received_ns);
  void adopt(Profile profile);
  void notice_other_meters();
  void place_swiss_registers();
  void derive();
  void derive_difference(bool reactive, std::size_t phase, FieldId field);
  void derive_total(bool exported, FieldId field);

  struct Seen {
    std::uint32_t telegram = 0;
    std::int32_t reading = -1;  ///< index in the telegram's readings, -1 for none
  };

  const ObisTable& table_;
  Settings settings_;
  Profile profile_;
  StampClock clock_;
  LineReader reader_;
  LineDecoder decoder_;
  MbusTracker mbus_;
  Attributes attributes_;
  Telegram telegram_;
  std::vector<Reading> events_;
  std::vector<std::unique_ptr<LineLayout>> layouts_;
  std::vector<Seen> seen_;
  std::vector<std::string> known_unknowns_;
  std::vector<RowId> swiss_;  ///< registers with group B = 1 in this telegram
  std::string header_;
  std::string serial_;
  std::array<std::string, kMbusChannels> mbus_serials_;
  Line line_;
  std::uint32_t number_ = 0;
  bool any_new_line_ = false;
  bool has_stamp_ = false;
  Stamp stamp_;
  std::int64_t last_time_ns_ = kNoTime;  ///< of the last telegram that had one

  std::uint64_t date_ = 0;  ///< the six digits of the date last converted
  Stamp::Kind date_kind_ = Stamp::Kind::null;
  std::int64_t midnight_ns_ = 0;  ///< and its midnight in UTC
};

}  // namespace mesura::dsmr_p1
