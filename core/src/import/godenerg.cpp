// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "import/godenerg.hpp"

#include "import/batches.hpp"
#include "import/old_sqlite.hpp"
#include "session/offline.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

namespace mesura::importing {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kPortion = 1000;
constexpr std::int64_t kOldest_s = 946'684'800;    // 2000: before it a clock was not set
constexpr std::int64_t kLatest_s = 4'102'444'800;  // 2100

/// A column of `stats`, in the order of the reply's fields. Widths as the inverter sends them.
struct Column {
  std::string_view name;
  int digits;    ///< in front of the point
  int decimals;  ///< -1: text
};
constexpr std::array<Column, 21> kColumns = {
    {{"grid_volt", 3, 1},   {"grid_freq", 2, 1},        {"ac_volt", 3, 1},       {"ac_freq", 2, 1},
     {"ac_va", 4, 0},       {"ac_watt", 4, 0},          {"load_percent", 3, 0},  {"bus_volt", 3, 0},
     {"batt_volt", 2, 2},   {"batt_charge_amps", 3, 0}, {"batt_capacity", 3, 0}, {"temp", 4, 0},
     {"pv_amps", 4, 0},     {"pv_volts", 3, 1},         {"batt_volt_scc", 2, 2}, {"batt_discharge_amps", 5, 0},
     {"raw_status", 0, -1}, {"mask_b", 0, -1},          {"mask_c", 0, -1},       {"pv_watts", 5, 0},
     {"mask_d", 0, -1}}};

/// The CRC of the PI30 family (axpert sheet, 2.1): XMODEM, with bytes that mean something on the line counted up.
std::string with_crc(std::string frame) {
  unsigned crc = 0;
  for (const char c : frame) {
    crc ^= static_cast<unsigned>(static_cast<unsigned char>(c)) << 8U;
    for (int bit = 0; bit < 8; ++bit) crc = ((crc & 0x8000U) != 0 ? (crc << 1U) ^ 0x1021U : crc << 1U) & 0xffffU;
  }
  for (const unsigned byte : {crc >> 8U, crc & 0xffU}) {
    const bool reserved = byte == 0x28 || byte == 0x0d || byte == 0x0a;
    frame += static_cast<char>(byte + (reserved ? 1 : 0));
  }
  frame += '\r';
  return frame;
}

/// The same number with at least as many decimals as the field has, and all that the file has.
std::string field(double value, const Column& column, bool pointed) {
  std::string text = fmt::format("{:.{}f}", value, column.decimals);
  if (column.decimals > 0 || pointed) {
    int decimals = std::max(column.decimals, 1);
    // What the file keeps beyond the usual places (an average, say) is not rounded away; more than 6 are a double's
    // noise.
    while (decimals < 6 && std::fabs(value - std::stod(fmt::format("{:.{}f}", value, decimals))) > 1e-9) ++decimals;
    text = fmt::format("{:.{}f}", value, decimals);
  }
  const std::size_t point = text.find('.');
  const std::size_t whole = point == std::string::npos ? text.size() : point;
  const auto width = static_cast<std::size_t>(column.digits);
  return whole < width ? std::string(width - whole, '0') + text : text;
}

class Godenerg final : public Importer {
 public:
  Godenerg(GodenergSetup setup, SeriesTable& series, Target& target, Problems& problems)
      : setup_(std::move(setup)), target_(target), problems_(problems), db_(open_old(setup_.file)) {
    const auto columns = columns_of(db_, "stats");
    for (const auto& column : kColumns)
      if (!columns.contains(column.name)) missing(column.name, columns.empty());
    if (!columns.contains("datetime")) missing("datetime", false);
    const auto last_columns = columns_of(db_, "last_stats");
    has_last_ = last_columns.contains("datetime");
    has_mode_ = columns.contains("mode");
    begin_table("stats");

    offline_.emplace(*setup_.axpert, series, setup_.channels,
                     session::SessionSetup{target_.device(), nullptr, setup_.options, setup_.zone, false, 0},
                     session::Offline::Consumer{
                         [this](const Batch& batch) { out_->push_back(std::make_shared<Batch>(batch)); },
                         [this](const Fault& fault) {
                           // A reply that is odd: its row is left out, or a field of it.
                           if (fault.kind == MESURA_FAULT_NOTE) return;
                           problems_.lost(fmt::format("axpert-{}", fault.code), place(), std::string{fault.message});
                         },
                         [](std::string_view, std::string_view) {}, [](mesura_log_level, std::string_view) {}},
                     std::int64_t{0});
  }

