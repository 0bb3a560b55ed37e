// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Answers about the past: what a sink has stored, asked for by series and time.
#pragma once

#include <mesura/measurement.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::store {

class Archive;

/// A question that has no answer, or a database that does not give one. what() is for people: stable code, then what,
/// where, expected, got, and a hint on a line of its own: "qry-series: no series matches 'grdi/*'\n  hint      ...".
class StoreError : public std::runtime_error {
 public:
  enum class Cause : std::uint8_t {
    question,    ///< what was asked for makes no sense or is too much: ask otherwise
    unknown,     ///< there is no such series, device, quarter ...
    unavailable  ///< the database is away, locked, damaged: ask again later
  };
  StoreError(Cause cause, const std::string& what) : std::runtime_error(what), cause_(cause) {}
  [[nodiscard]] Cause cause() const { return cause_; }

 private:
  Cause cause_;
};

/// [from, to), UTC, ns since 1970.
struct TimeRange {
  std::int64_t from_ns = 0;
  std::int64_t to_ns = 0;

  [[nodiscard]] bool contains(std::int64_t time_ns) const { return from_ns <= time_ns && time_ns < to_ns; }
  friend bool operator==(const TimeRange&, const TimeRange&) = default;
};

/// How fine stored rows are. Up to the hour windows are those of UTC, days those of the site's zone.
enum class Resolution : std::uint8_t { raw, minute, quarter_hour, hour, day };
[[nodiscard]] std::string_view to_string(Resolution resolution);  ///< "raw", "1m", "15m", "1h", "1d"

/// A series as it is stored.
struct StoredSeries {
  SeriesInfo info;               ///< `id` numbers it within its archive for as long as that is open, from 0
  bool stored_as_state = false;  ///< a row for each change, no rollups
};

/// The newest value of a series.
struct LatestValue {
  std::uint32_t series = 0;
  std::int64_t time_ns = 0;
  double number = 0;
  std::string text;  ///< where the series is a text
  std::uint8_t quality = 0;
};

/// What is asked for. Series match if any glob does (model/glob.hpp: device/channel/quantity, fewer parts take all
/// below).
struct Query {
  std::vector<std::string> series;
  TimeRange range;
  /// At most so many windows over the range, per series (1 .. kMaxPoints).
  std::size_t points = 1000;
  /// Windows of this length instead, on the grid of UTC; a multiple of a day: of the site's midnights.
  std::optional<std::chrono::nanoseconds> every;
  /// Read these rows, whatever fits best; otherwise the coarsest that are at least as fine as the windows.
  std::optional<Resolution> resolution;

  static constexpr std::size_t kMaxPoints = 1'000'000;
  static constexpr std::size_t kMaxSeries = 10'000;
};

/// A window, or one measurement as it is when there are no more than points.
struct Point {
  std::int64_t time_ns = 0;  ///< start of the window; of a single measurement its own time
  double min = 0;
  double max = 0;
  double mean = 0;  ///< of a register: its last value
  double last = 0;
  std::uint64_t count = 0;  ///< measurements in it
};

/// A text or a state's number, which holds from then on.
struct StatePoint {
  std::int64_t time_ns = 0;
  double number = 0;
  std::string text;
};

/// The answer for one series.
struct Trace {
  StoredSeries series;
  Resolution resolution = Resolution::raw;  ///< of the rows that were read
  std::chrono::nanoseconds window{0};       ///< 0: every measurement as it is
  std::vector<Point> points;                ///< by time; windows without a measurement are absent
  std::vector<StatePoint> states;           ///< in place of points where the series is stored as states; the first
                                            ///< one may lie before the range: it holds at its beginning
  std::vector<TimeRange> gaps;              ///< where nothing came for more than three times the usual interval
};

/// The growth of one register, or the energy of one power, in one window.
struct Growth {
  TimeRange window;          ///< cut to what was asked for
  double amount = 0;         ///< base unit: Wh, varh, m3, ...
  double completeness = 0;   ///< 0..1: the part of the window (up to now) that measurements cover
  std::uint32_t epochs = 0;  ///< resets, rollovers and meter swaps inside
  bool estimated = false;    ///< a register at a border of the window was interpolated across a gap
};

/// Where an energy comes from, best first.
enum class EnergyOrigin : std::uint8_t {
  meter,       ///< a register of the device
  integrated,  ///< a register that Mesura keeps, from powers as they came
  power        ///< worked out now, from stored powers
};
[[nodiscard]] std::string_view to_string(EnergyOrigin origin);  ///< "meter", "integrated", "power"

/// The energies (or volumes) of one channel and quantity, window after window.
struct EnergyTrace {
  StoredSeries series;  ///< the register; origin power: of active_power, with quantity active_energy_import or _export
  EnergyOrigin origin = EnergyOrigin::meter;
  std::vector<Growth> windows;
};