  bool next(std::vector<BatchPtr>& out) override {
    out_ = &out;
    try {
      if (portion()) return true;
      if (!has_last_ || table_ == "last_stats") return false;
      begin_table("last_stats");
      return true;
    } catch (const database::Error& e) {
      if (e.primary() != SQLITE_CORRUPT && e.primary() != SQLITE_NOTADB && e.primary() != SQLITE_IOERR)
        throw ImportError(fmt::format("imp-read: {}: {}", setup_.file.string(), e.what()));
      problems_.lost("imp-damaged", place(), e.what());
      return false;
    } catch (const session::SessionError& e) {
      throw ImportError(fmt::format("imp-read: {}: the plugin gave up: {}", place(), e.what()));
    }
  }
  [[nodiscard]] Position position() const override {
    const auto of = [&](std::int64_t row) { return static_cast<std::uint64_t>(row - first_ + 1); };
    return {fmt::format("{} {}", setup_.file.filename().string(), table_), last_ == 0 ? 0 : of(at_),
            last_ == 0 ? 0 : of(last_), "rows"};
  }
  [[nodiscard]] std::uint64_t records() const override { return records_; }

 private:
  [[noreturn]] void missing(std::string_view column, bool no_table) const {
    throw ImportError(fmt::format(
        "gdn-schema: {} is no database of godenerg\n  expected  a table stats with a column {}\n  got       {}",
        setup_.file.string(), column, no_table ? "no such table" : "a table without it"));
  }
  [[nodiscard]] std::string place() const {
    return fmt::format("{} {} row {}", setup_.file.filename().string(), table_, at_);
  }

  void begin_table(std::string_view table) {
    table_ = table;
    std::string list = "rowid, datetime";
    if (table == "stats") {
      for (const auto& column : kColumns) list += fmt::format(", {}", column.name);
      list += has_mode_ ? ", mode" : ", NULL";
    } else {
      list += ", batt_volt, batt_charge_amps, pv_amps, pv_watts";
    }
    select_ =
        db_.prepare(fmt::format("SELECT {} FROM {} WHERE rowid > ?1 ORDER BY rowid LIMIT {}", list, table, kPortion));
    first_ = db_.integer(fmt::format("SELECT min(rowid) FROM {}", table));
    last_ = db_.integer(fmt::format("SELECT max(rowid) FROM {}", table));
    at_ = first_ - 1;
  }

  bool portion() {
    select_.reset();
    select_.bind(1, at_);
    bool any = false;
    while (select_.step()) {
      any = true;
      at_ = select_.integer(0);
      ++records_;
      const auto time_ns = time();
      if (!time_ns || !setup_.range.contains(*time_ns)) continue;
      if (table_ == "stats") {
        reply(*time_ns);
      } else {
        sample(*time_ns);
      }
    }
    select_.reset();
    return any;
  }
  std::optional<std::int64_t> time() {
    const std::int64_t seconds = select_.is_number(1) ? select_.integer(1) : 0;
    if (seconds >= kOldest_s && seconds < kLatest_s) return seconds * kSecond;
    problems_.lost("gdn-time", place(),
                   fmt::format("datetime: expected seconds since 1970, got '{}'", select_.text(1)));
    return std::nullopt;
  }

  void reply(std::int64_t time_ns) {
    std::string payload = "(";
    for (std::size_t i = 0; i < kColumns.size(); ++i) {
      const Column& column = kColumns[i];
      const int at = static_cast<int>(i) + 2;
      if (i != 0) payload += ' ';
      if (column.decimals >= 0) {
        const double value = select_.number(at);
        if (!select_.is_number(at) || !std::isfinite(value) || value < 0 || value > 1e6) return bad(column, at);
        payload += field(value, column, value != std::floor(value));
      } else {
        const std::string text = select_.text(at);
        // An old version kept the masks as numbers: the zeros in front of them are gone, and no field is empty.
        if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos) return bad(column, at);
        const std::size_t width = column.name == "raw_status" ? 8 : column.name == "mask_d" ? 3 : 2;
        payload += text.size() < width ? std::string(width - text.size(), '0') + text : text;
      }
    }
    feed(payload, time_ns);
    const std::string mode = select_.text(static_cast<int>(kColumns.size()) + 2);
    if (mode.empty()) return;
    // godenerg has two letters for each one that QMOD answers.
    static constexpr std::array<std::pair<std::string_view, char>, 6> kModes = {
        {{"PM", 'P'}, {"SB", 'S'}, {"LN", 'L'}, {"BT", 'B'}, {"FA", 'F'}, {"PS", 'H'}}};
    for (const auto& [word, letter] : kModes)
      if (mode == word || (mode.size() == 1 && mode[0] == letter)) return feed(std::string{'('} + letter, time_ns);
    if (mode == "00")
      return problems_.note("gdn-mode", place(), "the inverter was in a mode that godenerg did not know");
    problems_.lost("gdn-mode", place(), fmt::format("mode: expected PM, SB, LN, BT, FA or PS, got '{}'", mode));
  }
  void bad(const Column& column, int at) {
    problems_.lost("gdn-value", place(),
                   fmt::format("{}: got '{}'; the row is left out, as the inverter's reply can't be made of it",
                               column.name, select_.is_null(at) ? "NULL" : select_.text(at)));
  }
  void feed(const std::string& payload, std::int64_t time_ns) {
    const std::string frame = with_crc(payload);
    offline_->feed(Bytes{reinterpret_cast<const std::uint8_t*>(frame.data()), frame.size()},
                   Meta{time_ns, offset_, {}, {}, 0});
    offset_ += frame.size();
  }

  /// The four values that later versions keep for a few hours, each 2 s.
  void sample(std::int64_t time_ns) {
    struct Place {
      std::string_view channel, quantity, source;
    };
    static constexpr std::array<Place, 4> kPlaces = {{{"battery", "voltage", "QPIGS.9"},
                                                      {"battery", "charge_current", "QPIGS.10"},
                                                      {"pv1", "charge_current", "QPIGS.13"},
                                                      {"pv1", "active_power", "QPIGS.20"}}};
    maker_.start(target_.device(), time_ns);
    for (std::size_t i = 0; i < kPlaces.size(); ++i) {
      const int at = static_cast<int>(i) + 2;
      if (select_.is_null(at)) continue;
      if (!select_.is_number(at) || select_.number(at) < 0) {
        problems_.lost("gdn-value", place(), fmt::format("expected a number from 0 on, got '{}'", select_.text(at)));
        continue;
      }
      if (!samples_[i]) {
        std::string error;
        samples_[i] = target_.wire(kPlaces[i].channel, kPlaces[i].quantity, kPlaces[i].source, {}, &error);
        if (!samples_[i]) {
          problems_.lost("series", place(), error);
          continue;
        }
      }
      maker_.add(samples_[i]->id, samples_[i]->factor * select_.number(at) + samples_[i]->offset);
    }
    maker_.finish(*out_);
  }

  GodenergSetup setup_;
  Target& target_;
  Problems& problems_;
  database::Database db_;
  database::Statement select_;
  std::string table_;
  bool has_last_ = false, has_mode_ = false;
  std::int64_t first_ = 0, last_ = 0, at_ = 0;
  std::uint64_t records_ = 0, offset_ = 0;
  std::array<std::optional<Target::Bound>, 4> samples_;
  BatchMaker maker_;
  std::vector<BatchPtr>* out_ = nullptr;
  std::optional<session::Offline> offline_;
};

}  // namespace

std::unique_ptr<Importer> godenerg(GodenergSetup setup, SeriesTable& series, Target& target, Problems& problems) {
  try {
    return std::make_unique<Godenerg>(std::move(setup), series, target, problems);
  } catch (const database::Error& e) {
    throw ImportError(fmt::format("imp-read: {}", e.what()));
  } catch (const session::SessionError& e) {
    throw ImportError(fmt::format("imp-open: the plugin axpert does not start: {}", e.what()));
  }
}

}  // namespace mesura::importing