/// How windows of energy follow one another, in the site's zone.
enum class Period : std::uint8_t { whole, quarter_hour, hour, day, week, month, year };
/// "whole", "15m", "1h", "day", "week" (Monday first), "month", "year".
[[nodiscard]] std::string_view to_string(Period period);
[[nodiscard]] std::optional<Period> period_from(std::string_view word);

struct EnergyQuery {
  std::vector<std::string> series;  ///< globs; matched against registers and active powers alike
  TimeRange range;
  Period every = Period::whole;
  std::int64_t now_ns = 0;  ///< what lies after it is not missing yet
};

/// Something that does not add up; nothing is dropped for it.
struct CrossCheck {
  std::string code;  ///< "phases-total", "power-energy"
  std::string device;
  TimeRange window;
  double expected = 0;  ///< the total; the register's growth
  double got = 0;       ///< the sum of phases; the integrated power
  std::string message;  ///< for people
};

/// What a quarter hour's demand was made of, best first.
enum class DemandOrigin : std::uint8_t {
  registers,  ///< four times the growth of the import registers
  meter,      ///< the meter's own running demand, when last heard in the quarter
  power       ///< time-weighted mean of the import power
};
[[nodiscard]] std::string_view to_string(DemandOrigin origin);  ///< "registers", "meter", "power"

/// One quarter hour.
struct QuarterDemand {
  std::int64_t start_ns = 0;
  double average_w = 0;  ///< import; NaN: unknown
  DemandOrigin origin = DemandOrigin::registers;
  bool estimated = false;  ///< a border was interpolated
  bool complete = false;   ///< heard within 10 s of both borders
  bool running = false;    ///< not over yet: average_w is what 1.4.0 would say
  std::uint64_t samples = 0;
  double min_w = 0, max_w = 0;  ///< import power seen in it
};

/// The highest quarter hour of a calendar month (of the site's zone; a quarter that ends with the month is its).
struct MonthPeak {
  TimeRange month;
  double average_w = 0;         ///< NaN: none
  std::int64_t quarter_ns = 0;  ///< start of that quarter
  bool from_meter = false;      ///< 1.6.0 or 98.1.0, which count; else our own measurement
  std::int64_t since_ns = 0;    ///< own: from when on we measured in that month
};

/// What the running quarter comes to.
struct Forecast {
  std::int64_t quarter_ns = 0;
  double elapsed_s = 0;
  double so_far_w = 0;    ///< D: as 1.4.0, energy so far over the whole quarter
  double power_w = 0;     ///< P: import, mean of the last minute
  double forecast_w = 0;  ///< F = D + P (900 - t) / 900
  double limit_w = 0;     ///< max(month peak or the configured limit, floor)
  double allowed_w = 0;   ///< A: power for the rest that just stays at the limit; NaN from t = 870 s on
};

/// Capacity tariff over the last twelve months.
struct CapacityYear {
  std::vector<MonthPeak> months;   ///< oldest first, at most twelve
  double mean_w = 0;               ///< of max(peak, floor)
  std::optional<double> cost_eur;  ///< where a price is configured
};

struct DemandQuery {
  std::string device;
  std::string channel = "total";
  TimeRange range;
  std::int64_t now_ns = 0;
};

struct DemandAnswer {
  std::vector<QuarterDemand> quarters;  ///< of the range, unknown ones included from the first to the last known one
  std::vector<MonthPeak> months;        ///< all that the range touches
};

/// One database that a sink writes, read beside it.
///
/// thread  one at a time; open another one for another thread
/// errors  StoreError
class Store {
 public:
  explicit Store(std::unique_ptr<Archive> archive);
  ~Store();
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;

  /// All series that match (all without globs), by device, channel and quantity. Throws `unknown` when a glob matches
  /// none.
  [[nodiscard]] std::vector<StoredSeries> series(const std::vector<std::string>& globs = {});
  /// First and last time at which a series has a value; nullopt: it has none any more.
  [[nodiscard]] std::optional<TimeRange> extent(const StoredSeries& series);
  [[nodiscard]] std::vector<LatestValue> latest(const std::vector<std::string>& globs = {});

  [[nodiscard]] std::vector<Trace> query(const Query& query);

  [[nodiscard]] std::vector<EnergyTrace> energy(const EnergyQuery& query);
  /// Phases against total, integrated power against registers, per hour of the range.
  [[nodiscard]] std::vector<CrossCheck> cross_checks(const std::string& device, TimeRange range);

  [[nodiscard]] DemandAnswer demand(const DemandQuery& query);
  /// The month peaks of the twelve months up to `now_ns`. `floor_w` and the price per kW and year are the tariff's.
  [[nodiscard]] CapacityYear capacity_year(const std::string& device, std::int64_t now_ns, double floor_w,
                                           std::optional<double> eur_per_kw_year);

  /// For what needs rows as they are: exports, compatible routes.
  [[nodiscard]] Archive& archive() { return *archive_; }

 private:
  std::unique_ptr<Archive> archive_;
};

}  // namespace mesura::store
